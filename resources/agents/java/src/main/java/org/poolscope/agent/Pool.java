// SPDX-License-Identifier: Apache-2.0
package org.poolscope.agent;

import java.lang.ref.WeakReference;
import java.sql.Connection;
import java.sql.SQLException;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import javax.sql.DataSource;

/**
 * What the agent knows of one pool. It does not keep the pool alive. Its methods are called by the
 * application's threads, if nothing else is said; nothing that fails in them reaches the caller.
 */
final class Pool {
    final Agent agent;
    /** Whether it was said that it is instrumented a second time. */
    final AtomicBoolean again = new AtomicBoolean();
    final WeakReference<DataSource> source;
    final PoolKind kind;
    final PoolOptions options;
    final Driver driver;
    private final Trace trace;
    private final AtomicInteger acquiring = new AtomicInteger();

    /** A class of connections that need no proxy. */
    private volatile Class<?> plain;

    // Of the watcher.
    volatile Figures figures = Figures.NONE;
    volatile String[] config = {};
    volatile String database;
    int acquiringBefore;
    long excessBefore;

    // Under the agent's lock.
    String name = "";
    volatile boolean shown;
    WeakReference<TrackedDataSource> wrapper;
    private final AtomicInteger lentNow = new AtomicInteger(); // read anywhere; without fences, which cost
    volatile boolean hasServed;
    private final WeakIdentity<Physical> physicals = new WeakIdentity<>();
    private final Set<Physical> open = new LinkedHashSet<>();
    private Checkout first;
    private final ArrayDeque<Checkout> untraced = new ArrayDeque<>();
    final Statements statements;
    private final Histogram use = new Histogram();
    private final Histogram wait = new Histogram();
    private long timeouts;
    private long leaks;
    private long pending;
    /** Of those that the pool counts and nobody took through the agent. */
    volatile long unseen;

    Pool(Agent agent, DataSource pool, PoolOptions options) {
        this.agent = agent;
        statements = new Statements(agent);
        this.options = options;
        source = new WeakReference<>(pool);
        kind = PoolKind.of(pool);
        ClassLoader loader = pool.getClass().getClassLoader();
        driver = new Driver(loader);
        trace = Trace.find(Thread.currentThread().getContextClassLoader(), loader);
        database = options.database;
    }

    boolean hasTrace() {
        return trace != null;
    }

    long begins() {
        if (!kind.tellsPending()) {
            acquiring.incrementAndGet();
        }
        return agent.now();
    }

    int acquiring() {
        return acquiring.get();
    }

    private void ends() {
        if (!kind.tellsPending()) {
            acquiring.decrementAndGet();
        }
    }

    /** The wrapper of a connection that the pool lent; where the agent fails, the pool's own. */
    Connection lent(Connection handle, long began) {
        ends();
        if (handle == null || agent.isOff()) {
            return handle;
        }
        try {
            CallStack stack = agent.wantsStack(this) ? new CallStack() : null;
            if (!shown) {
                agent.show(this); // it was closed, and serves again
            }
            Holder holder = holderOf(handle);
            long now = agent.now();
            Checkout c = new Checkout(holder, agent.collected, this, now, now - began, Scope.current(), traceIds(), stack);
            holder.checkout = c;
            Connection inner = innerOf(handle);
            if (!registerKnown(c, inner)) {
                registerFresh(c, inner);
            }
            return holder.wrapper();
        } catch (Throwable trouble) { // whatever it is: the application gets its connection
            agent.fault(trouble);
            return handle;
        }
    }

    private Holder holderOf(Connection handle) throws Throwable {
        Class<?> type = handle.getClass();
        if (type != plain && Wrappers.isPlain(type)) {
            plain = type;
        }
        return type == plain ? new TrackedConnection(handle, this) : ConnectionHandler.of(handle, this);
    }

    private Trace.Ids traceIds() {
        return trace == null ? null : trace.ids();
    }

    /** Null where the pool does not tell. */
    private Connection innerOf(Connection handle) {
        try {
            return driver.physicalOf(handle);
        } catch (SQLException | RuntimeException | LinkageError e) { // drivers may be older than the interface
            return null;
        }
    }

