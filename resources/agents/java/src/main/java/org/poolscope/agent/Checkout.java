// SPDX-License-Identifier: Apache-2.0
package org.poolscope.agent;

import java.lang.ref.ReferenceQueue;
import java.lang.ref.WeakReference;
import java.sql.Connection;

/**
 * One borrowing. It refers weakly to what the application holds: so the agent keeps nothing alive, and
 * learns when a connection was dropped without close. What is not final is written under the agent's
 * lock, if nothing else is said.
 */
final class Checkout extends WeakReference<Holder> {
    final Pool pool;
    final long at;
    final long waitUs;
    final Scope scope;
    final String thread;
    final Trace.Ids trace;

    /** Null: the driver's connection inside could not be told. Not changed once it is registered. */
    Physical conn;
    long id;
    boolean lent;
    boolean abandoned;
    long beat = LineWriter.UNKNOWN;
    /** By the holder's thread. */
    volatile boolean busy;
    /** CallStack, then Stacks.Known; null: none. By the holder's thread before it is told, then by the agent's. */
    volatile Object stack;
    /** Statements that were prepared on it and are open, the newest first. */
    Prepared prepared;
    int preparedNow;
    /** Of the pool's list of what is lent. */
    Checkout before;
    Checkout behind;

    Checkout(Holder holder, ReferenceQueue<Holder> queue, Pool pool, long at, long waitUs,
            Scope scope, Trace.Ids trace, CallStack stack) {
        super(holder, queue);
        this.pool = pool;
        this.at = at;
        this.waitUs = waitUs;
        this.scope = scope;
        this.trace = trace;
        this.stack = stack;
        Thread thread = Thread.currentThread();
        String name = thread.getName();
        this.thread = name.isEmpty() ? threadWithoutName(thread) : name;
    }

    @SuppressWarnings("deprecation") // threadId() is newer than the oldest Java served here
    private static String threadWithoutName(Thread thread) {
        return "thread " + thread.getId();
    }

    /** The pool's own handle, unless it was dropped. */
    Connection handle() {
        Holder holder = get();
        return holder == null ? null : holder.handle;
    }

    Lines.Lent line(String poolName, String stackId, boolean open) {
        return new Lines.Lent(poolName, Long.toString(id), at, conn == null ? null : conn.name(), waitUs, scope.by, thread,
            stackId, conn == null ? 0 : conn.serverPid, conn == null ? 0 : conn.localPort, scope.tagsWith(trace),
            trace == null ? null : trace.trace(), scope.expectedUs, open,
            open ? beat : LineWriter.UNKNOWN, open ? (Boolean) busy : null);
    }
}
