// SPDX-License-Identifier: Apache-2.0
package org.poolscope.agent;

import java.lang.reflect.InvocationHandler;
import java.lang.reflect.Method;
import java.sql.Connection;
import java.sql.Statement;

/** A statement of a wrapped connection: tells when it runs, and leads back to the wrapper. */
final class StatementHandler implements InvocationHandler {
    private final Statement handle;
    private final ConnectionHandler holder;
    private final Connection connection;
    /** Of a prepared one, or the last of a batch. */
    private volatile String text;

    StatementHandler(Statement handle, String text, ConnectionHandler holder, Connection connection) {
        this.handle = handle;
        this.text = text;
        this.holder = holder;
        this.connection = connection;
    }

    @Override
    public Object invoke(Object wrapper, Method method, Object[] arguments) throws Throwable {
        String name = method.getName();
        if (name.startsWith("execute")) {
            return execute(method, arguments);
        }
        switch (name) {
            case "getConnection":
                Wrappers.forward(handle, method, arguments); // throws where the statement is closed
                return connection;
            case "addBatch":
                if (arguments != null && arguments[0] instanceof String sql) {
                    text = sql;
                }
                break;
            case "equals":
                if (method.getDeclaringClass() == Object.class) {
                    return wrapper == arguments[0];
                }
                break;
            case "hashCode":
                return System.identityHashCode(wrapper);
            case "unwrap":
                Object inner = Wrappers.forward(handle, method, arguments);
                return inner == handle && ((Class<?>) arguments[0]).isInstance(wrapper) ? wrapper : inner;
            default:
                break;
        }
        return Wrappers.forward(handle, method, arguments);
    }

    private Object execute(Method method, Object[] arguments) throws Throwable {
        holder.begins(arguments != null && arguments[0] instanceof String sql ? sql : text);
        try {
            return Wrappers.forward(handle, method, arguments);
        } finally {
            holder.ends();
        }
    }
}
