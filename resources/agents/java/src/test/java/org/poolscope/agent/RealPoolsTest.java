// SPDX-License-Identifier: Apache-2.0
package org.poolscope.agent;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.alibaba.druid.pool.DruidDataSource;
import com.zaxxer.hikari.HikariDataSource;
import com.zaxxer.hikari.pool.ProxyConnection;
import io.opentelemetry.api.trace.Span;
import io.opentelemetry.api.trace.SpanContext;
import io.opentelemetry.api.trace.TraceFlags;
import io.opentelemetry.api.trace.TraceState;
import java.lang.ref.WeakReference;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.time.Duration;
import java.util.Collections;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import javax.sql.DataSource;
import org.apache.commons.dbcp2.BasicDataSource;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import shop.Pools;

/** What each real pool tells of itself, and what the agent makes of it. */
class RealPoolsTest {
    @TempDir
    Path folder;
    private final List<String> logged = Collections.synchronizedList(new java.util.ArrayList<>());
    private DataSource raw;

    @BeforeEach
    void start() throws Exception {
        Poolscope.start(new AgentOptions().name("shop").listen(folder + "/s.sock").log(logged::add));
    }

    @AfterEach
    void end() throws Exception {
        assertEquals(0, Poolscope.current().faults.get(), logged.toString());
        Poolscope.close();
        if (raw != null) {
            raw.getClass().getMethod("close").invoke(raw);
        }
    }

    private static String url(String server) throws Exception {
        return server.equals("mariadb") ? Servers.mariadb() : Servers.postgres();
    }

    private static long serverPid(Connection c, String server) throws SQLException {
        String query = server.equals("mariadb") ? "SELECT CONNECTION_ID()" : "SELECT pg_backend_pid()";
        try (Statement s = c.createStatement(); ResultSet rows = s.executeQuery(query)) {
            rows.next();
            return rows.getLong(1);
        }
    }

    /** As the server sees it; null where the driver does not tell it. */
    private static Long clientPort(Connection c, String server) throws SQLException {
        if (server.equals("mariadb")) {
            return null;
        }
        try (Statement s = c.createStatement(); ResultSet rows = s.executeQuery("SELECT inet_client_port()")) {
            rows.next();
            return rows.getLong(1);
        }
    }

    @ParameterizedTest
    @CsvSource({"hikaricp, postgres", "hikaricp, mariadb", "dbcp2, postgres", "dbcp2, mariadb", "tomcat, postgres", "tomcat, mariadb",
        "druid, postgres", "druid, mariadb"})
    void tellsItsFiguresAndKnowsItsConnections(String kind, String server) throws Exception {
        raw = Pools.make(kind, url(server), 2, 2_000);
        DataSource pool = Poolscope.instrument(raw, "orders");
        assertSame(raw, pool.unwrap(raw.getClass()));
        try (Inspector i = Inspector.attached(Poolscope.address())) {
            assertEquals(2L, i.stats.get("orders").get("max"), "before the first connection");
            Set<String> seen = new HashSet<>();
            for (int n = 0; n < 5; n++) {
                try (Connection c = pool.getConnection()) {
                    long pid = serverPid(c, server);
                    i.until("lent", () -> i.out.size() == 1);
                    Map<String, Object> lent = i.out.values().iterator().next();
                    assertEquals(pid, lent.get("server_pid"));
                    assertEquals(pid, i.open.get(lent.get("conn")).get("server_pid"));
                    assertEquals(clientPort(c, server), lent.get("local_port"));
                    assertEquals(clientPort(c, server), i.open.get(lent.get("conn")).get("local_port"));
                    seen.add((String) lent.get("conn"));
                }
                i.until("back", () -> i.out.isEmpty());
            }
            assertTrue(seen.size() <= 2, "a connection is known again: " + seen);
            String asked = server.equals("mariadb") ? "SELECT CONNECTION_ID()" : "SELECT pg_backend_pid()";
            assertEquals(asked, i.statements.get(0));
            exhausted(i, pool);
            i.sync();
            Map<String, Object> info = Inspector.object(((List<?>) i.hello.get("pools")).get(0));
            Map<String, Object> config = Inspector.object(info.get("config"));
            String maximum = switch (kind) {
                case "hikaricp" -> "maximumPoolSize";
                case "dbcp2" -> "maxTotal";
                default -> "maxActive";
            };
            assertEquals("2", config.get(maximum), config.toString());
            assertEquals(kind.equals("tomcat") ? "tomcat-jdbc" : kind, info.get("kind"));
            assertEquals(url(server).substring(5), info.get("database"));
            assertTrue(i.can("server_pid"));
            assertEquals(server.equals("postgres"), i.can("local_port"));
            broken(i, pool, server);
        }
    }

