// SPDX-License-Identifier: Apache-2.0
package org.poolscope.agent;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.poolscope.agent.Inspector.eventually;

import java.sql.Connection;
import java.sql.SQLException;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.atomic.AtomicInteger;
import javax.sql.DataSource;
import org.junit.jupiter.api.Test;

/** Inspectors of every kind, good and bad: the application never notices. */
class PeersTest extends WithAgent {
    @Test
    void anInspectorThatStallsIsLetGoAndSlowsNobody() throws Exception {
        AgentOptions o = options();
        o.peerBytes = 1 << 16;
        o.stallMillis = 500;
        start(o);
        DataSource pool = Poolscope.instrument(new FakePool(2), "busy");
        try (Inspector lazy = attach(); Inspector i = attach()) {
            AtomicInteger rounds = new AtomicInteger();
            Thread worker = new Thread(() -> {
                try {
                    while (!Thread.interrupted()) {
                        use(pool);
                        rounds.incrementAndGet();
                    }
                } catch (SQLException e) {
                    rounds.set(-1);
                }
            });
            worker.start();
            i.until("the lazy one is let go", () -> logged.toString().contains("is detached"));
            worker.interrupt();
            worker.join();
            assertTrue(rounds.get() > 100, rounds + " rounds");
            assertTrue(lazy.socket.isConnected());
        }
    }

    @Test
    void whoAsksAndDoesNotReadIsNotListenedTo() throws Exception {
        AgentOptions o = options();
        o.peerBytes = 1 << 16;
        start(o);
        try (Inspector i = attach()) {
            String ping = "{\"k\":\"ping\",\"n\":1}\n";
            byte[] chunk = ping.repeat(1000).getBytes();
            java.nio.ByteBuffer rest = java.nio.ByteBuffer.wrap(chunk);
            long sent = 0;
            long since = System.nanoTime();
            while (System.nanoTime() - since < 1_000_000_000L && sent < 16 << 20) { // nothing for a second: it stopped
                int n = i.socket.write(rest);
                sent += n;
                since = n > 0 ? System.nanoTime() : since;
                if (!rest.hasRemaining()) {
                    rest.rewind();
                }
            }
            assertTrue(sent < 16 << 20, sent + " bytes were read, and nothing of the answers");
            long whole = sent / ping.length();
            AtomicInteger pongs = new AtomicInteger();
            while (pongs.get() < whole) {
                if ("pong".equals(i.line().get("k"))) {
                    pongs.incrementAndGet();
                }
            }
        }
    }

    @Test
    void aThousandAttachAndLeave() throws Exception {
        start(options());
        DataSource pool = Poolscope.instrument(new FakePool(2), "often");
        Connection held = pool.getConnection();
        int threads = Thread.activeCount();
        for (int n = 0; n < 1000; n++) {
            Inspector i = new Inspector(Poolscope.address());
            if (n % 3 == 0) { // others leave without a word, or in the middle of one
                i.send("{\"k\":\"pi".getBytes());
            } else if (n % 3 == 1) {
                i.line();
            }
            i.close();
            int wanted = n + 1;
            if (n % 8 == 7) {
                eventually("they are in", () -> agent.accepted.get() + agent.refused.get() == wanted);
            }
        }
        eventually("all are gone", () -> !agent.isAttached());
        assertEquals(1000, agent.accepted.get() + agent.refused.get());
        assertTrue(Thread.activeCount() <= threads, "threads stay"); // of other tests some may just have ended
        try (Inspector i = attach()) {
            assertEquals(1, i.out.size());
        }
        held.close();
    }

    @Test
    void theSeventeenthIsRefused() throws Exception {
        start(options());
        List<Inspector> all = new ArrayList<>();
        for (int n = 0; n < Limits.PEERS; n++) {
            all.add(attach());
        }
        try (Inspector more = new Inspector(Poolscope.address())) {
            assertEquals(null, more.line());
        }
        assertEquals(1, agent.refused.get());
        for (Inspector i : all) {
            i.close();
        }
    }

