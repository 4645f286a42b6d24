// SPDX-License-Identifier: Apache-2.0
package org.poolscope.agent;

import java.lang.reflect.InvocationHandler;
import java.lang.reflect.Method;
import java.sql.Connection;
import java.sql.DatabaseMetaData;
import java.sql.Statement;

/**
 * A wrapper that has all interfaces of the pool's connection, where those are more than TrackedConnection
 * has. All calls go to that connection.
 */
final class ConnectionHandler extends Holder implements InvocationHandler {
    private Connection wrapper;

    private ConnectionHandler(Connection handle, Pool pool) {
        super(handle, pool);
    }

    static ConnectionHandler of(Connection handle, Pool pool) throws Throwable {
        ConnectionHandler handler = new ConnectionHandler(handle, pool);
        handler.wrapper = Wrappers.of(Connection.class, handle, handler);
        return handler;
    }

    @Override
    Connection wrapper() {
        return wrapper;
    }

    @Override
    public Object invoke(Object proxy, Method method, Object[] arguments) throws Throwable {
        switch (method.getName()) {
            case "close":
                if (arguments == null) {
                    closeHandle();
                    return null;
                }
                break;
            case "abort":
                try {
                    return Wrappers.forward(handle, method, arguments);
                } finally {
                    aborted();
                }
            case "commit":
            case "rollback":
                return busily(method, arguments);
            case "equals":
                if (method.getDeclaringClass() == Object.class) {
                    return proxy == arguments[0];
                }
                break;
            case "hashCode":
                return System.identityHashCode(proxy);
            case "isWrapperFor":
                return Wrappers.forward(handle, method, arguments) == Boolean.TRUE || fitsHandleOnly((Class<?>) arguments[0]);
            case "unwrap":
                Class<?> type = (Class<?>) arguments[0];
                if (fitsHandleOnly(type) && !handle.isWrapperFor(type)) {
                    return handle; // what a pool asks for that knows its own connections by their class
                }
                return unwrapped(type, Wrappers.forward(handle, method, arguments));
            default:
                break;
        }
        Object result = Wrappers.forward(handle, method, arguments);
        if (result instanceof Statement statement) {
            return statement(Statement.class, statement, arguments != null && arguments[0] instanceof String sql ? sql : null);
        }
        return result instanceof DatabaseMetaData data ? metaData(data) : result;
    }

    private Object busily(Method method, Object[] arguments) throws Throwable {
        begins(method.getName().equals("commit") ? "COMMIT" : "ROLLBACK");
        try {
            return Wrappers.forward(handle, method, arguments);
        } finally {
            ends();
        }
    }
}
