// SPDX-License-Identifier: Apache-2.0
package org.poolscope.agent;

import java.time.Duration;
import java.util.Arrays;
import java.util.concurrent.Callable;

/**
 * What the application says about the work that a thread does, until it is closed. Scopes nest: an
 * inner one adds to those around it, and of a tag that occurs again the inner value counts.
 *
 * <pre>try (var tags = Poolscope.tags("route", "/checkout")) { … }</pre>
 */
public final class Scope implements AutoCloseable {
    private static final ThreadLocal<Scope> CURRENT = new ThreadLocal<>();
    private static final String[] NO_TAGS = {};
    static final Scope NONE = new Scope(null, NO_TAGS, "", LineWriter.UNKNOWN);

    private final Scope around;
    private volatile boolean closed;
    final String[] tags;
    final String by;
    final long expectedUs;

    private Scope(Scope around, String[] tags, String by, long expectedUs) {
        this.around = around;
        this.tags = tags;
        this.by = by;
        this.expectedUs = expectedUs;
    }

    /** That of this thread, or NONE. */
    static Scope current() {
        Scope scope = CURRENT.get();
        if (scope == null) {
            return NONE;
        }
        return scope.closed ? drop() : scope;
    }

    /** Leaves those that were closed, by whomever and in whatever order. */
    private static Scope drop() {
        Scope scope = CURRENT.get();
        while (scope != null && scope.closed) {
            scope = scope.around;
        }
        if (scope == null) {
            CURRENT.remove();
            return NONE;
        }
        CURRENT.set(scope);
        return scope;
    }

    private static Scope enter(String[] tags, String by, long expectedUs) {
        Scope now = current();
        Scope scope = new Scope(now == NONE ? null : now, tags, by, expectedUs);
        CURRENT.set(scope);
        return scope;
    }

    static Scope ofTags(String... namesAndValues) {
        Scope now = current();
        String[] tags = now.tags;
        int length = namesAndValues == null ? 0 : namesAndValues.length;
        for (int i = 0; i + 1 < length; i += 2) {
            tags = with(tags, namesAndValues[i], namesAndValues[i + 1]);
        }
        return enter(tags, now.by, now.expectedUs);
    }

    private static String[] with(String[] tags, String name, String value) {
        if (name == null || name.isEmpty() || value == null) {
            return tags;
        }
        int place = 0;
        while (place < tags.length && !tags[place].equals(name)) {
            place += 2;
        }
        if (place == 2 * Limits.TAGS) {
            return tags;
        }
        String[] more = Arrays.copyOf(tags, Math.max(tags.length, place + 2));
        more[place] = name;
        more[place + 1] = value;
        return more;
    }

    /** With the span's id, as each agent has it. A tag that the application itself calls so stays as it is. */
    String[] tagsWith(Trace.Ids trace) {
        if (trace == null || trace.span() == null) {
            return tags;
        }
        for (int i = 0; i < tags.length; i += 2) {
            if (tags[i].equals(Trace.SPAN_TAG)) {
                return tags;
            }
        }
        return with(tags.length < 2 * Limits.TAGS ? tags : Arrays.copyOf(tags, 2 * Limits.TAGS - 2), Trace.SPAN_TAG, trace.span());
    }

    static Scope ofBy(String by) {
        Scope now = current();
        return enter(now.tags, by == null ? "" : by, now.expectedUs);
    }

    static Scope ofExpected(Duration expected) {
        Scope now = current();
        long us = expected == null || expected.isNegative() || expected.isZero() ? LineWriter.UNKNOWN
            : expected.getSeconds() > Limits.NUMBER / 1_000_000 ? Limits.NUMBER : expected.toNanos() / 1000;
        return enter(now.tags, now.by, us);
    }

    /** The work, in the scope that this thread is in now. */
    static <T> Callable<T> carrying(Callable<T> work) {
        Scope here = current();
        return () -> {
            Scope before = CURRENT.get();
            CURRENT.set(here == NONE ? null : new Scope(null, here.tags, here.by, here.expectedUs));
            try {
                return work.call();
            } finally {
                if (before == null) {
                    CURRENT.remove();
                } else {
                    CURRENT.set(before);
                }
            }
        };
    }

    /** Ends the scope. A second time, or in another thread, does no harm. */
    @Override
    public void close() {
        closed = true;
        Scope now = CURRENT.get();
        if (now != null && now.closed) {
            drop();
        }
    }
}
