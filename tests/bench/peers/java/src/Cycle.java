// SPDX-License-Identifier: GPL-3.0-or-later
import com.zaxxer.hikari.HikariConfig;
import com.zaxxer.hikari.HikariDataSource;
import java.lang.management.ManagementFactory;
import java.lang.management.ThreadMXBean;
import java.sql.Connection;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicLong;
import javax.sql.DataSource;
import org.apache.commons.dbcp2.BasicDataSource;

/** The cycle of Java's pools: see README.md beside compare.py. */
public final class Cycle {
    private static final ThreadMXBean THREADS = ManagementFactory.getThreadMXBean();

    private Cycle() {}

    private static void atDepth(int depth, long count, DataSource pool) throws Exception {
        if (depth > 1) {
            atDepth(depth - 1, count, pool);
            return;
        }
        for (long i = 0; i < count; ++i) {
            try (Connection connection = pool.getConnection()) {
                if (connection == null) {
                    throw new IllegalStateException("no connection");
                }
            }
        }
    }

    private static void measure(String name, DataSource pool, int threads, long cycles, boolean print)
            throws Exception {
        long each = cycles / threads;
        CountDownLatch ready = new CountDownLatch(threads);
        CountDownLatch go = new CountDownLatch(1);
        AtomicLong used = new AtomicLong();
        Thread[] workers = new Thread[threads];
        for (int t = 0; t < threads; ++t) {
            workers[t] = new Thread(() -> {
                try {
                    atDepth(17, each / 10 + 1, pool);
                    ready.countDown();
                    go.await();
                    long from = THREADS.getCurrentThreadCpuTime();
                    atDepth(17, each, pool);
                    used.addAndGet(THREADS.getCurrentThreadCpuTime() - from);
                } catch (Exception e) {
                    e.printStackTrace();
                    System.exit(1);
                }
            });
            workers[t].start();
        }
        ready.await();
        long from = System.nanoTime();
        go.countDown();
        for (Thread worker : workers) {
            worker.join();
        }
        double wall = System.nanoTime() - from;
        double all = (double) each * threads;
        if (print) {
            System.out.printf("result\t%s\t%d\t%.2f\t%.2f%n", name, threads, wall / all, used.get() / all);
        }
    }

    private static void run(String name, DataSource pool, long cycles) throws Exception {
        for (int i = 0; i < 5; ++i) { // compiled by then
            measure(name, pool, 2, Math.max(20_000, cycles / 5), false);
        }
        for (int threads : new int[] {1, 2, 8}) {
            measure(name, pool, threads, cycles, true);
        }
    }

    private static HikariDataSource hikari(long leakDetection) {
        HikariConfig config = new HikariConfig();
        config.setDataSource(new NothingSource());
        config.setMaximumPoolSize(10);
        config.setLeakDetectionThreshold(leakDetection);
        return new HikariDataSource(config);
    }

    private static BasicDataSource dbcp(boolean logAbandoned) {
        BasicDataSource source = new BasicDataSource() {
            @Override
            protected org.apache.commons.dbcp2.ConnectionFactory createConnectionFactory() {
                return Nothing::new;
            }
        };
        source.setMaxTotal(10);
        source.setMaxIdle(10);
        source.setLogAbandoned(logAbandoned);
        source.setRemoveAbandonedOnBorrow(logAbandoned);
        source.setRemoveAbandonedTimeout(java.time.Duration.ofMinutes(5));
        return source;
    }

    public static void main(String[] arguments) throws Exception {
        String version = arguments[0];
        long cycles = arguments.length > 1 ? Long.parseLong(arguments[1]) : 1_000_000;
        boolean withDbcp = arguments.length > 2;
        try (HikariDataSource off = hikari(0); HikariDataSource on = hikari(60_000)) {
            run("HikariCP " + version + ", detection off", off, cycles);
            run("HikariCP " + version + ", detection on", on, cycles / 5);
        }
        if (withDbcp) {
            try (BasicDataSource plain = dbcp(false); BasicDataSource logging = dbcp(true)) {
                run("DBCP2", plain, cycles);
                run("DBCP2, logAbandoned", logging, cycles / 5);
            }
        }
    }
}
