// SPDX-License-Identifier: Apache-2.0
package org.poolscope.agent;

import java.lang.reflect.InvocationHandler;
import java.lang.reflect.Method;
import java.sql.Connection;
import java.sql.DatabaseMetaData;
import java.sql.Statement;

/** What the application gets in place of the pool's connection. All calls go to that one. */
final class ConnectionHandler implements InvocationHandler {
    final Connection handle;
    private final Pool pool;
    /** Null where it could not be noted. */
    Checkout checkout;

    ConnectionHandler(Connection handle, Pool pool) {
        this.handle = handle;
        this.pool = pool;
    }

    @Override
    public Object invoke(Object wrapper, Method method, Object[] arguments) throws Throwable {
        switch (method.getName()) {
            case "close":
                if (arguments == null) {
                    close();
                    return null;
                }
                break;
            case "abort":
                return abort(method, arguments);
            case "commit":
            case "rollback":
                return busily(method, arguments);
            case "equals":
                if (method.getDeclaringClass() == Object.class) {
                    return wrapper == arguments[0];
                }
                break;
            case "hashCode":
                return System.identityHashCode(wrapper);
            case "isWrapperFor":
                return Wrappers.forward(handle, method, arguments) == Boolean.TRUE || fitsHandleOnly(arguments[0], wrapper);
            case "unwrap":
                if (fitsHandleOnly(arguments[0], wrapper) && !handle.isWrapperFor((Class<?>) arguments[0])) {
                    return handle; // what a pool asks for that knows its own connections by their class
                }
                Object inner = Wrappers.forward(handle, method, arguments);
                // A pool that gives itself: closed behind our back it would look like a leak.
                return inner == handle && ((Class<?>) arguments[0]).isInstance(wrapper) ? wrapper : inner;
            default:
                break;
        }
        Object result = Wrappers.forward(handle, method, arguments);
        if (result instanceof Statement statement) {
            String text = arguments != null && arguments[0] instanceof String sql ? sql : null;
            return wrapped(Statement.class, statement, new StatementHandler(statement, text, this, (Connection) wrapper));
        }
        if (result instanceof DatabaseMetaData data) {
            return wrapped(DatabaseMetaData.class, data, (p, m, a) -> {
                Object told = Wrappers.forward(data, m, a);
                return told == handle || told instanceof Connection && m.getName().equals("getConnection") ? wrapper : told;
            });
        }
        return result;
    }

    private boolean fitsHandleOnly(Object type, Object wrapper) {
        return type instanceof Class<?> asked && asked.isInstance(handle) && !asked.isInstance(wrapper);
    }

    private <T> T wrapped(Class<T> type, T inner, InvocationHandler handler) {
        try {
            return Wrappers.of(type, inner, handler);
        } catch (Throwable trouble) { // then the pool's own serves
            pool.agent.fault(trouble);
            return inner;
        }
    }

    private void close() throws Throwable {
        try {
            handle.close();
        } finally {
            returned();
        }
    }

    private Object abort(Method method, Object[] arguments) throws Throwable {
        try {
            return Wrappers.forward(handle, method, arguments);
        } finally {
            if (isClosed()) { // some pools count it as lent until close
                returned();
            }
        }
    }

    private boolean isClosed() {
        try {
            return handle.isClosed();
        } catch (Exception | LinkageError e) {
            return false;
        }
    }

    private void returned() {
        Checkout c = checkout;
        if (c != null && c.lent) {
            pool.returned(c, handle);
        }
    }

    private Object busily(Method method, Object[] arguments) throws Throwable {
        begins(method.getName().equals("commit") ? "COMMIT" : "ROLLBACK");
        try {
            return Wrappers.forward(handle, method, arguments);
        } finally {
            ends();
        }
    }

    void begins(String statement) {
        Checkout c = checkout;
        if (c != null) {
            pool.begins(c, statement);
        }
    }

    void ends() {
        Checkout c = checkout;
        if (c != null) {
            pool.ends(c);
        }
    }

    void beat() {
        Checkout c = checkout;
        if (c != null) {
            pool.beat(c);
        }
    }
}
