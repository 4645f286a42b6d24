// SPDX-License-Identifier: Apache-2.0
package org.poolscope.agent;

import java.lang.ref.WeakReference;
import java.sql.Connection;

/** What the agent notes of a driver's connection. It does not keep it alive. */
final class Physical {
    final WeakReference<Connection> connection;
    final Pool pool;
    final long opened;
    final long serverPid;
    final int localPort;

    // Under the agent's lock.
    long id;
    Checkout lent;
    boolean gone;
    /** Prepared statements that the pool did not close when the connection came back. */
    int leftOpen;

    Physical(Connection connection, Pool pool, long opened, long serverPid, int localPort) {
        this.connection = new WeakReference<>(connection);
        this.pool = pool;
        this.opened = opened;
        this.serverPid = serverPid;
        this.localPort = localPort;
    }

    String name() {
        return Long.toString(id);
    }
}
