// SPDX-License-Identifier: Apache-2.0
package shop;

import java.io.IOException;
import java.sql.Connection;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.locks.LockSupport;
import javax.sql.DataSource;
import org.poolscope.agent.Poolscope;
import org.poolscope.agent.Scope;

/**
 * A shop with the mistakes of the field, and their correct twins: shop.Leaks KIND URL. A line that leaks
 * is marked. It says "ready", and goes on until its standard input ends. With a third argument each has a
 * pool of its own, called as it is, of as many connections as the loop takes or of one; and others want them.
 */
@SuppressWarnings({"resource", "try"})
public final class Leaks {
    private interface Work {
        void run(DataSource shop) throws SQLException;
    }

    private static final List<Object> KEPT = new ArrayList<>();

    private Leaks() {}

    private static void neverClosed(DataSource shop) throws SQLException {
        Connection c = shop.getConnection(); // leaks: never-closed
        price(c);
        KEPT.add(c);
    }

    private static void neverClosedRight(DataSource shop) throws SQLException {
        try (Connection c = shop.getConnection()) {
            price(c);
        }
    }

    private static void early(DataSource shop) throws SQLException {
        Connection c = shop.getConnection(); // leaks: early-return
        KEPT.add(c);
        if (price(c) > 0) {
            return; // the mistake
        }
        c.close();
    }

    private static void earlyRight(DataSource shop) throws SQLException {
        try (Connection c = shop.getConnection()) {
            if (price(c) > 0) {
                return;
            }
            price(c);
        }
    }

    private static void exception(DataSource shop) throws SQLException {
        Connection c = shop.getConnection(); // leaks: exception
        KEPT.add(c);
        try (Statement s = c.createStatement()) {
            s.execute("SELECT nothing FROM nowhere");
        }
        c.close(); // never gets here
    }

    private static void exceptionRight(DataSource shop) throws SQLException {
        try (Connection c = shop.getConnection(); Statement s = c.createStatement()) {
            s.execute("SELECT nothing FROM nowhere");
        }
    }

    private static void transaction(DataSource shop) throws SQLException {
        Connection c = shop.getConnection(); // leaks: transaction
        c.setAutoCommit(false);
        try (Statement s = c.createStatement()) {
            s.executeUpdate("UPDATE items SET price = price + 1 WHERE id = 1");
        }
        KEPT.add(c); // neither commit nor close
    }

    private static void transactionRight(DataSource shop) throws SQLException {
        try (Connection c = shop.getConnection()) {
            c.setAutoCommit(false);
            try (Statement s = c.createStatement()) {
                s.executeUpdate("UPDATE items SET price = price + 1 WHERE id = 2");
            }
            c.rollback();
        }
    }

    private static void loop(DataSource shop) throws SQLException {
        for (int i = 0; i < 3; i++) {
            Connection c = shop.getConnection(); // leaks: loop
            KEPT.add(c);
        }
    }

    private static void loopRight(DataSource shop) throws SQLException {
        for (int i = 0; i < 30; i++) {
            try (Connection c = shop.getConnection()) {
                price(c);
            }
        }
    }

    /** The garbage collector closes no connection of a pool. */
    private static void dropped(DataSource shop) throws SQLException {
        shop.getConnection(); // leaks: dropped
    }

    /** Closing what it led to closes nothing; the connection that a statement names is the same one. */
    private static void byStatementRight(DataSource shop) throws SQLException {
        Connection c = shop.getConnection();
        Statement s = c.createStatement();
        s.getConnection().close();
    }

    /** Where the pool wraps no results (Tomcat's) this closes the driver's connection, and the pool's stays out. */
    private static void byResult(DataSource shop) throws SQLException {
        Connection c = shop.getConnection(); // leaks: by-result
        ResultSet rows = c.createStatement().executeQuery("SELECT 1");
        rows.getStatement().getConnection().close();
    }

    private static int price(Connection c) throws SQLException {
        try (Statement s = c.createStatement(); ResultSet rows = s.executeQuery("SELECT price FROM items WHERE id = 1")) {
            rows.next();
            return rows.getInt(1);
        }
    }

    /** A statement that takes its time is no leak, also where nobody said that it would. */
    private static void busyRight(DataSource shop, String url, CountDownLatch runs) {
        String sleep = url.startsWith("jdbc:postgresql") ? "SELECT pg_sleep(60)" : "SELECT SLEEP(60)";
        Thread thread = new Thread(() -> {
            try (Scope tags = Poolscope.tags("route", "/busy"); Connection c = shop.getConnection(); Statement s = c.createStatement()) {
                runs.countDown();
                s.execute(sleep);
            } catch (SQLException e) {
                runs.countDown(); // the end
            }
        });
        thread.setDaemon(true);
        thread.start();
    }

    private static void run(String name, DataSource shop, Work work) {
        try (Scope tags = Poolscope.tags("route", "/" + name, "tenant", "fr\u00fch"); Scope by = Poolscope.by("handler")) {
            work.run(shop);
        } catch (SQLException e) {
            if (!name.startsWith("exception")) {
                throw new IllegalStateException(name, e);
            }
        }
    }

    /** What else goes on: a connection is taken now and then, or waited for. */
    private static void others(DataSource shop) {
        Thread thread = new Thread(() -> {
            while (true) {
                try (Connection c = shop.getConnection()) {
                    Thread.sleep(1);
                } catch (SQLException e) {
                    continue; // it waited for long enough
                } catch (InterruptedException e) {
                    return;
                }
                LockSupport.parkNanos(50_000_000);
            }
        });
        thread.setDaemon(true);
        thread.start();
    }

    private static final Map<String, Work> WORKS = new LinkedHashMap<>();

    static {
        WORKS.put("never-closed-right", Leaks::neverClosedRight);
        WORKS.put("early-return-right", Leaks::earlyRight);
        WORKS.put("exception-right", Leaks::exceptionRight);
        WORKS.put("transaction-right", Leaks::transactionRight);
        WORKS.put("loop-right", Leaks::loopRight);
        WORKS.put("by-statement-right", Leaks::byStatementRight);
        WORKS.put("by-result", Leaks::byResult);
        WORKS.put("never-closed", Leaks::neverClosed);
        WORKS.put("early-return", Leaks::early);
        WORKS.put("exception", Leaks::exception);
        WORKS.put("transaction", Leaks::transaction);
        WORKS.put("loop", Leaks::loop);
        WORKS.put("dropped", Leaks::dropped);
    }

    public static void main(String[] arguments) throws SQLException, InterruptedException, IOException {
        if (arguments.length > 2) {
            WORKS.forEach((name, work) -> {
                DataSource own = Poolscope.instrument(Pools.make(arguments[0], arguments[1], name.startsWith("loop") ? 3 : 1, 5000), name);
                run(name, own, work);
                others(own);
            });
        } else {
            DataSource shop = Poolscope.instrument(Pools.make(arguments[0], arguments[1], 20, 5000), "shop");
            WORKS.forEach((name, work) -> run(name, shop, work));
            CountDownLatch runs = new CountDownLatch(1);
            busyRight(shop, arguments[1], runs);
            runs.await();
        }
        System.gc();
        System.out.println("ready");
        while (System.in.read() >= 0) {
            continue;
        }
        System.exit(0); // the pools' own threads are no reason to go on
    }
}
