// SPDX-License-Identifier: Apache-2.0
package org.poolscope.agent;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.ResultSet;
import java.sql.Statement;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import javax.sql.DataSource;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.postgresql.PGConnection;
import shop.Pools;

/** pgjdbc behind a real PgBouncer: the connection's own port leads to the session, what the pooler says does not. */
class PoolerTest extends WithAgent {
    /** No process of Linux has a higher number. */
    private static final int HIGHEST_PID = 1 << 22;

    @BeforeEach
    void needsTheProgram() {
        Assumptions.assumeTrue(System.getenv("POOLSCOPE_BIN") != null, "POOLSCOPE_BIN does not name the program");
    }

    private static String read(Path file) {
        try {
            return Files.readString(file);
        } catch (IOException e) {
            return e.toString();
        }
    }

    /** The one checkout of the pool "orders", as the program tells it with these attached. */
    private Map<String, Object> checkout(String... targets) throws Exception {
        List<String> command = new ArrayList<>(List.of(System.getenv("POOLSCOPE_BIN"), "checkouts", "--json"));
        command.addAll(List.of(targets));
        Path trouble = folder.resolve("poolscope.stderr");
        Process p = new ProcessBuilder(command).redirectError(trouble.toFile()).start();
        String out = new String(p.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        assertEquals(0, p.waitFor(), () -> out + read(trouble));
        Map<String, Object> found = null;
        for (Object each : (List<?>) Json.read(out)) {
            if ("orders".equals(Inspector.object(each).get("pool"))) {
                assertNull(found, out);
                found = Inspector.object(each);
            }
        }
        assertNotNull(found, out);
        return found;
    }

    @ParameterizedTest
    @ValueSource(strings = {"hikaricp", "dbcp2", "tomcat", "druid"})
    void theOwnPortLeadsToTheSession(String kind) throws Exception {
        String behind = Servers.postgres();
        String pooler = Servers.pooler();
        DataSource raw = Pools.make(kind, pooler, 2, 2_000);
        start(options());
        DataSource pool = Poolscope.instrument(raw, "orders");
        try (Connection c = pool.getConnection(); Statement s = c.createStatement()) {
            c.setAutoCommit(false); // the pooler gives it a server's connection for as long
            long pid;
            try (ResultSet rows = s.executeQuery("SELECT pg_backend_pid()")) {
                assertTrue(rows.next());
                pid = rows.getLong(1);
            }
            int made = c.unwrap(PGConnection.class).getBackendPID();
            Map<String, Object> alone = checkout(Poolscope.address());
            if (made <= 0 || made > HIGHEST_PID) {
                assertSame(Json.NULL, alone.get("server_pid"), alone.toString());
            }
            assertSame(Json.NULL, alone.get("session"), alone.toString());
            Map<String, Object> joined = checkout(Poolscope.address(),
                "pgbouncer://postgres@127.0.0.1:" + URI.create(pooler.substring(5)).getPort(),
                "postgresql://postgres@127.0.0.1:" + URI.create(behind.substring(5)).getPort() + "/postgres");
            assertEquals(pid, joined.get("server_pid"), joined.toString());
            assertTrue(String.valueOf(joined.get("session")).startsWith("pg-" + pid + "-"), joined.toString());
            c.rollback();
        } finally {
            raw.getClass().getMethod("close").invoke(raw);
        }
    }
}