    /** False: the driver's connection was not seen before. */
    private boolean registerKnown(Checkout c, Connection inner) {
        synchronized (agent.lock) {
            c.conn = inner == null ? null : physicals.get(inner);
            if (inner == null || c.conn != null) {
                registerLocked(c);
                return true;
            }
            return false;
        }
    }

    boolean tellsServerPid() {
        return !options.noServerPid && (options.serverPid != null || driver.isKnown());
    }

    /** 0: not known. */
    private long serverPidOf(Connection inner) {
        if (options.noServerPid) {
            return 0;
        }
        if (options.serverPid == null) {
            return driver.serverPid(inner);
        }
        try {
            long pid = options.serverPid.applyAsLong(inner);
            return pid > 0 && pid <= Limits.NUMBER ? pid : 0;
        } catch (Throwable trouble) { // the application's: the connection is noted without it
            agent.fault(trouble);
            return 0;
        }
    }

    private void registerFresh(Checkout c, Connection inner) {
        long pid = serverPidOf(inner);
        Physical fresh = new Physical(inner, this, c.at, pid, driver.localPort(inner));
        synchronized (agent.lock) {
            physicals.expunge(this::closedLocked);
            physicals.put(inner, fresh);
            fresh.id = agent.nextId();
            open.add(fresh);
            agent.emit(Event.Kind.OPEN, c.at, this, fresh, null, null, 0);
            c.conn = fresh;
            registerLocked(c);
        }
    }

    private void registerLocked(Checkout c) {
        if (c.conn != null && c.conn.lent != null) {
            returnedLocked(c.conn.lent, c.at); // its return was not seen
        }
        c.id = agent.nextId();
        c.lent = true;
        if (!hasServed) {
            hasServed = true;
        }
        if (c.conn != null) {
            c.conn.lent = c;
        }
        c.behind = first;
        if (first != null) {
            first.before = c;
        }
        first = c;
        lentNow.lazySet(lentNow.getPlain() + 1);
        wait.add(c.waitUs);
        agent.emit(Event.Kind.CHECKOUT, c.at, this, c.conn, c, null, 0);
    }

    /** The acquire threw. What it threw is the caller's. */
    void failed(long began, Throwable thrown) {
        ends();
        try {
            if (agent.isOff() || !Timeouts.isOne(thrown)) {
                return;
            }
            long now = agent.now();
            String reason = Timeouts.reasonOf(thrown); // before the lock
            CallStack stack = agent.wantsStack(this) ? new CallStack() : null;
            Checkout who = new Checkout(null, null, this, now, now - began, Scope.current(), traceIds(), stack);
            synchronized (agent.lock) {
                timeouts++;
                wait.add(who.waitUs);
                agent.emit(Event.Kind.TIMEOUT, now, this, null, who, reason, 0);
            }
        } catch (Throwable trouble) {
            agent.fault(trouble);
        }
    }

    /** The holder closed it; the driver's connection may be closed too, where there is no pool. */
    void returned(Checkout c, Connection handle) {
        try {
            long now = agent.now();
            synchronized (agent.lock) {
                returnedLocked(c, now);
            }
            if (c.prepared != null) {
                statements.settle(c);
            }
            if (c.conn != null && c.conn.connection.refersTo(handle) && handle.isClosed()) {
                closed(c.conn);
            }
        } catch (Throwable trouble) {
            agent.fault(trouble);
        }
    }

    boolean isLent(Checkout c) {
        synchronized (agent.lock) {
            return c.lent;
        }
    }

    /** False: it was back already. */
    boolean takenBack(Checkout c) {
        boolean was;
        synchronized (agent.lock) {
            was = c.lent;
            returnedLocked(c, agent.now());
        }
        statements.settle(c);
        return was;
    }

    int lentNow() {
        return lentNow.getOpaque();
    }

    private void returnedLocked(Checkout c, long now) {
        if (!c.lent) {
            return;
        }
        c.lent = false;
        if (c.conn != null && c.conn.lent == c) {
            c.conn.lent = null;
        }
        if (c.before == null) {
            first = c.behind;
        } else {
            c.before.behind = c.behind;
        }
        if (c.behind != null) {
            c.behind.before = c.before;
        }
        c.before = null;
        c.behind = null;
        lentNow.lazySet(lentNow.getPlain() - 1);
        use.add(now - c.at);
        agent.emit(Event.Kind.CHECKIN, now, this, c.conn, c, null, 0);
    }

