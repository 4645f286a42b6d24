// SPDX-License-Identifier: Apache-2.0
package org.poolscope.agent;

import java.lang.reflect.InvocationHandler;
import java.sql.Connection;
import java.sql.DatabaseMetaData;
import java.sql.SQLException;
import java.sql.Statement;

/** What the application holds in place of the pool's connection: tells the agent what becomes of that. */
abstract class Holder {
    final Connection handle;
    final Pool pool;
    /** Null where it could not be noted. */
    Checkout checkout;

    Holder(Connection handle, Pool pool) {
        this.handle = handle;
        this.pool = pool;
    }

    /** What the application gets. */
    abstract Connection wrapper();

    final void closeHandle() throws SQLException {
        try {
            handle.close();
        } finally {
            returned();
        }
    }

    /** Some pools count an aborted one as lent until it is closed. */
    final void aborted() {
        boolean closed;
        try {
            closed = handle.isClosed();
        } catch (Exception | LinkageError e) {
            closed = false;
        }
        if (closed) {
            returned();
        }
    }

    private void returned() {
        Checkout c = checkout;
        if (c != null && c.lent) {
            pool.returned(c, handle);
        }
    }

    final void begins(String statement) {
        Checkout c = checkout;
        if (c != null) {
            pool.begins(c, statement);
        }
    }

    final void ends() {
        Checkout c = checkout;
        if (c != null) {
            pool.ends(c);
        }
    }

    final void beat() {
        Checkout c = checkout;
        if (c != null) {
            pool.beat(c);
        }
    }

    /** `text`: of a prepared one; null otherwise. */
    final <T extends Statement> T statement(Class<T> type, T inner, String text) {
        if (inner == null) {
            return null;
        }
        Prepared prepared = text == null || checkout == null ? null : pool.statements.prepares(checkout, inner, text);
        return wrapped(type, inner, new StatementHandler(inner, text, this, prepared));
    }

    final DatabaseMetaData metaData(DatabaseMetaData data) {
        if (data == null) {
            return null;
        }
        return wrapped(DatabaseMetaData.class, data, (p, m, a) -> {
            Object told = Wrappers.forward(data, m, a);
            return told == handle || told instanceof Connection && m.getName().equals("getConnection") ? wrapper() : told;
        });
    }

    private <T> T wrapped(Class<T> type, T inner, InvocationHandler handler) {
        try {
            return Wrappers.of(type, inner, handler);
        } catch (Throwable trouble) { // then the pool's own serves
            pool.agent.fault(trouble);
            return inner;
        }
    }

    /** Asked for by a class that the pool's own connection has and the wrapper has not. */
    final boolean fitsHandleOnly(Class<?> type) {
        return type != null && type.isInstance(handle) && !type.isInstance(wrapper());
    }

    /** What the pool's connection gave: where it gave itself, the wrapper, which else would be passed by. */
    final Object unwrapped(Class<?> type, Object inner) {
        return inner == handle && type.isInstance(wrapper()) ? wrapper() : inner;
    }
}
