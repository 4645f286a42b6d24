// SPDX-License-Identifier: Apache-2.0
package org.poolscope.agent;

import java.lang.invoke.MethodHandle;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.MethodType;

/** OpenTelemetry's trace and span id, where its API is on the class path. It is not needed to compile or to run. */
final class Trace {
    private final MethodHandle currentSpan; // ()Object
    private final MethodHandle contextOf; // (Object)Object
    private final MethodHandle isValid; // (Object)boolean
    private final MethodHandle traceIdOf; // (Object)String
    private final MethodHandle spanIdOf; // the same

    /** In hexadecimal. */
    record Ids(String trace, String span) {}

    static final String SPAN_TAG = "span_id";

    private Trace(ClassLoader loader) throws ReflectiveOperationException {
        Class<?> span = Class.forName("io.opentelemetry.api.trace.Span", true, loader);
        Class<?> context = Class.forName("io.opentelemetry.api.trace.SpanContext", true, loader);
        MethodHandles.Lookup lookup = MethodHandles.publicLookup();
        currentSpan = lookup.findStatic(span, "current", MethodType.methodType(span))
            .asType(MethodType.methodType(Object.class));
        contextOf = lookup.findVirtual(span, "getSpanContext", MethodType.methodType(context))
            .asType(MethodType.methodType(Object.class, Object.class));
        isValid = lookup.findVirtual(context, "isValid", MethodType.methodType(boolean.class))
            .asType(MethodType.methodType(boolean.class, Object.class));
        traceIdOf = lookup.findVirtual(context, "getTraceId", MethodType.methodType(String.class))
            .asType(MethodType.methodType(String.class, Object.class));
        spanIdOf = lookup.findVirtual(context, "getSpanId", MethodType.methodType(String.class))
            .asType(MethodType.methodType(String.class, Object.class));
    }

    /** Null where there is no OpenTelemetry. */
    static Trace find(ClassLoader... loaders) {
        for (ClassLoader loader : loaders) {
            try {
                return new Trace(loader);
            } catch (ReflectiveOperationException | LinkageError e) {
                continue; // another loader may have it
            }
        }
        return null;
    }

    /** Null where no trace is under way. */
    Ids ids() {
        try {
            Object context = (Object) contextOf.invokeExact((Object) currentSpan.invokeExact());
            return (boolean) isValid.invokeExact(context)
                ? new Ids((String) traceIdOf.invokeExact(context), (String) spanIdOf.invokeExact(context)) : null;
        } catch (Throwable e) { // MethodHandle's; whatever it is, a checkout does not depend on it
            return null;
        }
    }
}
