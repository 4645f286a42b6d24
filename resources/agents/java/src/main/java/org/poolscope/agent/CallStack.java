// SPDX-License-Identifier: Apache-2.0
package org.poolscope.agent;

/**
 * Where a thread is. Never thrown: to fill a throwable in is by far the cheapest way that Java has to
 * note a stack (a StackWalker takes three times as long and more). Names and lines are looked up later,
 * in the agent's thread, and only for an inspector.
 */
final class CallStack extends Throwable {
    private static final long serialVersionUID = 1;

    CallStack() {
        super(null, null, false, true);
    }
}
