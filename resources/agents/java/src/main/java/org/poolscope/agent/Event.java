// SPDX-License-Identifier: Apache-2.0
package org.poolscope.agent;

/** What happened, in the ring between the application's threads and the agent's. */
record Event(long n, Kind kind, long at, Pool pool, String poolName, Physical conn, Checkout checkout,
        String text, long value) {
    enum Kind { OPEN, CLOSE, WAIT, CHECKOUT, BUSY, IDLE, BEAT, CHECKIN, TIMEOUT, LEAK }
}
