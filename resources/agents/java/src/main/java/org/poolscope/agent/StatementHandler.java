// SPDX-License-Identifier: Apache-2.0
package org.poolscope.agent;

import java.lang.reflect.InvocationHandler;
import java.lang.reflect.Method;
import java.sql.Statement;

/** A statement of a wrapped connection: tells when it runs, and leads back to the wrapper. */
final class StatementHandler implements InvocationHandler {
    private final Statement handle;
    private final Holder holder;
    /** Null: none, or one that is not noted. */
    private final Prepared prepared;
    /** Of a prepared one, or the last of a batch. */
    private volatile String text;

    StatementHandler(Statement handle, String text, Holder holder, Prepared prepared) {
        this.handle = handle;
        this.text = text;
        this.holder = holder;
        this.prepared = prepared;
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
                return holder.wrapper();
            case "close":
                try {
                    return Wrappers.forward(handle, method, arguments);
                } finally {
                    holder.pool.statements.closes(prepared);
                }
            case "closeOnCompletion": // by itself, then
                Wrappers.forward(handle, method, arguments);
                holder.pool.statements.closes(prepared);
                return null;
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
