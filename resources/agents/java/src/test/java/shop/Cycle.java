// SPDX-License-Identifier: Apache-2.0
package shop;

import com.zaxxer.hikari.HikariDataSource;
import java.io.IOException;
import java.lang.reflect.Proxy;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.SocketChannel;
import java.sql.Connection;
import java.sql.SQLException;
import javax.sql.DataSource;
import org.apache.commons.dbcp2.BasicDataSource;
import org.poolscope.agent.AgentOptions;
import org.poolscope.agent.Poolscope;

/**
 * What the agent costs: getConnection and close at a depth of 20, on a driver that does nothing, so that
 * pool and agent are all there is. Best of several rounds. shop.Cycle, with the tests' class path.
 */
public final class Cycle {
    private static final int ROUNDS = 5;
    private static final int CYCLES = 100_000;

    private Cycle() {}

    /** A driver's connection that says yes to everything. */
    private static Connection nothing() {
        return (Connection) Proxy.newProxyInstance(Cycle.class.getClassLoader(), new Class<?>[] {Connection.class}, (p, m, a) ->
            switch (m.getName()) {
                case "hashCode" -> System.identityHashCode(p);
                case "equals" -> p == a[0];
                case "isValid", "getAutoCommit" -> true;
                case "getTransactionIsolation" -> Connection.TRANSACTION_READ_COMMITTED;
                default -> m.getReturnType() == boolean.class ? (Object) false : m.getReturnType() == int.class ? (Object) 0 : null;
            });
    }

    private static DataSource driver() {
        return (DataSource) Proxy.newProxyInstance(Cycle.class.getClassLoader(), new Class<?>[] {DataSource.class}, (p, m, a) ->
            m.getName().equals("getConnection") ? nothing() : m.getReturnType() == int.class ? (Object) 0 : null);
    }

    private static DataSource pool(String kind) {
        if (kind.equals("HikariCP")) {
            HikariDataSource hikari = new HikariDataSource();
            hikari.setDataSource(driver());
            hikari.setMaximumPoolSize(10);
            return hikari;
        }
        BasicDataSource dbcp = new BasicDataSource() {
            @Override
            protected org.apache.commons.dbcp2.ConnectionFactory createConnectionFactory() {
                return Cycle::nothing;
            }
        };
        dbcp.setMaxTotal(10);
        return dbcp;
    }

    private static void deep(int depth, DataSource pool) throws SQLException {
        if (depth > 0) {
            deep(depth - 1, pool);
        } else {
            pool.getConnection().close();
        }
    }

    private static double measure(DataSource pool) throws SQLException {
        double best = Double.MAX_VALUE;
        for (int round = 0; round < ROUNDS; round++) {
            long began = System.nanoTime();
            for (int i = 0; i < CYCLES; i++) {
                deep(16, pool);
            }
            best = Math.min(best, (System.nanoTime() - began) / (double) CYCLES);
        }
        return best;
    }

    private static Thread reader(String address) throws IOException {
        SocketChannel socket = SocketChannel.open(StandardProtocolFamily.UNIX);
        socket.connect(UnixDomainSocketAddress.of(address.substring("pool+unix://".length())));
        Thread thread = new Thread(() -> {
            ByteBuffer in = ByteBuffer.allocate(1 << 16);
            try (socket) {
                while (socket.read(in) >= 0) {
                    in.clear();
                }
            } catch (IOException e) {
                return; // the agent ended
            }
        });
        thread.setDaemon(true);
        thread.start();
        return thread;
    }

    public static void main(String[] arguments) throws SQLException, IOException {
        for (String kind : new String[] {"HikariCP", "DBCP2"}) {
            double bare = measure(pool(kind));
            System.out.printf("%-9s bare          %7.0f ns%n", kind, bare);
            for (String stacks : new String[] {"off", "sampled", "always", "attached"}) {
                boolean attached = stacks.equals("attached");
                Poolscope.start(new AgentOptions().stacks(attached ? "always" : stacks).log(s -> { }));
                DataSource pool = Poolscope.instrument(pool(kind), "cycle");
                if (attached) {
                    reader(Poolscope.address());
                }
                double took = measure(pool);
                System.out.printf("%-9s %-13s %7.0f ns, %.1f x%n", kind, stacks, took, took / bare);
                Poolscope.close();
            }
        }
        long began = System.nanoTime();
        for (int i = 0; i < CYCLES; i++) {
            capture(18);
        }
        System.out.printf("new Exception at this depth %.0f ns%n", (System.nanoTime() - began) / (double) CYCLES);
        System.exit(0);
    }

    private static Object kept;

    private static void capture(int depth) {
        if (depth > 0) {
            capture(depth - 1);
        } else {
            kept = new Exception();
        }
    }
}
