// SPDX-License-Identifier: Apache-2.0
package shop;

import com.zaxxer.hikari.HikariDataSource;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.lang.reflect.Proxy;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.sql.Connection;
import java.sql.SQLException;
import java.util.Arrays;
import javax.sql.DataSource;
import org.apache.commons.dbcp2.BasicDataSource;
import org.poolscope.agent.AgentOptions;
import org.poolscope.agent.Poolscope;

/**
 * What the agent costs: getConnection and close at a depth of 20, on a driver that does nothing, so that
 * pool and agent are all there is. Processor time of the whole process, with what it collects and what the
 * agent's threads do: other work on the machine is not in it. Kinds take turns, each in a process of its
 * own, and the best round of each counts. shop.Cycle, with the tests' class path.
 */
public final class Cycle {
    private static final int TURNS = 3;
    private static final int ROUNDS = 8;
    private static final int CYCLES = 300_000;
    private static final String[] MODES = {"bare", "off", "sampled", "always", "attached"};

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

    private interface Work {
        void run() throws SQLException;
    }

    /** Nanoseconds of one. */
    private static double measure(Work work) throws SQLException {
        var system = (com.sun.management.OperatingSystemMXBean) ManagementFactory.getOperatingSystemMXBean();
        double best = Double.MAX_VALUE;
        for (int round = 0; round < ROUNDS; round++) {
            long began = system.getProcessCpuTime();
            for (int i = 0; i < CYCLES; i++) {
                work.run();
            }
            best = Math.min(best, (system.getProcessCpuTime() - began) / (double) CYCLES);
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

    private static double measure(String kind, String mode) throws SQLException, IOException {
        if (kind.equals("exception")) {
            return measure(() -> capture(18));
        }
        DataSource pool = pool(kind);
        if (!mode.equals("bare")) {
            boolean attached = mode.equals("attached");
            Poolscope.start(new AgentOptions().stacks(attached ? "always" : mode).log(s -> { }));
            pool = Poolscope.instrument(pool, "cycle");
            if (attached) {
                reader(Poolscope.address());
            }
        }
        DataSource measured = pool;
        return measure(() -> deep(16, measured));
    }

    private static double inProcess(String kind, String mode) throws IOException, InterruptedException {
        Process process = new ProcessBuilder(System.getProperty("java.home") + "/bin/java", "-cp",
            System.getProperty("java.class.path"), "shop.Cycle", kind, mode).redirectError(ProcessBuilder.Redirect.DISCARD).start();
        String said = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8).strip();
        process.waitFor();
        return Double.parseDouble(said);
    }

    public static void main(String[] arguments) throws SQLException, IOException, InterruptedException {
        if (arguments.length == 2) {
            System.out.println(measure(arguments[0], arguments[1]));
            System.exit(0);
        }
        for (String kind : new String[] {"HikariCP", "DBCP2"}) {
            double[] best = new double[MODES.length];
            Arrays.fill(best, Double.MAX_VALUE);
            for (int turn = 0; turn < TURNS; turn++) {
                for (int i = 0; i < MODES.length; i++) {
                    best[i] = Math.min(best[i], inProcess(kind, MODES[i]));
                }
            }
            for (int i = 0; i < MODES.length; i++) {
                System.out.printf("%-9s %-9s %7.0f ns, %.2f x%n", kind, MODES[i], best[i], best[i] / best[0]);
            }
        }
        System.out.printf("new Exception at this depth %.0f ns%n", inProcess("exception", ""));
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
