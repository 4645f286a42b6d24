// SPDX-License-Identifier: Apache-2.0
package org.poolscope.agent;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertNotSame;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.lang.reflect.Proxy;
import java.nio.file.Path;
import java.sql.CallableStatement;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.ArrayList;
import java.util.List;
import javax.sql.DataSource;
import javax.sql.PooledConnection;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The wrappers change nothing: every method of every interface goes through, with what it throws. */
class ForwardTest {
    @TempDir
    Path folder;

    /** A pool's connection that a cast can be tried on, as Tomcat's. */
    interface Both extends Connection, PooledConnection {}

    private final List<String> called = new ArrayList<>();
    private SQLException thrown;
    private Connection handle;
    private DataSource pool;

    @BeforeEach
    void start() throws Exception {
        Poolscope.start(new AgentOptions().listen(folder + "/s.sock").log(s -> { }));
        handle = fake(Both.class);
        pool = Poolscope.instrument(fake(DataSource.class), "p");
    }

    @AfterEach
    void end() {
        assertEquals(0, Poolscope.current().faults.get());
        Poolscope.close();
    }

    private <T> T fake(Class<T> type) {
        return type.cast(Proxy.newProxyInstance(ForwardTest.class.getClassLoader(), new Class<?>[] {type}, (p, m, a) -> {
            switch (m.getName()) {
                case "hashCode":
                    return System.identityHashCode(p);
                case "equals":
                    return p == a[0];
                case "toString":
                    return "a fake " + type.getSimpleName();
                default:
                    break;
            }
            called.add(m.toGenericString());
            if (thrown != null) {
                throw thrown;
            }
            Class<?> result = m.getReturnType();
            if (result == Connection.class) {
                return handle;
            }
            if (Statement.class.isAssignableFrom(result)) {
                return fake(result);
            }
            return result == boolean.class ? (Object) false : result == int.class ? (Object) 7 : result == long.class ? (Object) 8L
                : result == byte.class ? (Object) (byte) 1 : result == short.class ? (Object) (short) 2
                : result == float.class ? (Object) 3F : result == double.class ? (Object) 4D
                : m.getName().equals("unwrap") ? p : null;
        }));
    }

    private static Object[] argumentsFor(Method method) {
        Object[] arguments = new Object[method.getParameterCount()];
        for (int i = 0; i < arguments.length; i++) {
            Class<?> type = method.getParameterTypes()[i];
            arguments[i] = type == boolean.class ? (Object) true : type == int.class ? (Object) 1 : type == long.class ? (Object) 1L
                : type == byte.class ? (Object) (byte) 1 : type == short.class ? (Object) (short) 1
                : type == float.class ? (Object) 1F : type == double.class ? (Object) 1D
                : type == Class.class ? (Object) Statement.class : null;
        }
        return arguments;
    }

    /** Each method of the interface reaches the wrapped one exactly once, and throws what that throws. */
    private void all(Class<?> type, Object wrapper) throws Exception {
        int count = 0;
        for (Method method : type.getMethods()) {
            if (java.lang.reflect.Modifier.isStatic(method.getModifiers())) {
                continue;
            }
            count++;
            called.clear();
            thrown = null;
            method.invoke(wrapper, argumentsFor(method));
            assertTrue(called.contains(method.toGenericString()), method + " reached " + called);
            // An SQLClientInfoException alone may be thrown by some.
            boolean throwsIt = List.of(method.getExceptionTypes()).contains(SQLException.class);
            if (throwsIt) {
                thrown = new SQLException("mine", "99999", 4711);
                InvocationTargetException e = assertThrows(InvocationTargetException.class,
                    () -> method.invoke(wrapper, argumentsFor(method)), method.toString());
                assertSame(thrown, e.getCause(), method.toString());
                thrown = null;
            }
        }
        assertTrue(count > 20, count + " methods");
    }

    @Test
    void everyMethodOfAConnectionGoesThrough() throws Exception {
        Connection c = pool.getConnection();
        assertNotSame(handle, c);
        all(Connection.class, c);
        assertTrue(c instanceof PooledConnection, "casts that worked work on");
        assertEquals("a fake Both", c.toString());
        assertEquals(c, c);
        assertNotEquals(c, pool.getConnection());
        assertNotEquals(c, handle);
    }

    @Test
    void everyMethodOfAStatementGoesThroughAndLeadsBack() throws Exception {
        Connection c = pool.getConnection();
        Statement plain = c.createStatement();
        PreparedStatement prepared = c.prepareStatement("SELECT 1", 1);
        CallableStatement callable = c.prepareCall("CALL x", 1, 1, 1);
        all(Statement.class, plain);
        all(PreparedStatement.class, prepared);
        all(CallableStatement.class, callable);
        assertSame(c, plain.getConnection());
        assertSame(c, prepared.getConnection());
        assertSame(c, callable.getConnection());
        assertSame(plain, plain.unwrap(Statement.class), "what would lead behind the wrapper leads to it");
        assertEquals(plain, plain);
    }

    @Test
    void everyMethodOfADataSourceGoesThrough() throws Exception {
        called.clear();
        pool.getConnection("user", "password").close();
        pool.setLoginTimeout(3);
        assertEquals(7, pool.getLoginTimeout());
        pool.getLogWriter();
        pool.setLogWriter(null);
        pool.getParentLogger();
        pool.createShardingKeyBuilder();
        assertFalse(pool.isWrapperFor(String.class));
        assertSame(pool.unwrap(DataSource.class), ((TrackedDataSource) pool).inner);
        assertEquals(List.of("getConnection", "close", "setLoginTimeout", "getLoginTimeout", "getLogWriter", "setLogWriter",
            "getParentLogger", "createShardingKeyBuilder"),
            called.stream().map(s -> s.replaceAll(".*\\.(\\w+)\\(.*", "$1")).filter(s -> !s.startsWith("is")).toList());
        thrown = new SQLException("mine");
        assertSame(thrown, assertThrows(SQLException.class, pool::getConnection));
        thrown = null;
    }
}
