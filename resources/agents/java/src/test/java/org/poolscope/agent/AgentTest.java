// SPDX-License-Identifier: Apache-2.0
package org.poolscope.agent;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotSame;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.poolscope.agent.Inspector.eventually;

import java.sql.Connection;
import java.sql.SQLException;
import java.sql.SQLTransientConnectionException;
import java.sql.Statement;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Random;
import javax.sql.DataSource;
import org.junit.jupiter.api.Test;

/** What an inspector sees of pools, on a pool that does nothing. */
@SuppressWarnings("try") // scopes are there to be closed
class AgentTest extends WithAgent {
    @Test
    void attachInMidIncidentShowsAllThatIsOpen() throws Exception {
        start(options());
        FakePool fake = new FakePool(4);
        DataSource pool = Poolscope.instrument(fake, new PoolOptions().name("orders").database("fake://host/orders"));
        Connection held;
        int line;
        try (var tags = Poolscope.tags("route", "/orders", "tenant", "fr\u00fch"); var by = Poolscope.by("worker");
                var more = Poolscope.tags("route", "/cart"); var long_ = Poolscope.expected(Duration.ofMinutes(10))) {
            line = new Throwable().getStackTrace()[0].getLineNumber() + 1;
            held = pool.getConnection();
        }
        use(pool);
        try (Inspector i = attach()) {
            assertEquals(2, i.open.size());
            assertEquals(1, i.out.size());
            Map<String, Object> c = i.out.values().iterator().next();
            assertEquals(Map.of("route", "/cart", "tenant", "fr\u00fch"), c.get("tags"));
            assertEquals("worker", c.get("by"));
            assertEquals(600_000_000L, c.get("expected_us"));
            assertEquals(false, c.get("busy"));
            assertEquals(Thread.currentThread().getName(), c.get("thread"));
            Map<String, Object> frame = i.stacks.get(c.get("stack")).get(0);
            assertEquals(Map.of("function", "org.poolscope.agent.AgentTest.attachInMidIncidentShowsAllThatIsOpen",
                "file", "org/poolscope/agent/AgentTest.java", "line", (long) line, "own", true), frame);
            assertEquals("poolscope-java", i.hello.get("agent"));
            assertEquals("shop", i.hello.get("process"));
            assertEquals(ProcessHandle.current().pid(), i.hello.get("pid"));
            assertEquals(List.of(Map.of("pool", "orders", "kind", "datasource", "database", "fake://host/orders", "config",
                Map.of())), i.hello.get("pools"));
            assertFalse(i.can("reclaim") || i.can("health") || i.can("server_pid") || i.can("create_time"));
            Map<String, Object> s = i.stats.get("orders");
            assertEquals(1L, s.get("used"));
            assertFalse(s.containsKey("idle") || s.containsKey("max"), s.toString());
            assertEquals(1L, Inspector.object(s.get("use_time")).get("count"));
            // From here on one by one.
            try (Statement st = held.createStatement()) {
                st.execute("UPDATE items SET price = 12 WHERE name = 'it''s mine'");
            }
            held.commit();
            Poolscope.beat(held);
            held.close();
            held.close();
            i.until("the checkin", () -> i.out.isEmpty());
            assertEquals(List.of("UPDATE items SET price = ? WHERE name = ?\u2026".replace("\u2026", ""), "COMMIT"), i.statements);
            assertEquals(1, i.beats);
            assertTrue(i.busy.values().stream().noneMatch(b -> b));
        }
    }

    @Test
    void aReaderThatFollowsHasTheStateThatAPictureShows() throws Exception {
        long seed = System.nanoTime();
        AgentOptions o = options();
        o.ringEvents = 1 << 18;
        start(o);
        FakePool fake = new FakePool(4);
        fake.patience = 5;
        DataSource pool = Poolscope.instrument(fake, "exact");
        try (Inspector i = attach()) {
            List<Thread> workers = new ArrayList<>();
            for (int w = 0; w < 6; w++) {
                Random random = new Random(seed + w);
                Thread t = new Thread(() -> {
                    for (int n = 0; n < 500; n++) {
                        try (Connection c = pool.getConnection()) {
                            if (random.nextInt(3) == 0) {
                                c.createStatement().execute("SELECT " + n);
                            }
                            if (random.nextInt(20) == 0) {
                                c.abort(Runnable::run);
                            }
                            Thread.yield();
                        } catch (SQLException e) {
                            continue; // nothing came in time
                        }
                    }
                });
                t.start();
                workers.add(t);
            }
            for (int n = 0; n < 5; n++) {
                i.send("{\"k\":\"resync\",\"n\":1}");
                i.picture();
            }
            i.until("all are done", () -> workers.stream().noneMatch(Thread::isAlive) && i.out.isEmpty());
            i.until("those that were aborted are closed", () -> i.open.size() == fake.alive());
            String followed = i.open.keySet().stream().sorted().toList().toString();
            long told = i.timeouts.size();
            i.sync();
            assertEquals(0, i.gaps, "seed " + seed);
            assertEquals(0, i.out.size(), "seed " + seed);
            assertEquals(followed, i.open.keySet().stream().sorted().toList().toString(), "seed " + seed);
            assertEquals(told, i.stats.get("exact").get("timeouts"), "seed " + seed);
            assertEquals(0L, agent.dropped.get());
        }
        assertEquals(0, fake.lent());
    }