    /** One waits, and gives up. */
    private void exhausted(Inspector i, DataSource pool) throws Exception {
        try (Connection one = pool.getConnection(); Connection two = pool.getConnection()) {
            Thread waiter = new Thread(() -> assertThrows(SQLException.class, pool::getConnection));
            waiter.start();
            i.until("one waits", () -> Long.valueOf(1).equals(i.pending.get("orders")));
            i.until("it gives up", () -> i.timeouts.size() == 1);
            waiter.join();
            i.until("nobody waits", () -> Long.valueOf(0).equals(i.pending.get("orders")));
            i.stats.clear();
            i.until("figures", () -> i.stats.containsKey("orders"));
            Map<String, Object> s = i.stats.get("orders");
            assertEquals("2 used, 0 idle, 2 in all, 1 timeouts", s.get("used") + " used, " + s.get("idle") + " idle, "
                + s.get("total") + " in all, " + s.get("timeouts") + " timeouts");
            assertTrue(one != two);
        }
    }

    /** A connection that the server ended is closed, and no longer shown, once the pool has noticed. */
    private void broken(Inspector i, DataSource pool, String server) throws Exception {
        Connection victim = pool.getConnection();
        long pid = serverPid(victim, server);
        try (Connection killer = pool.getConnection(); Statement s = killer.createStatement()) {
            s.execute(server.equals("mariadb") ? "KILL " + pid : "SELECT pg_terminate_backend(" + pid + ")");
        }
        assertThrows(SQLException.class, () -> {
            for (int n = 0; n < 50; n++) {
                serverPid(victim, server);
            }
        });
        victim.close();
        i.until("it is closed", () -> i.out.isEmpty()
            && i.open.values().stream().noneMatch(c -> Long.valueOf(pid).equals(c.get("server_pid"))));
    }

    /** A pool that is closed, not by way of the wrapper, is not shown any more; built again it is. */
    @ParameterizedTest
    @CsvSource({"hikaricp", "dbcp2", "tomcat", "druid"})
    void aPoolThatIsDisposedAndBuiltAgain(String kind) throws Exception {
        raw = Pools.make(kind, Servers.postgres(), 2, 10_000);
        DataSource pool = Poolscope.instrument(raw, "orders");
        pool.getConnection().close();
        try (Inspector i = Inspector.attached(Poolscope.address())) {
            assertEquals(List.of("orders"), i.pools());
            raw.getClass().getMethod("close").invoke(raw);
            i.until("it is gone", () -> !i.inPicture && i.pools().isEmpty());
            raw = Pools.make(kind, Servers.postgres(), 2, 10_000);
            DataSource again = Poolscope.instrument(raw, "orders");
            Connection held = again.getConnection();
            i.until("it is there", () -> !i.inPicture && i.pools().equals(List.of("orders")) && i.out.size() == 1);
            ((AutoCloseable) again).close();
            i.until("it is gone again", () -> !i.inPicture && i.pools().isEmpty());
            if (kind.equals("tomcat")) { // makes a new pool by itself
                again.getConnection().close();
                i.until("it serves again", () -> !i.inPicture && i.pools().equals(List.of("orders")));
            } else {
                assertThrows(SQLException.class, again::getConnection);
            }
            held.close();
        }
    }

    /** Connections that the pool itself takes back from those who held them too long. */
    @ParameterizedTest
    @CsvSource({"dbcp2", "tomcat", "tomcat that counts from the last use", "druid"})
    void whatThePoolTakesBackIsBack(String kind) throws Exception {
        boolean fromLastUse = kind.endsWith("use");
        raw = Pools.make(fromLastUse ? "tomcat" : kind, Servers.postgres(), 3, 10_000);
        if (raw instanceof BasicDataSource dbcp) {
            dbcp.setRemoveAbandonedOnMaintenance(true);
            dbcp.setRemoveAbandonedTimeout(Duration.ofSeconds(1));
            dbcp.setDurationBetweenEvictionRuns(Duration.ofMillis(200));
        } else if (raw instanceof org.apache.tomcat.jdbc.pool.DataSource tomcat) {
            tomcat.setRemoveAbandoned(true);
            tomcat.setRemoveAbandonedTimeout(fromLastUse ? 2 : 1);
            tomcat.setJdbcInterceptors(fromLastUse ? "ResetAbandonedTimer" : null); // to look must be no use
            tomcat.setTimeBetweenEvictionRunsMillis(200);
        } else if (raw instanceof DruidDataSource druid) {
            druid.setRemoveAbandoned(true);
            druid.setRemoveAbandonedTimeoutMillis(1000);
            druid.setTimeBetweenEvictionRunsMillis(200);
        }
        DataSource pool = Poolscope.instrument(raw, "orders");
        try (Inspector i = Inspector.attached(Poolscope.address())) {
            Connection held = pool.getConnection();
            i.until("lent", () -> i.out.size() == 1);
            i.until("taken back", () -> i.out.isEmpty());
            i.sync();
            assertEquals(0L, i.stats.get("orders").get("used"));
            held.close();
            i.sync();
            assertEquals(0, i.out.size());
        }
    }

