// SPDX-License-Identifier: Apache-2.0
package org.poolscope.agent;

import java.io.PrintWriter;
import java.lang.reflect.Proxy;
import java.sql.Connection;
import java.sql.DatabaseMetaData;
import java.sql.PreparedStatement;
import java.sql.SQLException;
import java.sql.SQLTransientConnectionException;
import java.sql.Statement;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.logging.Logger;
import javax.sql.DataSource;

/** A pool whose driver does nothing. Connections say of themselves what the tests need. */
final class FakePool implements DataSource, AutoCloseable {
    /** A driver's connection. */
    interface Physical extends Connection {}

    private final int most;
    private final Deque<Physical> idle = new ArrayDeque<>();
    private int alive;
    private int lent;
    volatile boolean closed;
    volatile long patience = 50;
    volatile RuntimeException thrown;
    volatile SQLException refused;
    /** Its driver is older than the interface. */
    volatile boolean old;

    FakePool(int most) {
        this.most = most;
    }

    /** Open connections of the driver. */
    synchronized int alive() {
        return alive;
    }

    synchronized int lent() {
        return lent;
    }

    @Override
    public Connection getConnection() throws SQLException {
        if (thrown != null) {
            throw thrown;
        }
        if (refused != null) {
            throw refused;
        }
        return handle(physical());
    }

    private synchronized Physical physical() throws SQLException {
        long end = System.nanoTime() + patience * 1_000_000;
        while (idle.isEmpty() && lent == most) {
            long left = (end - System.nanoTime()) / 1_000_000;
            if (left <= 0) {
                throw new SQLTransientConnectionException("nothing came");
            }
            try {
                wait(left);
            } catch (InterruptedException e) {
                throw new SQLException(e);
            }
        }
        lent++;
        if (!idle.isEmpty()) {
            return idle.pop();
        }
        alive++;
        boolean[] shut = {false};
        return (Physical) Proxy.newProxyInstance(FakePool.class.getClassLoader(), new Class<?>[] {Physical.class},
            (p, m, a) -> switch (m.getName()) {
                case "close" -> {
                    shut[0] = true;
                    yield null;
                }
                case "isClosed" -> {
                    if (old) {
                        throw new AbstractMethodError(m.getName());
                    }
                    yield shut[0];
                }
                case "isWrapperFor" -> false;
                case "hashCode" -> System.identityHashCode(p);
                case "equals" -> p == a[0];
                default -> throw new UnsupportedOperationException(m.getName());
            });
    }

    private synchronized void back(Physical physical, boolean broken) throws SQLException {
        lent--;
        if (broken) {
            alive--;
            physical.close();
        } else {
            idle.push(physical);
        }
        notify();
    }

    /** What a pool lends: a fresh one each time. Named as no wrapper of the JDK's, see Driver. */
    private Connection handle(Physical physical) {
        return new Handle(physical).proxy();
    }

    private final class Handle {
        private final Physical physical;
        private boolean shut;
        private Connection self;

        Handle(Physical physical) {
            this.physical = physical;
        }

        Connection proxy() {
            self = (Connection) Proxy.newProxyInstance(FakePool.class.getClassLoader(), new Class<?>[] {Connection.class},
                (p, m, a) -> call(m.getName(), a));
            return self;
        }

        private Object call(String name, Object[] a) throws SQLException {
            switch (name) {
                case "close", "abort":
                    if (!shut) {
                        shut = true;
                        back(physical, name.equals("abort"));
                    }
                    return null;
                case "isClosed":
                    return shut;
                case "isWrapperFor":
                    if (old) {
                        throw new AbstractMethodError(name);
                    }
                    return ((Class<?>) a[0]).isInstance(physical);
                case "unwrap":
                    return physical;
                case "createStatement":
                    return statement(Statement.class);
                case "prepareStatement":
                    return statement(PreparedStatement.class);
                case "getMetaData":
                    return Proxy.newProxyInstance(FakePool.class.getClassLoader(), new Class<?>[] {DatabaseMetaData.class},
                        (p, m, b) -> m.getName().equals("getConnection") ? self : null);
                case "commit", "rollback", "setAutoCommit":
                    return null;
                default:
                    throw new SQLException("no " + name, "0A000");
            }
        }

        private Object statement(Class<?> type) {
            return Proxy.newProxyInstance(FakePool.class.getClassLoader(), new Class<?>[] {type}, (p, m, a) -> {
                if (m.getName().equals("getConnection")) {
                    return self;
                }
                if (m.getName().equals("executeUpdate")) {
                    throw new SQLException("it failed", "23505");
                }
                return m.getReturnType() == boolean.class ? (Object) false : m.getReturnType() == int.class ? (Object) 0 : null;
            });
        }
    }

    @Override
    public Connection getConnection(String username, String password) throws SQLException {
        return getConnection();
    }

    public boolean isClosed() {
        return closed;
    }

    @Override
    public void close() {
        closed = true;
    }

    @Override
    public PrintWriter getLogWriter() {
        return null;
    }

    @Override
    public void setLogWriter(PrintWriter out) {}

    @Override
    public void setLoginTimeout(int seconds) {}

    @Override
    public int getLoginTimeout() {
        return 17;
    }

    @Override
    public Logger getParentLogger() {
        return null;
    }

    @Override
    public <T> T unwrap(Class<T> type) throws SQLException {
        throw new SQLException("no " + type);
    }

    @Override
    public boolean isWrapperFor(Class<?> type) {
        return false;
    }
}
