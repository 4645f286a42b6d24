// SPDX-License-Identifier: Apache-2.0
package org.poolscope.agent;

/** What a pool said of itself at one moment. Below zero: it does not tell. */
record Figures(long active, long idle, long total, long max, long idleMin, long idleMax, long pending) {
    static final Figures NONE = new Figures(-1, -1, -1, -1, -1, -1, -1);
}