    @Test
    void aHostileInspectorIsSurvived() throws Exception {
        start(options());
        try (Inspector i = attach()) {
            List<String> bad = List.of("hello", "[]", "null", "{\"k\":\"ping\"}", "{\"k\":\"ping\",\"n\":-1}",
                "{\"k\":\"ping\",\"n\":1e0}", "{\"K\":\"ping\",\"n\":1}",
                "{\"k\":\"ping\",\"n\":1,\"x\":\"" + "A".repeat(Limits.LINE) + "\"}", "[".repeat(Limits.LINE - 1),
                "{\"k\":\"reclaim\",\"n\":1}", "{\"k\":\"reclaim\",\"n\":1,\"id\":7}");
            for (String line : bad) {
                i.send(line);
            }
            i.send(new byte[] {(byte) 0xFF, (byte) 0xFE, '\n', '\n'});
            i.send("{\"k\":\"dance\",\"n\":3}\r"); // of a later version
            i.send("{\"k\":\"reclaim\",\"n\":9,\"id\":\"1\"}");
            AtomicInteger answered = new AtomicInteger();
            while (answered.get() == 0) {
                Map<String, Object> m = i.line();
                if ("result".equals(m.get("k"))) {
                    assertEquals(9L, m.get("of"));
                    assertEquals(false, m.get("ok"));
                    assertEquals("reclaim is not allowed by this process", m.get("why"));
                    answered.incrementAndGet();
                }
            }
            assertEquals(bad.size() + 1, agent.badLines.get());
            i.send("rubbish\n".repeat(Limits.BAD_LINES + 1).getBytes());
            eventually("it is let go", () -> !agent.isAttached());
        }
    }

    @Test
    void overTcpATokenIsAskedFor() throws Exception {
        AgentOptions o = options().listen("127.0.0.1:0").token("correct horse battery staple");
        start(o);
        String nonce;
        try (Inspector i = new Inspector(Poolscope.address())) {
            Map<String, Object> challenge = i.line();
            nonce = (String) challenge.get("nonce");
            assertEquals(64, nonce.length());
            assertEquals(1L, challenge.get("v"));
            i.send("{\"k\":\"auth\",\"n\":1,\"mac\":\"" + Command.macOf("correct horse battery staple", nonce) + "\"}");
            i.picture();
            i.send("{\"k\":\"ping\",\"n\":1,\"x\":\"" + "A".repeat(60_000) + "\"}");
            i.sync();
            assertEquals(0, agent.badLines.get());
        }
        for (String answer : List.of("{\"k\":\"auth\",\"n\":5,\"mac\":\"" + Command.macOf("wrong", nonce) + "\"}",
                "{\"k\":\"ping\",\"n\":5}", "rubbish", "A".repeat(5000))) {
            try (Inspector i = new Inspector(Poolscope.address())) {
                assertFalse(i.line().get("nonce").equals(nonce));
                i.send(answer);
                Map<String, Object> m = i.line();
                if (answer.contains("auth")) {
                    assertEquals("wrong token", m.get("why"));
                    assertEquals(5L, m.get("of"));
                    m = i.line();
                }
                assertEquals(null, m);
            }
        }
        List<Inspector> waiting = new ArrayList<>();
        for (int n = 0; n < Limits.CHALLENGED; n++) {
            waiting.add(new Inspector(Poolscope.address()));
            waiting.get(n).line();
        }
        try (Inspector ninth = new Inspector(Poolscope.address())) {
            assertEquals(null, ninth.line());
        }
        for (Inspector i : waiting) {
            i.close();
        }
    }

    @Test
    void whoSaysNothingIsClosed() throws Exception {
        AgentOptions o = options().listen("127.0.0.1:0").token("x");
        o.authMillis = 200;
        start(o);
        try (Inspector i = new Inspector(Poolscope.address())) {
            i.line();
            assertEquals(null, i.line());
        }
    }

    @Test
    void whatDoesNotFitIsDroppedCountedToldAndMended() throws Exception {
        AgentOptions o = options();
        o.ringEvents = 8;
        o.drainMillis = 100;
        start(o);
        DataSource pool = Poolscope.instrument(new FakePool(1), "small");
        try (Inspector i = attach()) {
            for (int n = 0; n < 2000; n++) {
                use(pool);
            }
            i.until("a loss is told", () -> i.lost > 0);
            i.sync();
            assertTrue(agent.dropped.get() > 0);
            assertEquals(1, i.open.size());
            assertEquals(0, i.out.size());
        }
    }
}
