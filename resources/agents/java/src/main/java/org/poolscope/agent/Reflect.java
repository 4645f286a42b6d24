// SPDX-License-Identifier: Apache-2.0
package org.poolscope.agent;

import java.lang.reflect.Field;
import java.lang.reflect.Method;

/** Asks objects whose classes this agent is not compiled against. What is not there, or fails, is null. */
final class Reflect {
    private Reflect() {}

    /** "name" calls a method without parameters, public or not; ".name" reads a field. */
    static Object ask(Object target, String name) {
        if (target == null || name == null) {
            return null;
        }
        try {
            return name.startsWith(".") ? field(target, name.substring(1)) : call(target, name);
        } catch (ReflectiveOperationException | RuntimeException | LinkageError e) {
            return null; // another version of the pool, or one that is closing
        }
    }

    private static Object call(Object target, String name) throws ReflectiveOperationException {
        Method method;
        try {
            method = target.getClass().getMethod(name);
        } catch (NoSuchMethodException e) {
            method = declared(target.getClass(), name);
        }
        method.setAccessible(true);
        return method.invoke(target);
    }

    private static Method declared(Class<?> type, String name) throws NoSuchMethodException {
        for (Class<?> c = type; c != null; c = c.getSuperclass()) {
            for (Method method : c.getDeclaredMethods()) {
                if (method.getName().equals(name) && method.getParameterCount() == 0) {
                    return method;
                }
            }
        }
        throw new NoSuchMethodException(name);
    }

    private static Object field(Object target, String name) throws ReflectiveOperationException {
        for (Class<?> c = target.getClass(); c != null; c = c.getSuperclass()) {
            for (Field field : c.getDeclaredFields()) {
                if (field.getName().equals(name)) {
                    field.setAccessible(true);
                    return field.get(target);
                }
            }
        }
        return null;
    }

    static long number(Object target, String name) {
        return ask(target, name) instanceof Number n ? n.longValue() : LineWriter.UNKNOWN;
    }

    static String text(Object target, String name) {
        return ask(target, name) instanceof String s ? s : "";
    }

    /** The class, as one of the loaders knows it; null: none does. */
    static Class<?> load(String name, ClassLoader... loaders) {
        for (ClassLoader loader : loaders) {
            try {
                return Class.forName(name, false, loader);
            } catch (ClassNotFoundException | LinkageError e) {
                continue; // another may have it
            }
        }
        return null;
    }
}
