// SPDX-License-Identifier: Apache-2.0
package org.poolscope.agent;

import java.lang.reflect.Proxy;
import java.net.Socket;
import java.sql.Connection;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;

/** Finds a driver's connection inside a pool's, and what the server calls it. */
final class Driver {
    private record Known(String type, String idGetter, String query, Fingerprint.Dialect dialect) {}

    private static final String MYSQL_QUERY = "SELECT CONNECTION_ID()";
    private static final Known[] KNOWN = {
        new Known("org.postgresql.PGConnection", "getBackendPID", null, Fingerprint.Dialect.POSTGRES),
        new Known("org.mariadb.jdbc.Connection", "getThreadId", MYSQL_QUERY, Fingerprint.Dialect.MYSQL),
        new Known("org.mariadb.jdbc.MariaDbConnection", null, MYSQL_QUERY, Fingerprint.Dialect.MYSQL),
        new Known("com.mysql.cj.jdbc.JdbcConnection", "getId", MYSQL_QUERY, Fingerprint.Dialect.MYSQL),
        new Known("com.mysql.jdbc.MySQLConnection", "getId", MYSQL_QUERY, Fingerprint.Dialect.MYSQL),
    };
    /** Their handles are new with each checkout: nothing to know a connection by. */
    private static final String[] HANDLES = {
        "com.zaxxer.hikari.", "org.apache.commons.dbcp", "org.apache.tomcat.", "com.alibaba.druid.", "com.mchange.",
        "io.agroal.", "org.springframework.",
    };

    private final ClassLoader loader;
    private volatile Class<?> type;
    private volatile Known known;
    private volatile boolean sought; // once a pool: to look for classes takes long

    Driver(ClassLoader loader) {
        this.loader = loader;
    }

    Fingerprint.Dialect dialect() {
        Known now = known;
        return now == null ? Fingerprint.Dialect.ANY : now.dialect;
    }

    /** Whether ids can be told, as far as is known. */
    boolean isKnown() {
        return known != null;
    }

    /** Null where it cannot be told. */
    Connection physicalOf(Connection handle) throws SQLException {
        Class<?> expected = type;
        if (expected != null && handle.isWrapperFor(expected)) {
            return (Connection) handle.unwrap(expected);
        }
        if (!sought && find(handle)) {
            return (Connection) handle.unwrap(type);
        }
        Connection inner = handle;
        for (int depth = 0; depth < 8 && inner.isWrapperFor(Connection.class); depth++) {
            Connection next = inner.unwrap(Connection.class);
            if (next == null || next == inner) {
                break;
            }
            inner = next;
        }
        // A proxy that wraps something may be new each time.
        if (inner == handle && Proxy.isProxyClass(inner.getClass()) || isHandle(inner)) {
            return null;
        }
        if (known == null) {
            type = inner.getClass(); // found at once the next time
        }
        return inner;
    }

    private static boolean isHandle(Connection connection) {
        for (String prefix : HANDLES) {
            if (connection.getClass().getName().startsWith(prefix)) {
                return true;
            }
        }
        return false;
    }

    private boolean find(Connection handle) throws SQLException {
        sought = true;
        for (Known candidate : KNOWN) {
            Class<?> found = Reflect.load(candidate.type, loader, Thread.currentThread().getContextClassLoader(),
                handle.getClass().getClassLoader());
            if (found != null && handle.isWrapperFor(found) && handle.unwrap(found) instanceof Connection) {
                known = candidate;
                type = found;
                return true;
            }
        }
        return false;
    }

    /** The server's process or connection id; 0: not known. May ask the server, once a connection. */
    long serverPid(Connection physical) {
        Known now = known;
        if (now == null || !type.isInstance(physical)) {
            return 0;
        }
        long id = Reflect.number(physical, now.idGetter);
        if (id > 0 || now.query == null) {
            return Math.max(0, id);
        }
        try (Statement statement = physical.createStatement(); ResultSet rows = statement.executeQuery(now.query)) {
            return rows.next() ? Math.max(0, rows.getLong(1)) : 0;
        } catch (SQLException | RuntimeException | LinkageError e) {
            return 0;
        }
    }

    /** Whether the driver's connections lead to their socket, as far as is known. */
    boolean tellsPort() {
        return dialect() == Fingerprint.Dialect.POSTGRES;
    }

    /**
     * The connection's own end, by which it is found again behind a pooler; 0: not known. pgjdbc has no way to ask for
     * it: another version than those that were tried may not have what is looked for here, and then it is not told.
     */
    int localPort(Connection physical) {
        if (!tellsPort() || !type.isInstance(physical)) {
            return 0;
        }
        Object stream = Reflect.ask(Reflect.ask(physical, "getQueryExecutor"), ".pgStream");
        // Asked as what it is: with TLS its class is one that nobody may look into.
        return Reflect.ask(stream, "getSocket") instanceof Socket socket ? Math.max(0, socket.getLocalPort()) : 0;
    }
}
