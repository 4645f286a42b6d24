// SPDX-License-Identifier: Apache-2.0
package org.poolscope.agent;

import java.sql.Connection;
import java.util.function.ToLongFunction;

/** Settings of one pool, for {@link Poolscope#instrument}. Not for several threads at once. */
public final class PoolOptions {
    String name = "";
    String database = "";
    ToLongFunction<Connection> serverPid;
    boolean noServerPid;

    /** Unique in the process; one that is taken gets "-2" and so on behind it. Default: the pool's own name, or kind. */
    public PoolOptions name(String value) {
        name = value == null ? "" : value;
        return this;
    }

    /** A URL of scheme, host, port and database, for people to read. Default: the pool's, without user and parameters. */
    public PoolOptions database(String value) {
        database = value == null ? "" : value;
        return this;
    }

    /**
     * Gets a driver's connection and gives the server's process or connection id, 0 where it is not known: once a
     * connection, where the agent does not know the driver.
     */
    public PoolOptions serverPid(ToLongFunction<Connection> ask) {
        serverPid = ask;
        return this;
    }

    /** Keeps the agent from asking. Behind a pooler in transaction mode the id says nothing. */
    public PoolOptions noServerPid() {
        noServerPid = true;
        return this;
    }
}
