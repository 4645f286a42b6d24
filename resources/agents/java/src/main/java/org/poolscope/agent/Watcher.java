// SPDX-License-Identifier: Apache-2.0
package org.poolscope.agent;

import java.sql.Connection;
import java.sql.SQLException;
import java.util.List;
import javax.sql.DataSource;

/**
 * The thread that asks pools and drivers, whose locks may be held for long: what it learns is used, and
 * nobody waits for it. It sleeps while nobody is attached, except where stacks depend on a pool's limit.
 */
final class Watcher implements Runnable {
    private static final int FULL = 10; // every tenth round

    private final Agent agent;
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

    private void look(boolean full) {
        for (Pool pool : agent.shownPools()) {
            look(pool, full);
        }
    }

    private synchronized boolean stopped() {
        return stopping;
    }

    private void look(Pool pool, boolean full) {
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

    private void figures(Pool pool, DataSource source) {
        Figures figures = pool.kind.figures(source);
        long before = pool.excessBefore;
        long excess = figures.active() < 0 ? 0 : pool.lentNow - figures.active();
        pool.excessBefore = excess;
        // Twice the same way: who is just between pool and agent does not count.
        pool.unseen = excess < 0 && before < 0 ? Math.min(-excess, -before) : 0;
        pool.figures = figures;
        pool.config = pool.kind.config(source);
        if (pool.database.isEmpty()) {
            pool.database = pool.kind.databaseOf(source);
        }
        takeBack(pool, figures.active() < 0, excess > 0 && before > 0 ? Math.min(excess, before) : 0);
    }

    /**
     * What came back without a call of close on the wrapper: taken by the pool (removeAbandoned, evict), or
     * closed by way of a result set. A connection that broke is closed too, and some pools still count it
     * as lent: only where the pool has fewer out is it back.
     */
    private void takeBack(Pool pool, boolean pools, long excess) {
        long left = excess;
        List<Checkout> lent = pool.lentList();
        for (int i = lent.size() - 1; i >= 0; i--) { // the oldest first
            Checkout c = lent.get(i);
            Connection handle = c.handle();
            boolean closed = handle != null && isClosed(handle);
            Connection physical = c.conn == null ? null : c.conn.connection.get();
            boolean broken = physical == null || isClosed(physical);
            if (closed && (!broken || pools)) {
                pool.takenBack(c);
                left--;
            } else if ((closed || c.abandoned) && left > 0) {
                pool.takenBack(c);
                left--;
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
        } catch (SQLException | RuntimeException e) {
            return false;
        }
    }
}
