// SPDX-License-Identifier: Apache-2.0
package org.poolscope.agent;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/** The table of stacks: each has one id, which is never used again. The agent's threads. */
final class Stacks {
    /** One that was looked up. */
    record Known(String id, List<Lines.Frame> frames) {}

    private static final int MOST = 10_000;
    /** From there on only the application's own frames are kept. */
    private static final int ANY = 40;

    private static final String[] LIBRARIES = {
        "java.", "javax.", "jdk.", "sun.", "com.sun.", "jakarta.", "org.poolscope.agent.",
        "com.zaxxer.hikari.", "com.alibaba.druid.", "com.mchange.", "io.agroal.", "oracle.",
        "org.postgresql.", "org.mariadb.", "com.mysql.", "com.microsoft.sqlserver.", "org.h2.", "org.hsqldb.",
        "org.apache.commons.", "org.apache.tomcat.", "org.apache.catalina.", "org.apache.coyote.",
        "org.apache.ibatis.", "org.apache.logging.", "org.springframework.", "org.hibernate.", "org.jooq.",
        "org.jdbi.", "org.mybatis.", "org.flywaydb.", "liquibase.", "org.eclipse.jetty.", "org.glassfish.",
        "org.jboss.", "org.wildfly.", "io.undertow.", "io.netty.", "io.vertx.", "io.quarkus.", "io.micronaut.",
        "io.micrometer.", "io.opentelemetry.", "io.grpc.", "reactor.", "rx.", "io.reactivex.", "org.quartz.",
        "com.google.inject.", "com.google.common.", "net.bytebuddy.", "net.sf.cglib.", "javassist.",
        "kotlin.", "kotlinx.", "scala.", "akka.", "groovy.", "org.codehaus.groovy.", "clojure.",
        "org.junit.", "org.testng.", "org.mockito.", "weblogic.", "com.ibm.",
    };

    private final List<String> own;
    private final int depth;
    private Map<List<StackTraceElement>, Known> table = new HashMap<>();
    private long ids;
    private volatile int size;

    Stacks(List<String> own, int depth) {
        this.own = List.copyOf(own);
        this.depth = depth;
    }

    int size() {
        return size;
    }

    /** Null where the virtual machine has none (-XX:-StackTraceInThrowable). */
    synchronized Known intern(CallStack stack) {
        List<StackTraceElement> frames = trimmed(stack.getStackTrace());
        if (frames.isEmpty()) {
            return null;
        }
        Known known = table.get(frames);
        if (known == null) {
            if (table.size() >= MOST) { // those that return get another id
                table = new HashMap<>();
            }
            List<Lines.Frame> list = new ArrayList<>(frames.size());
            for (StackTraceElement frame : frames) {
                list.add(frameOf(frame));
            }
            known = new Known(Long.toString(++ids), list);
            table.put(frames, known);
            size = table.size();
        }
        return known;
    }

    /** Without the agent's frames at its inner end, and bounded. */
    private List<StackTraceElement> trimmed(StackTraceElement[] all) {
        int from = 0;
        while (from < all.length && (isAgents(all[from].getClassName()) || from > 0 && isProxy(all[from].getClassName()))) {
            from++;
        }
        List<StackTraceElement> frames = new ArrayList<>();
        for (int i = from; i < all.length && frames.size() < depth; i++) {
            if (frames.size() < ANY || all.length - from <= depth || isOwn(all[i].getClassName())) {
                frames.add(all[i]);
            }
        }
        return frames;
    }

    /** Of a wrapper that the JDK made. */
    private static boolean isProxy(String name) {
        return name.contains(".$Proxy");
    }

    private boolean isAgents(String name) {
        return name.startsWith("org.poolscope.agent.") && !isNamedOwn(name);
    }

    private boolean isNamedOwn(String name) {
        for (String prefix : own) {
            if (name.startsWith(prefix)) {
                return true;
            }
        }
        return false;
    }

    boolean isOwn(String name) {
        if (isNamedOwn(name)) {
            return true;
        }
        // What frameworks generate: "Shop$$EnhancerBySpringCGLIB$$1", "Shop$$SpringCGLIB$$0", "$Proxy12".
        if (name.contains("$$") || name.contains("$Proxy")) {
            return false;
        }
        for (String prefix : LIBRARIES) {
            if (name.startsWith(prefix)) {
                return false;
            }
        }
        return true;
    }

    private Lines.Frame frameOf(StackTraceElement frame) {
        String name = frame.getClassName();
        String file = frame.getFileName();
        int dot = name.lastIndexOf('.');
        // As in a source tree: an editor finds it, and two files of one name are told apart.
        String path = file == null || dot < 0 ? file : name.substring(0, dot).replace('.', '/') + '/' + file;
        return new Lines.Frame(name + '.' + frame.getMethodName(), path, Math.max(0, frame.getLineNumber()), isOwn(name));
    }

    /** Of a checkout, for the log. */
    String whereOf(Checkout c) {
        if (c.stack instanceof CallStack raw) {
            for (StackTraceElement frame : raw.getStackTrace()) {
                if (isOwn(frame.getClassName())) {
                    return " at " + frame;
                }
            }
        }
        if (c.stack instanceof Stacks.Known known) {
            for (Lines.Frame frame : known.frames()) {
                if (frame.own()) {
                    return " at " + frame.function() + " (" + frame.file() + ":" + frame.line() + ")";
                }
            }
        }
        return " by thread " + Log.plain(c.thread, Limits.THREAD);
    }
}
