// SPDX-License-Identifier: Apache-2.0
package org.poolscope.agent;

import java.lang.ref.WeakReference;
import java.sql.Statement;

/** A prepared statement that is open. It does not keep it alive. What is not final: under the agent's lock. */
final class Prepared extends WeakReference<Statement> {
    final long at;
    final String text;
    /** CallStack, then Stacks.Known by the agent's thread; null: none. */
    volatile Object stack;

    boolean open;
    /** On which it was prepared: until that is back, and after that where the pool did not close it. */
    Checkout checkout;
    Prepared next;

    Prepared(Statement handle, long at, String text, CallStack stack) {
        super(handle);
        this.at = at;
        this.text = text;
        this.stack = stack;
    }
}
