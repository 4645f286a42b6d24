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

    private Wrappers() {}

    static <T> T of(Class<T> type, T wrapped, InvocationHandler handler) throws Throwable {
        return type.cast((Object) MAKERS.get(wrapped.getClass()).invokeExact(handler));
    }

    private static MethodHandle makerFor(Class<?> type) throws ReflectiveOperationException {
        ClassLoader loader = type.getClassLoader();
        Set<Class<?>> interfaces = new LinkedHashSet<>();
        for (Class<?> c = type; c != null; c = c.getSuperclass()) {
            collect(c, loader, interfaces);
        }
        Object sample = Proxy.newProxyInstance(loader, interfaces.toArray(new Class<?>[0]), (p, m, a) -> null);
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