    /** The pool is not shown any more. Should it serve again, it begins anew. Under the agent's lock. */
    void forgetLocked() {
        shown = false;
        hasServed = false;
        for (Checkout c = first; c != null; c = first) {
            returnedLocked(c, agent.now());
        }
        for (Physical physical : new ArrayList<>(open)) {
            closedLocked(physical);
        }
        untraced.clear();
        statements.forget();
        pending = 0;
    }

    void closed(Physical physical) {
        synchronized (agent.lock) {
            closedLocked(physical);
        }
    }

    private void closedLocked(Physical physical) {
        if (physical.gone) {
            return;
        }
        physical.gone = true;
        Connection connection = physical.connection.get();
        if (connection != null) {
            physicals.remove(connection);
        }
        open.remove(physical);
        agent.emit(Event.Kind.CLOSE, agent.now(), this, physical, null, null, 0);
    }

    void begins(Checkout c, String statement) {
        c.busy = true;
        tell(Event.Kind.BUSY, c, statement);
    }

    void ends(Checkout c) {
        c.busy = false;
        tell(Event.Kind.IDLE, c, null);
    }

    void beat(Checkout c) {
        long now = agent.now();
        synchronized (agent.lock) {
            c.beat = now;
            if (c.lent) {
                agent.emit(Event.Kind.BEAT, now, this, c.conn, c, null, 0);
            }
        }
    }

    private void tell(Event.Kind what, Checkout c, String text) {
        if (!agent.isAttached()) {
            return;
        }
        try {
            long now = agent.now();
            synchronized (agent.lock) {
                if (c.lent) {
                    agent.emit(what, now, this, c.conn, c, text, 0);
                }
            }
        } catch (Throwable trouble) {
            agent.fault(trouble);
        }
    }

    /** The holder dropped it without close. False: it came back all the same. */
    boolean abandoned(Checkout c) {
        synchronized (agent.lock) {
            if (!c.lent || c.abandoned) {
                return false;
            }
            c.abandoned = true;
            leaks++;
            agent.emit(Event.Kind.LEAK, agent.now(), this, c.conn, c, "critical", 0);
            if (c.conn == null && !kind.tellsFigures()) { // nothing will ever say that it is back
                untraced.add(c);
                if (untraced.size() > Limits.UNTRACED) {
                    returnedLocked(untraced.remove(), agent.now());
                }
            }
            return true;
        }
    }

    void waiting(long count) {
        synchronized (agent.lock) {
            if (count != pending) {
                pending = count;
                agent.emit(Event.Kind.WAIT, agent.now(), this, null, null, null, count);
            }
        }
    }

    List<Checkout> lentList() {
        synchronized (agent.lock) {
            return lentListLocked();
        }
    }

    private List<Checkout> lentListLocked() {
        List<Checkout> list = new ArrayList<>(lentNow());
        for (Checkout c = first; c != null; c = c.behind) {
            list.add(c);
        }
        return list;
    }

    List<Physical> openList() {
        synchronized (agent.lock) {
            physicals.expunge(this::closedLocked);
            return new ArrayList<>(open);
        }
    }

    /** Of one number, under the agent's lock. */
    record Picture(Pool pool, String name, List<Physical> open, List<Checkout> lent, long pending, Lines.Stats stats) {}

    Picture pictureLocked() {
        return new Picture(this, name, new ArrayList<>(open), lentListLocked(), pending, statsLocked());
    }

    Lines.Stats statsLocked() {
        Figures f = figures;
        boolean told = f.total() >= 0;
        long used = lentNow() + unseen;
        long idle = told ? Math.max(0, f.total() - used) : LineWriter.UNKNOWN;
        return new Lines.Stats(name, agent.now(), used, idle, LineWriter.UNKNOWN, told ? used + idle : LineWriter.UNKNOWN,
            f.max(), f.idleMin(), f.idleMax(), pending, timeouts, wait.summary(),
            use.summary(), null, leaks, lentNow(), null, null);
    }
}
