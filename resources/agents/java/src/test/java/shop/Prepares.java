// SPDX-License-Identifier: Apache-2.0
package shop;

import java.io.IOException;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.SQLException;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CountDownLatch;
import javax.sql.DataSource;
import org.poolscope.agent.Poolscope;

/**
 * Prepared statements, ten times a second: never closed, closed, and kept to be used again: shop.Prepares
 * KIND URL. Where the pool closes what is open when a connection comes back, each worker keeps its own. It
 * goes on until its standard input ends.
 */
public final class Prepares {
    private static final String PRICES = "SELECT price FROM items WHERE price > ?";
    private static final List<Object> KEPT = new ArrayList<>();
    private static final Map<Integer, PreparedStatement> CACHE = new HashMap<>();

    private interface Turn {
        void run(Connection c, int turn) throws SQLException;
    }

    private Prepares() {}

    private static void run(PreparedStatement s) throws SQLException {
        s.setInt(1, 1);
        s.executeQuery().close();
    }

    private static void neverClosed(Connection c, int turn) throws SQLException {
        PreparedStatement s = c.prepareStatement(PRICES); // leaks: statements
        KEPT.add(s);
        run(s);
    }

    private static void closed(Connection c, int turn) throws SQLException {
        try (PreparedStatement s = c.prepareStatement(PRICES)) {
            run(s);
        }
    }

    /** New texts now and then, as many as there are. */
    private static void keptForReuse(Connection c, int turn) throws SQLException {
        int which = turn % Math.min(8, 1 + turn / 20);
        PreparedStatement s = CACHE.get(which);
        if (s == null) {
            s = c.prepareStatement(PRICES + " + " + which);
            CACHE.put(which, s);
        }
        run(s);
    }

    private static void again(DataSource shop, boolean keeps, Turn work, CountDownLatch begun) {
        Thread thread = new Thread(() -> {
            try (Connection own = keeps ? shop.getConnection() : null) {
                for (int turn = 0;; turn++) {
                    if (own != null) {
                        work.run(own, turn);
                    } else {
                        try (Connection c = shop.getConnection()) {
                            work.run(c, turn);
                        }
                    }
                    begun.countDown();
                    Thread.sleep(100); // it is an application at work
                }
            } catch (SQLException | InterruptedException e) {
                e.printStackTrace();
            }
        });
        thread.setDaemon(true);
        thread.start();
    }

    public static void main(String[] arguments) throws InterruptedException, IOException {
        DataSource shop = Poolscope.instrument(Pools.make(arguments[0], arguments[1], 5, 5000), "shop");
        boolean keeps = !arguments[0].equals("tomcat");
        CountDownLatch begun = new CountDownLatch(12);
        again(shop, keeps, Prepares::neverClosed, begun);
        again(shop, keeps, Prepares::closed, begun);
        again(shop, true, Prepares::keptForReuse, begun); // a cache belongs to a connection
        begun.await();
        System.out.println("ready");
        while (System.in.read() >= 0) {
            continue;
        }
        System.exit(0);
    }
}