    /** The collector closes nothing: each pool counts it as lent for ever, and so does the agent. */
    @ParameterizedTest
    @CsvSource({"hikaricp", "dbcp2", "tomcat", "druid"})
    void whatIsDroppedStaysOut(String kind) throws Exception {
        raw = Pools.make(kind, Servers.postgres(), 3, 10_000);
        DataSource pool = Poolscope.instrument(raw, "orders");
        try (Inspector i = Inspector.attached(Poolscope.address())) {
            pool.getConnection();
            Inspector.eventually("it is collected", () -> {
                System.gc();
                return logged.toString().contains("A connection of pool orders, acquired");
            });
            i.until("told", () -> i.leaks.size() == 1);
            i.stats.clear(); // several looks later it is still out
            for (int n = 0; n < 3; n++) {
                i.stats.clear();
                i.until("figures", () -> i.stats.containsKey("orders"));
            }
            assertEquals(1, i.out.size());
            assertEquals(1L, i.stats.get("orders").get("used"));
            Figures f = PoolKind.of(raw).figures(raw);
            assertEquals(1, f.active(), "the pool itself");
        }
    }

    /** HikariCP knows what it lent by its class, and evicts nothing else. */
    @ParameterizedTest
    @CsvSource("hikaricp")
    void theApplicationCanEvict(String kind) throws Exception {
        raw = Pools.make(kind, Servers.postgres(), 1, 5000);
        DataSource pool = Poolscope.instrument(raw, "orders");
        long before;
        try (Connection c = pool.getConnection()) {
            before = serverPid(c, "postgres");
            assertTrue(c.isWrapperFor(ProxyConnection.class));
            assertFalse(c.isWrapperFor(HikariDataSource.class));
            assertThrows(SQLException.class, () -> c.unwrap(HikariDataSource.class));
            assertTrue(c.unwrap(Connection.class).getClass().getName().startsWith("org.postgresql."));
            ((HikariDataSource) raw).evictConnection(c.unwrap(ProxyConnection.class));
        }
        try (Connection c = pool.getConnection()) {
            assertNotEquals(before, serverPid(c, "postgres"));
        }
    }

    private static WeakReference<Connection> closedByItsResult(DataSource pool) throws SQLException {
        Connection c = pool.getConnection();
        c.createStatement().executeQuery("SELECT 1").getStatement().getConnection().close();
        return new WeakReference<>(c);
    }

    /** Came back by another way and was collected, while nobody was attached. */
    @ParameterizedTest
    @CsvSource({"hikaricp", "dbcp2", "druid"})
    void whatCameBackUnseenIsNoLeak(String kind) throws Exception {
        raw = Pools.make(kind, Servers.postgres(), 3, 10_000);
        DataSource pool = Poolscope.instrument(raw, "orders");
        WeakReference<Connection> closed = closedByItsResult(pool);
        Pool seen = ((TrackedDataSource) pool).pool;
        assertEquals(1, seen.lentNow());
        Inspector.eventually("it is collected, and known to be back", () -> {
            System.gc();
            return closed.refersTo(null) && (seen.lentNow() == 0 || logged.toString().contains("without close"));
        });
        assertEquals(List.of(), logged.stream().filter(s -> s.contains("without close")).toList());
        assertEquals(0, seen.lentNow());
        pool.getConnection(); // and this one is a leak
        Inspector.eventually("it is collected", () -> {
            System.gc();
            return logged.toString().contains("The pool still counts it as lent");
        });
        try (Inspector i = Inspector.attached(Poolscope.address())) {
            assertEquals(1, i.out.size());
            assertEquals(1L, i.stats.get("orders").get("leaks"));
        }
    }

    @ParameterizedTest
    @CsvSource("hikaricp")
    @SuppressWarnings("try")
    void tracesAreTold(String kind) throws Exception {
        raw = Pools.make(kind, Servers.postgres(), 2, 10_000);
        ((HikariDataSource) raw).setPoolName("named by itself");
        DataSource pool = Poolscope.instrument(raw);
        String trace = "4bf92f3577b34da6a3ce929d0e0e4736";
        Span span = Span.wrap(SpanContext.create(trace, "00f067aa0ba902b7", TraceFlags.getSampled(), TraceState.getDefault()));
        try (Inspector i = Inspector.attached(Poolscope.address()); var scope = span.makeCurrent();
                Connection c = pool.getConnection()) {
            i.until("lent", () -> i.out.size() == 1);
            assertEquals(trace, i.out.values().iterator().next().get("trace_id"));
            assertEquals(Map.of("span_id", "00f067aa0ba902b7"), i.out.values().iterator().next().get("tags"));
            assertTrue(i.can("trace"));
            assertEquals(List.of("named by itself"), i.pools());
            assertTrue(c.isValid(1));
        }
    }
}
