// SPDX-License-Identifier: Apache-2.0
package org.poolscope.agent;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.sql.Connection;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import javax.sql.DataSource;
import org.junit.jupiter.api.Test;

/** What the options of the agent and of a pool do. */
@SuppressWarnings("try") // scopes are there to be closed
class OptionsTest extends WithAgent {
    private static Connection deep(DataSource pool, int left) throws Exception {
        return left == 0 ? pool.getConnection() : deep(pool, left - 1);
    }

    @Test
    void soManyFramesAreToldTheInnermost() throws Exception {
        start(options().own("org.poolscope.agent.OptionsTest").stackDepth(3));
        DataSource pool = Poolscope.instrument(new FakePool(1), "orders");
        try (Connection c = deep(pool, 9); Inspector i = attach()) {
            List<Map<String, Object>> frames = i.stacks.get(i.out.values().iterator().next().get("stack"));
            String deep = "org.poolscope.agent.OptionsTest.deep";
            assertEquals(List.of(deep, deep, deep), frames.stream().map(f -> f.get("function")).toList());
            assertEquals(List.of(true, true, true), frames.stream().map(f -> f.get("own")).toList());
        }
        assertEquals(1, new AgentOptions().stackDepth(-7).stackDepth);
        assertEquals(64, new AgentOptions().stackDepth(1000).stackDepth);
    }

    private Object pidOf(PoolOptions chosen) throws Exception {
        DataSource pool = Poolscope.instrument(new FakePool(1), chosen.name("orders"));
        try (Connection c = pool.getConnection(); Inspector i = attach()) {
            assertEquals(chosen.serverPid != null && !chosen.noServerPid, i.can("server_pid"));
            return i.out.values().iterator().next().get("server_pid");
        } finally {
            Poolscope.close();
        }
    }

    @Test
    void theServersIdIsAskedAsTheApplicationSays() throws Exception {
        start(options());
        assertEquals(42L, pidOf(new PoolOptions().serverPid(c -> 42)));
        start(options());
        assertEquals(null, pidOf(new PoolOptions().serverPid(c -> -1)));
        start(options());
        assertEquals(null, pidOf(new PoolOptions().serverPid(c -> 42).noServerPid()));
        start(options());
        assertEquals(null, pidOf(new PoolOptions().serverPid(c -> {
            throw new IllegalStateException("asks");
        })));
        assertEquals(1, agent.faults.get());
        assertTrue(logged.toString().contains("asks"), logged.toString());
        agent = null; // it has its fault
    }

    @Test
    void theSpanIsATagUnlessTheApplicationHasOne() {
        Trace.Ids ids = new Trace.Ids("t", "s");
        assertArrayEquals(new String[] {}, Scope.NONE.tagsWith(null));
        assertArrayEquals(new String[] {"span_id", "s"}, Scope.NONE.tagsWith(ids));
        try (Scope tags = Poolscope.tags("a", "b")) {
            assertArrayEquals(new String[] {"a", "b", "span_id", "s"}, tags.tagsWith(ids));
            assertArrayEquals(new String[] {"a", "b"}, tags.tags);
        }
        try (Scope tags = Poolscope.tags("span_id", "mine")) {
            assertArrayEquals(new String[] {"span_id", "mine"}, tags.tagsWith(ids));
        }
        String[] many = new String[2 * Limits.TAGS];
        for (int n = 0; n < many.length; n++) {
            many[n] = "" + n;
        }
        try (Scope tags = Poolscope.tags(many)) {
            String[] more = tags.tagsWith(ids);
            assertEquals(2 * Limits.TAGS, more.length);
            assertEquals(List.of("span_id", "s"), Arrays.asList(more).subList(more.length - 2, more.length));
            assertFalse(Arrays.asList(tags.tags).contains("span_id"));
        }
    }
}