    @Test
    void poolsComeAndGo() throws Exception {
        start(options());
        FakePool first = new FakePool(1);
        FakePool second = new FakePool(1);
        try (Inspector i = attach()) {
            DataSource orders = Poolscope.instrument(first, "orders");
            assertSame(orders, Poolscope.instrument(first, "other"), "a second agent for one pool");
            assertSame(orders, Poolscope.instrument(orders, "other"));
            DataSource other = Poolscope.instrument(second, "orders");
            assertNotSame(orders, other);
            i.until("both", () -> !i.inPicture && i.pools().equals(List.of("orders", "orders-2")));
            Connection held = orders.getConnection();
            i.until("lent", () -> i.out.size() == 1);
            ((AutoCloseable) orders).close();
            assertTrue(first.closed);
            i.until("one", () -> !i.inPicture && i.pools().equals(List.of("orders-2")));
            assertEquals(0, i.out.size());
            held.close(); // nobody is told
            second.close(); // not by way of the wrapper: the watcher sees it
            i.until("none", () -> !i.inPicture && i.pools().isEmpty());
            // Built again.
            DataSource again = Poolscope.instrument(new FakePool(1), "orders");
            use(again);
            i.until("again", () -> !i.inPicture && i.pools().equals(List.of("orders")));
            // One that serves again after all.
            first.closed = false;
            use(orders);
            i.until("two", () -> !i.inPicture && i.pools().equals(List.of("orders", "orders-2")));
            i.sync();
            assertEquals(0, i.out.size());
        }
    }

    @Test
    void timeoutsAreToldAndOtherFailuresAreNot() throws Exception {
        start(options());
        FakePool fake = new FakePool(1);
        DataSource pool = Poolscope.instrument(fake, "narrow");
        try (Inspector i = attach(); var tags = Poolscope.tags("job", "nightly")) {
            Connection held = pool.getConnection();
            SQLException e = assertThrows(SQLTransientConnectionException.class, pool::getConnection);
            assertEquals("nothing came", e.getMessage());
            fake.thrown = new IllegalStateException("mine");
            assertSame(fake.thrown, assertThrows(IllegalStateException.class, pool::getConnection));
            fake.thrown = null;
            i.until("the timeout", () -> i.timeouts.size() == 1);
            Map<String, Object> m = i.timeouts.get(0);
            assertEquals(Map.of("job", "nightly"), m.get("tags"));
            assertEquals("nothing came", m.get("reason"));
            assertTrue((Long) m.get("wait_us") >= 40_000, m.toString());
            assertTrue(i.stacks.get(m.get("stack")).toString().contains("timeoutsAreTold"));
            i.sync();
            assertEquals(1L, i.stats.get("narrow").get("timeouts"));
            assertEquals(1, i.timeouts.size());
            assertEquals(1, fake.lent());
            held.close();
        }
    }

    /** One of the application's, whose text may need anything. */
    private final class Foreign extends SQLTransientConnectionException {
        private static final long serialVersionUID = 1;
        private transient volatile boolean underLock;
        private transient volatile boolean asked;

        @Override
        public String getMessage() {
            asked = true;
            underLock |= Thread.holdsLock(agent.lock);
            throw new IllegalStateException("a text that fails");
        }
    }

    @Test
    void anExceptionIsNotAskedUnderTheLock() throws Exception {
        start(options());
        FakePool fake = new FakePool(1);
        DataSource pool = Poolscope.instrument(fake, "p");
        Foreign foreign = new Foreign();
        fake.refused = foreign;
        assertSame(foreign, assertThrows(SQLTransientConnectionException.class, pool::getConnection));
        assertTrue(foreign.asked && !foreign.underLock);
        try (Inspector i = attach()) {
            assertEquals(1L, i.stats.get("p").get("timeouts"));
        }
    }

    @Test
    void whoWaitsIsCounted() throws Exception {
        start(options());
        FakePool fake = new FakePool(1);
        fake.patience = 60_000;
        DataSource pool = Poolscope.instrument(fake, "narrow");
        try (Inspector i = attach()) {
            Connection held = pool.getConnection();
            Thread waiter = new Thread(() -> {
                try {
                    use(pool);
                } catch (SQLException e) {
                    throw new IllegalStateException(e);
                }
            });
            waiter.start();
            i.until("one waits", () -> Long.valueOf(1).equals(i.pending.get("narrow")));
            try (Inspector other = attach()) {
                assertEquals(1L, other.pending.get("narrow"));
            }
            held.close();
            i.until("nobody waits", () -> Long.valueOf(0).equals(i.pending.get("narrow")));
            waiter.join();
        }
    }

