// SPDX-License-Identifier: Apache-2.0
package org.poolscope.agent;

import java.io.Closeable;
import java.io.IOException;
import java.io.PrintWriter;
import java.lang.reflect.InvocationTargetException;
import java.sql.Connection;
import java.sql.ConnectionBuilder;
import java.sql.SQLException;
import java.sql.SQLFeatureNotSupportedException;
import java.sql.ShardingKey;
import java.sql.ShardingKeyBuilder;
import java.util.logging.Logger;
import javax.sql.DataSource;

/** A data source that tells the agent of what it lends. All calls go to the wrapped one. */
final class TrackedDataSource implements DataSource, Closeable {
    final DataSource inner;
    final Pool pool;

    TrackedDataSource(DataSource inner, Pool pool) {
        this.inner = inner;
        this.pool = pool;
    }

    private interface Acquire {
        Connection connection() throws SQLException;
    }

    private Connection tracked(Acquire acquire) throws SQLException {
        long began = pool.begins();
        Connection connection;
        try {
            connection = acquire.connection();
        } catch (Throwable thrown) {
            pool.failed(began, thrown);
            throw thrown;
        }
        return pool.lent(connection, began);
    }

    @Override
    public Connection getConnection() throws SQLException {
        return tracked(inner::getConnection);
    }

    @Override
    public Connection getConnection(String username, String password) throws SQLException {
        return tracked(() -> inner.getConnection(username, password));
    }

    @Override
    public ConnectionBuilder createConnectionBuilder() throws SQLException {
        return new Builder(inner.createConnectionBuilder());
    }

    private final class Builder implements ConnectionBuilder {
        private final ConnectionBuilder builder;

        Builder(ConnectionBuilder builder) {
            this.builder = builder;
        }

        @Override
        public ConnectionBuilder user(String username) {
            builder.user(username);
            return this;
        }

        @Override
        public ConnectionBuilder password(String password) {
            builder.password(password);
            return this;
        }

        @Override
        public ConnectionBuilder shardingKey(ShardingKey shardingKey) {
            builder.shardingKey(shardingKey);
            return this;
        }

        @Override
        public ConnectionBuilder superShardingKey(ShardingKey superShardingKey) {
            builder.superShardingKey(superShardingKey);
            return this;
        }

        @Override
        public Connection build() throws SQLException {
            return tracked(builder::build);
        }
    }

    @Override
    public ShardingKeyBuilder createShardingKeyBuilder() throws SQLException {
        return inner.createShardingKeyBuilder();
    }

    @Override
    public PrintWriter getLogWriter() throws SQLException {
        return inner.getLogWriter();
    }

    @Override
    public void setLogWriter(PrintWriter out) throws SQLException {
        inner.setLogWriter(out);
    }

    @Override
    public void setLoginTimeout(int seconds) throws SQLException {
        inner.setLoginTimeout(seconds);
    }

    @Override
    public int getLoginTimeout() throws SQLException {
        return inner.getLoginTimeout();
    }

    @Override
    public Logger getParentLogger() throws SQLFeatureNotSupportedException {
        return inner.getParentLogger();
    }

    @Override
    public <T> T unwrap(Class<T> type) throws SQLException {
        return type.isInstance(inner) ? type.cast(inner) : inner.unwrap(type);
    }

    @Override
    public boolean isWrapperFor(Class<?> type) throws SQLException {
        return type.isInstance(inner) || inner.isWrapperFor(type);
    }

    /** Closes the wrapped one, if it can be closed. The pool is not shown any more. */
    @Override
    public void close() throws IOException {
        try {
            if (inner instanceof AutoCloseable closeable) {
                closeable.close();
            } else {
                inner.getClass().getMethod("close").invoke(inner); // Tomcat's
            }
        } catch (NoSuchMethodException | IllegalAccessException e) {
            return; // nothing to close, and so it goes on
        } catch (InvocationTargetException e) {
            throw asIo(e.getCause());
        } catch (Exception e) {
            throw asIo(e);
        }
        pool.agent.hide(pool);
    }

    private static IOException asIo(Throwable thrown) {
        if (thrown instanceof RuntimeException e) {
            throw e;
        }
        if (thrown instanceof Error e) {
            throw e;
        }
        return thrown instanceof IOException e ? e : new IOException(thrown);
    }

    @Override
    public String toString() {
        return inner.toString();
    }
}
