// SPDX-License-Identifier: Apache-2.0
package org.poolscope.agent;

import java.sql.Connection;
import java.sql.SQLException;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentLinkedQueue;
import javax.sql.DataSource;

/**
 * The thread that asks pools and drivers, whose locks may be held for long: what it learns is used, and
 * nobody waits for it. It sleeps while nobody is attached, except where stacks depend on a pool's limit.
 */
final class Watcher implements Runnable {
    private static final int FULL = 10; // every tenth round
    private static final int BETWEEN_LOOKS = 20; // milliseconds, of three that decide

    private final Agent agent;
    private final ConcurrentLinkedQueue<Checkout> collected = new ConcurrentLinkedQueue<>();
    private boolean poked;
    private boolean stopping;
    private volatile long passes; // written by this thread alone

    Watcher(Agent agent) {
        this.agent = agent;
    }

    /** Full rounds that it has begun and ended: 1 is added at either. */
    long passes() {
        return passes;
    }

    synchronized void poke() {
        poked = true;
        notifyAll();
    }

    /** Its wrapper was dropped without close: whether it is still out is to be asked. */
    void collected(Checkout c) {
        if (c.pool.isLent(c)) {
            collected.add(c);
            poke();
        }
    }

    synchronized void stop() {
        stopping = true;
        notifyAll();
    }

    private synchronized boolean sleep() throws InterruptedException {
        boolean always = agent.options.stacks.equals("near_exhaustion");
        if (!poked && !stopping) {
            wait(agent.isAttached() ? agent.options.watchMillis : always ? 1000 : 0);
        }
        boolean now = poked;
        poked = false;
        return now;
    }

    @Override
    public void run() {
        int round = 0;
        while (!stopped()) {
            try {
                boolean full = sleep() || ++round % FULL == 0 || !agent.isAttached();
                if (full) {
                    round = 0;
                    passes++;
                }
                judge();
                look(full);
            } catch (InterruptedException e) {
                return;
            } catch (Throwable trouble) {
                agent.fault(trouble);
            } finally {
                passes += passes % 2;
            }
        }
    }

    private void look(boolean full) throws InterruptedException {
        for (Pool pool : agent.shownPools()) {
            try {
                look(pool, full);
            } catch (InterruptedException e) {
                throw e;
            } catch (Throwable trouble) { // one pool's is not the others'
                agent.fault(trouble);
            }
        }
    }

    private synchronized boolean stopped() {
        return stopping;
    }

    private void look(Pool pool, boolean full) throws InterruptedException {
        pool.statements.shrink();
        DataSource source = pool.source.get();
        if (source == null || full && pool.kind.isClosed(source, pool.hasServed)) {
            agent.hide(pool); // what was still out went with it
            return;
        }
        if (pool.kind.tellsPending()) {
            pool.waiting(Math.max(0, pool.kind.pending(source)));
        } else {
            int acquiring = pool.acquiring(); // of two looks the smaller: who waits, not who passes
            pool.waiting(Math.min(acquiring, pool.acquiringBefore));
            pool.acquiringBefore = acquiring;
        }
        if (full) {
            figures(pool, source);
            sweep(pool);
        }
    }

    /** Says of what was dropped that it leaked, if the pool has not got it back by another way. */
    private void judge() throws InterruptedException {
        Map<Pool, List<Checkout>> dropped = new LinkedHashMap<>();
        for (Checkout c = collected.poll(); c != null; c = collected.poll()) {
            dropped.computeIfAbsent(c.pool, pool -> new ArrayList<>()).add(c);
        }
        if (dropped.isEmpty()) {
            return;
        }
        // Who is just between pool and agent is not there for long: of three looks the middle one.
        Map<Pool, List<Long>> looks = new LinkedHashMap<>();
        for (int i = 0; i < 3; i++) {
            if (i > 0) {
                Thread.sleep(BETWEEN_LOOKS);
            }
            for (Pool pool : dropped.keySet()) {
                looks.computeIfAbsent(pool, p -> new ArrayList<>()).add(excess(pool));
            }
        }
        dropped.forEach((pool, list) -> {
            if (pool.source.get() == null) {
                agent.hide(pool); // what was out went with it
                return;
            }
            List<Long> seen = looks.get(pool);
            seen.sort(null);
            try {
                if (seen.get(1) > 0) {
                    takeBack(pool, false, seen.get(1));
                }
            } catch (Throwable trouble) {
                agent.fault(trouble);
            }
            list.forEach(agent::abandoned); // those that are still lent
        });
    }

    /** How many fewer are out than are counted here, as far as the pool tells. */
    private static long excess(Pool pool) {
        DataSource source = pool.source.get();
        long active = source == null ? LineWriter.UNKNOWN : pool.kind.active(source);
        return active < 0 ? 0 : pool.lentNow() - active;
    }

    private void figures(Pool pool, DataSource source) throws InterruptedException {
        Figures figures = pool.kind.figures(source);
        long before = pool.excessBefore;
        long excess = figures.active() < 0 ? 0 : pool.lentNow() - figures.active();
        pool.excessBefore = excess;
        // Twice the same way: who is just between pool and agent does not count.
        pool.unseen = excess < 0 && before < 0 ? Math.min(-excess, -before) : 0;
        pool.figures = figures;
        pool.config = pool.kind.config(source);
        if (pool.database.isEmpty()) {
            pool.database = pool.kind.databaseOf(source);
        }
        if (excess > 0) { // the same of those that come back
            Thread.sleep(BETWEEN_LOOKS);
            excess = Math.min(excess, excess(pool));
        }
        takeBack(pool, figures.active() < 0, excess);
    }

    /**
     * What came back without a call of close on the wrapper: taken by the pool (removeAbandoned, evict), or
     * closed by way of a result set. A connection that broke is closed too, and some pools still count it
     * as lent: only where the pool has fewer out is it back. Nor are handles asked without that: a question
     * is a use to some pools (Tomcat's ResetAbandonedTimer), and DBCP2's close what is broken.
     */
    private static void takeBack(Pool pool, boolean untold, long excess) {
        if (!untold && excess <= 0) {
            return;
        }
        long left = untold ? Long.MAX_VALUE : excess;
        List<Checkout> lent = pool.lentList();
        for (int i = lent.size() - 1; i >= 0 && left > 0; i--) { // the oldest first
            Checkout c = lent.get(i);
            Connection handle = c.handle();
            if (handle != null && isClosed(handle)) {
                pool.takenBack(c);
                left--;
            }
        }
        // Then what was dropped. Of what was said to have leaked the pool had said that it was out.
        for (int said = 0; said < 2 && !untold; said++) {
            for (int i = lent.size() - 1; i >= 0 && left > 0; i--) {
                Checkout c = lent.get(i);
                if (c.handle() == null && c.abandoned == (said == 1) && pool.takenBack(c)) {
                    left--;
                }
            }
        }
    }

    private void sweep(Pool pool) {
        for (Physical physical : pool.openList()) {
            Connection connection = physical.connection.get();
            if (connection == null || isClosed(connection)) {
                pool.closed(physical);
            }
        }
    }

    private static boolean isClosed(Connection connection) {
        try {
            return connection.isClosed();
        } catch (SQLException | RuntimeException | LinkageError e) { // an old driver may lack it
            return false;
        }
    }
}