    @Test
    void aConnectionThatIsDroppedIsNotKeptAliveAndTold() throws Exception {
        start(options());
        FakePool fake = new FakePool(3);
        DataSource pool = Poolscope.instrument(fake, "drops");
        try (Inspector i = attach()) {
            String where = drop(pool);
            eventually("it is collected", () -> {
                System.gc();
                return logged.toString().contains("was collected without close");
            });
            i.until("the leak is told", () -> i.leaks.size() == 1);
            assertEquals("critical", i.leaks.get(0).get("severity"));
            assertEquals(1, i.out.size(), "it is still lent");
            assertEquals(1, fake.lent());
            assertTrue(logged.toString().contains(where), logged.toString());
            i.sync();
            assertEquals(1L, i.stats.get("drops").get("leaks"));
        }
    }

    @Test
    void aDriverThatIsOlderThanTheInterfaceIsServed() throws Exception {
        start(options());
        FakePool fake = new FakePool(2);
        DataSource pool = Poolscope.instrument(fake, "old");
        Connection known = pool.getConnection();
        fake.old = true; // the watcher is told nothing of this one, nor what is inside the next
        Connection held = pool.getConnection();
        DataSource other = Poolscope.instrument(new FakePool(1), "other");
        try (Inspector i = attach()) {
            assertEquals(2, i.out.size());
            assertEquals(1, i.out.values().stream().filter(c -> c.containsKey("conn")).count());
            use(other);
            i.until("the pool behind it is looked at", () -> i.stats.containsKey("other"));
            held.close();
            known.close();
            i.until("they are back", () -> i.out.isEmpty());
        }
    }

    @Test
    void whatNothingWillSayIsBackDoesNotPileUp() throws Exception {
        start(options());
        FakePool fake = new FakePool(Limits.UNTRACED + 50);
        fake.old = true;
        DataSource pool = Poolscope.instrument(fake, "blind");
        for (int n = 0; n < Limits.UNTRACED + 50; n++) {
            drop(pool);
        }
        Pool seen = ((TrackedDataSource) pool).pool;
        eventually("they are forgotten", () -> {
            System.gc();
            return seen.lentNow() == Limits.UNTRACED;
        });
        assertTrue(logged.toString().contains("Whether the pool has it"), logged.toString());
    }

    private static String drop(DataSource pool) throws SQLException {
        StackTraceElement here = new Throwable().getStackTrace()[0];
        pool.getConnection();
        return "AgentTest.java:" + (here.getLineNumber() + 1);
    }

    @Test
    void stacksAreTakenAsAsked() throws Exception {
        for (Map.Entry<String, Integer> mode : Map.of("off", 0, "sampled", 2, "always", 32, "near_exhaustion", 0, "sometimes", 32)
                .entrySet()) {
            start(options().stacks(mode.getKey()));
            DataSource pool = Poolscope.instrument(new FakePool(32), "m");
            List<Connection> held = new ArrayList<>();
            for (int n = 0; n < 32; n++) {
                held.add(pool.getConnection());
            }
            try (Inspector i = attach()) {
                assertEquals(mode.getValue().longValue(), i.out.values().stream().filter(c -> c.containsKey("stack")).count(),
                    mode.getKey());
                assertEquals(!mode.getKey().equals("off"), i.can("stacks"));
            }
            for (Connection c : held) {
                c.close();
            }
            Poolscope.close();
        }
        assertTrue(logged.toString().contains("POOLSCOPE_STACKS is \"sometimes\""));
    }

    @Test
    void theAgentEndsAndStartsAgain() throws Exception {
        FakePool fake = new FakePool(1);
        for (int n = 0; n < 3; n++) {
            start(options());
            assertThrows(IllegalStateException.class, () -> Poolscope.start(options()));
            DataSource pool = Poolscope.instrument(fake, "again");
            try (Inspector i = attach()) {
                Connection held = pool.getConnection();
                Poolscope.close();
                while (i.line() != null) {
                    continue;
                }
                held.close();
                use(pool); // goes on without
            }
            assertFalse(folder.resolve("s.sock").toFile().exists());
            assertEquals("", Poolscope.address());
        }
        eventually("no thread stays", () -> Thread.getAllStackTraces().keySet().stream()
            .noneMatch(t -> t.getName().startsWith("poolscope-") && t.isAlive()));
    }

    @Test
    void aLoggerMayTakeItsTimeAndNobodyWaitsForIt() throws Exception {
        List<Boolean> answered = new ArrayList<>();
        start(options().stacks("sometimes").log(sentence -> {
            Thread other = new Thread(Poolscope::address);
            other.start();
            try {
                other.join(5000);
            } catch (InterruptedException e) {
                return;
            }
            answered.add(!other.isAlive());
        }));
        assertEquals(List.of(true), answered);
    }

    @Test
    void whatFailsInTheAgentOrItsLoggerStaysThere() throws Exception {
        start(options().log(sentence -> {
            logged.add(sentence);
            throw new IllegalStateException("a logger that throws");
        }));
        DataSource pool = Poolscope.instrument(new FakePool(1), "p");
        agent.fault(new IllegalStateException("made up"));
        agent.fault(new IllegalStateException("made up again"));
        assertEquals(1, logged.stream().filter(s -> s.contains("made up")).count());
        try (Inspector i = attach()) {
            use(pool);
            i.sync();
        }
        agent.faults.set(0);
    }
}
