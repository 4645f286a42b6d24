// SPDX-License-Identifier: Apache-2.0
package org.poolscope.agent;

/** Settings of one pool, for {@link Poolscope#instrument}. Not for several threads at once. */
public final class PoolOptions {
    String name = "";
    String database = "";
    boolean serverPid = true;

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

    /** Whether to ask for the server's process or connection id. Behind a pooler in transaction mode it says nothing. */
    public PoolOptions serverPid(boolean value) {
        serverPid = value;
        return this;
    }
}
