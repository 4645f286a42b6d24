// SPDX-License-Identifier: Apache-2.0
package org.poolscope.agent;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.SQLException;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import javax.sql.DataSource;
import org.junit.jupiter.api.Test;

/** Prepared statements that stay open, by the line that prepares them. */
@SuppressWarnings("resource")
class StatementsTest extends WithAgent {
    private final List<PreparedStatement> kept = new ArrayList<>();

    private DataSource pool(String stacks) throws Exception {
        start(options().stacks(stacks).own("org.poolscope.agent.StatementsTest"));
        return Poolscope.instrument(new FakePool(1), "orders");
    }

    private static int line() {
        return StackWalker.getInstance().walk(frames -> frames.skip(1).findFirst()).orElseThrow().getLineNumber();
    }

    private static long open(Inspector i) {
        return i.prepared.values().stream().mapToLong(each -> (Long) each.get("count")).sum();
    }

    @Test
    void whoPreparesAndNeverClosesIsToldByLine() throws Exception {
        DataSource pool = pool("always");
        Connection c = pool.getConnection();
        for (int n = 0; n < 50; n++) { // as it should be
            c.prepareStatement("SELECT 'closed'").close();
        }
        int line = 0;
        for (int n = 0; n < 6; n++) {
            line = line() + 1;
            kept.add(c.prepareStatement("SELECT " + n % 3 + ", 'secret'"));
        }
        try (Inspector i = attach()) {
            assertTrue(i.can("statements"));
            i.until("they are told", () -> open(i) == 6);
            // The first two of a connection are anybody's: to close them before the next costs no stack.
            assertEquals(2L, i.prepared.get("").get("count"));
            Map<String, Object> place = i.prepared.entrySet().stream().filter(e -> !e.getKey().isEmpty()).findFirst()
                .orElseThrow().getValue();
            assertEquals(List.of(4L, 3L, "orders", "SELECT ?, ?"),
                List.of(place.get("count"), place.get("distinct"), place.get("pool"), place.get("statement")));
            assertEquals((long) line, i.stacks.get(place.get("stack")).get(0).get("line"));
            i.sync(); // a picture has them too
            assertEquals(6, open(i));
            kept.remove(5).close();
            i.until("one is closed", () -> open(i) == 5);
            kept.remove(4).closeOnCompletion(); // by itself, then
            i.until("another is none of ours", () -> open(i) == 4);
            try (Inspector late = attach()) {
                late.until("the other inspector knows", () -> open(late) == 4);
                c.close();
                // This pool leaves them open. They go with what refers to them, or their connection.
                late.sync();
                assertEquals(4, open(late));
                kept.clear();
                late.until("nobody has them", () -> {
                    System.gc();
                    return open(late) == 0;
                });
                i.until("nor for the first", () -> open(i) == 0);
            }
        }
    }

    @Test
    void oneEachTurnAddsUpWhereThePoolLeavesThemOpen() throws Exception {
        DataSource pool = pool("always");
        for (int n = 0; n < 5; n++) {
            try (Connection c = pool.getConnection()) {
                kept.add(c.prepareStatement("SELECT 1"));
            }
        }
        try (Inspector i = attach()) {
            i.until("they are told", () -> open(i) == 5);
            assertEquals(2, i.prepared.size());
            assertEquals(1L, i.prepared.get("").get("distinct"));
            try (Connection c = pool.getConnection()) {
                c.abort(Runnable::run);
            }
            i.until("the connection took them along", () -> open(i) == 0);
        }
    }

    @Test
    void withoutStacksTheyAreCounted() throws Exception {
        DataSource pool = pool("off");
        Connection c = pool.getConnection();
        for (int n = 0; n < 12_000; n++) {
            prepare(c);
        }
        try (Inspector i = attach()) {
            i.until("they are told", () -> !i.prepared.isEmpty());
            assertFalse(i.can("stacks"));
            assertEquals(Map.of("", 10_000L), Map.of("", i.prepared.get("").get("count"))); // more are not counted
            c.close();
            kept.clear();
        }
    }

    private void prepare(Connection c) throws SQLException {
        kept.add(c.prepareStatement("SELECT 1"));
    }
}
