// SPDX-License-Identifier: Apache-2.0
package org.poolscope.agent;

import java.lang.invoke.MethodHandle;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.MethodType;
import java.lang.reflect.InvocationHandler;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.lang.reflect.Modifier;
import java.lang.reflect.Proxy;
import java.sql.Connection;
import java.util.LinkedHashSet;
import java.util.Set;

/** Makes wrappers that implement all public interfaces of what they wrap, those of later Javas too. */
final class Wrappers {
    /** By the wrapped class; goes with it. */
    private static final ClassValue<MethodHandle> MAKERS = new ClassValue<>() {
        @Override
        protected MethodHandle computeValue(Class<?> type) {
            try {
                return makerFor(type);
            } catch (ReflectiveOperationException e) {
                throw new IllegalStateException(e);
            }
        }
    };

    /** Whether TrackedConnection has all that a class of connections has. */
    private static final ClassValue<Boolean> PLAIN = new ClassValue<>() {
        @Override
        protected Boolean computeValue(Class<?> type) {
            return NEWER_JAVA ? Boolean.FALSE : Boolean.valueOf(interfacesOf(type).equals(interfacesOf(TrackedConnection.class)));
        }
    };
    /** Connection has methods that TrackedConnection does not know, and would not hand on. */
    private static final boolean NEWER_JAVA = isNewer();

    private Wrappers() {}

    private static boolean isNewer() {
        for (Method method : Connection.class.getMethods()) {
            if (Modifier.isStatic(method.getModifiers())) {
                continue;
            }
            try {
                if (TrackedConnection.class.getMethod(method.getName(), method.getParameterTypes()).getDeclaringClass()
                        != TrackedConnection.class) {
                    return true;
                }
            } catch (NoSuchMethodException e) {
                return true;
            }
        }
        return false;
    }

    static boolean isPlain(Class<?> type) {
        return PLAIN.get(type);
    }

    static <T> T of(Class<T> type, T wrapped, InvocationHandler handler) throws Throwable {
        return type.cast((Object) MAKERS.get(wrapped.getClass()).invokeExact(handler));
    }

    private static Set<Class<?>> interfacesOf(Class<?> type) {
        Set<Class<?>> interfaces = new LinkedHashSet<>();
        for (Class<?> c = type; c != null; c = c.getSuperclass()) {
            collect(c, type.getClassLoader(), interfaces);
        }
        return interfaces;
    }

    private static MethodHandle makerFor(Class<?> type) throws ReflectiveOperationException {
        Object sample = Proxy.newProxyInstance(type.getClassLoader(), interfacesOf(type).toArray(new Class<?>[0]), (p, m, a) -> null);
        return MethodHandles.lookup().unreflectConstructor(sample.getClass().getConstructor(InvocationHandler.class))
            .asType(MethodType.methodType(Object.class, InvocationHandler.class));
    }

    private static void collect(Class<?> type, ClassLoader loader, Set<Class<?>> interfaces) {
        for (Class<?> face : type.getInterfaces()) {
            boolean exported = face.getModule().isExported(face.getPackageName());
            if (Modifier.isPublic(face.getModifiers()) && exported && Reflect.load(face.getName(), loader) == face) {
                interfaces.add(face);
            }
            collect(face, loader, interfaces);
        }
    }

    /** Exceptions come as the target threw them. */
    static Object forward(Object target, Method method, Object[] arguments) throws Throwable {
        try {
            return method.invoke(target, arguments);
        } catch (InvocationTargetException e) {
            throw e.getCause();
        }
    }
}
