// SPDX-License-Identifier: Apache-2.0
package shop;

import java.io.IOException;
import java.sql.Connection;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.concurrent.CountDownLatch;
import javax.sql.DataSource;
import org.poolscope.agent.Poolscope;

/**
 * More work than connections, and no mistake: shop.Storm KIND URL slow|spike|leak. Slow: statements that
 * take long; spike: many short ones; leak: a few kept, and others that wait. It goes on until its
 * standard input ends.
 */
public final class Storm {
    private static volatile Connection kept;

    private Storm() {}

    private static void work(DataSource shop, String statement, CountDownLatch begun) {
        Thread thread = new Thread(() -> {
            while (true) {
                try (Connection c = shop.getConnection(); Statement s = c.createStatement()) { // leaks: work
                    begun.countDown();
                    s.execute(statement);
                } catch (SQLException e) {
                    begun.countDown(); // the next turn may have more luck
                }
            }
        });
        thread.setDaemon(true);
        thread.start();
    }

    private static void keep(DataSource shop) throws SQLException {
        kept = shop.getConnection(); // leaks: storm
    }

    public static void main(String[] arguments) throws SQLException, InterruptedException, IOException {
        DataSource shop = Poolscope.instrument(Pools.make(arguments[0], arguments[1], 3, 30_000), "storm");
        boolean slow = arguments[2].equals("slow");
        if (arguments[2].equals("leak")) {
            for (int i = 0; i < 3; i++) {
                keep(shop);
            }
        }
        String seconds = slow ? "2" : "0.02";
        String statement = (arguments[1].startsWith("jdbc:postgresql") ? "SELECT pg_sleep(" : "SELECT SLEEP(") + seconds + ")";
        CountDownLatch begun = new CountDownLatch(arguments[2].equals("leak") ? 0 : 8);
        for (int i = 0; i < 12; i++) {
            work(shop, statement, begun);
        }
        begun.await();
        System.out.println("ready");
        while (System.in.read() >= 0) {
            continue;
        }
        System.exit(0);
    }
}
