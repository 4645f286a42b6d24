// SPDX-License-Identifier: Apache-2.0
package shop;

import java.io.IOException;
import java.sql.Connection;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import javax.sql.DataSource;
import org.poolscope.agent.Poolscope;
import org.poolscope.agent.Scope;

/**
 * A shop with the mistakes of the field, and their correct twins: shop.Leaks KIND URL. A line that leaks
 * is marked. It says "ready", and goes on until its standard input ends.
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

    public static void main(String[] arguments) throws SQLException, InterruptedException, IOException {
        DataSource shop = Poolscope.instrument(Pools.make(arguments[0], arguments[1], 20, 5000), "shop");
        run("never-closed-right", shop, Leaks::neverClosedRight);
        run("early-return-right", shop, Leaks::earlyRight);
        run("exception-right", shop, Leaks::exceptionRight);
        run("transaction-right", shop, Leaks::transactionRight);
        run("loop-right", shop, Leaks::loopRight);
        run("by-statement-right", shop, Leaks::byStatementRight);
        run("by-result", shop, Leaks::byResult);
        run("never-closed", shop, Leaks::neverClosed);
        run("early-return", shop, Leaks::early);
        run("exception", shop, Leaks::exception);
        run("transaction", shop, Leaks::transaction);
        run("loop", shop, Leaks::loop);
        run("dropped", shop, Leaks::dropped);
        CountDownLatch runs = new CountDownLatch(1);
        busyRight(shop, arguments[1], runs);
        runs.await();
        System.gc();
        System.out.println("ready");
        while (System.in.read() >= 0) {
            continue;
        }
        System.exit(0); // the pools' own threads are no reason to go on
    }
}
