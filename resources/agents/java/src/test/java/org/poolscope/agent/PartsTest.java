// SPDX-License-Identifier: Apache-2.0
package org.poolscope.agent;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.poolscope.agent.Fingerprint.Dialect.ANY;
import static org.poolscope.agent.Fingerprint.Dialect.MYSQL;
import static org.poolscope.agent.Fingerprint.Dialect.POSTGRES;

import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.concurrent.Executors;
import org.junit.jupiter.api.Test;

@SuppressWarnings("try") // scopes are there to be closed
class PartsTest {
    private record Case(Fingerprint.Dialect dialect, String statement, String expected) {}

    @Test
    void fingerprintsHoldNoLiteralsAndEndWhereTheyMight() {
        List<Case> cases = List.of(
            new Case(ANY, "SELECT  1,\n 'a''b' FROM t -- secret\n WHERE x = 5.5e-3", "SELECT ?, ? FROM t WHERE x = ?"),
            new Case(POSTGRES, "SELECT E'a\\'b', $1, $x$secret$x$, \"Name\"", "SELECT ?, $1, ?, \"Name\""),
            new Case(POSTGRES, "SELECT 'a\\' , 'secret'", "SELECT ?\u2026"),
            new Case(MYSQL, "SELECT \"secret\", `col`, 'x' # secret", "SELECT ?, `col`, ?"),
            new Case(MYSQL, "SELECT 'it\\'s secret'", "SELECT ?\u2026"),
            new Case(ANY, "SELECT $x$secret$x$", "SELECT ?\u2026"),
            new Case(ANY, "SELECT q'[it's secret]'", "SELECT\u2026"),
            new Case(ANY, "SELECT [a'b], 'secret'", "SELECT\u2026"),
            new Case(ANY, "SELECT 1 # secret", "SELECT ?\u2026"),
            new Case(POSTGRES, "SELECT /* a /* b */ 'secret' */ 1", "SELECT\u2026"),
            new Case(MYSQL, "SELECT /*! 'secret */ 1", "SELECT\u2026"),
            new Case(MYSQL, "SELECT 5--1", "SELECT ?--?"),
            new Case(ANY, "SELECT 1\0 secret", "SELECT ?\u2026"),
            new Case(ANY, "SELECT 0x1F, 1.5, .5, a1", "SELECT ?, ?, ?, a1"));
        for (Case c : cases) {
            assertEquals(c.expected, Fingerprint.of(c.statement, c.dialect), c.statement);
        }
        String long_ = Fingerprint.of("SELECT " + "x, ".repeat(100_000), ANY);
        assertTrue(long_.length() < Limits.STATEMENT + 10 && long_.endsWith("\u2026"), long_.length() + "");
    }

    private static String quoted(String text, int most) {
        return new String(new LineWriter().quoted(text, most).take(), StandardCharsets.UTF_8);
    }

    @Test
    void textsAreCutAtACharacterAndEscaped() throws Exception {
        assertEquals("\"a\\\"b\\\\\\u000a\\u007f\u00fc\ud83d\ude00\"", quoted("a\"b\\\n\u007f\u00fc\ud83d\ude00", 100));
        assertEquals("\"\ufffd!\"", quoted("\ud83d!", 100), "half a character");
        assertEquals("\"1234567890\"", quoted("1234567890", 10));
        assertEquals("\"1234567\u2026\"", quoted("12345678901", 10));
        assertEquals("\"\u00fc\u00fc\u00fc\u2026\"", quoted("\u00fc".repeat(9), 10));
        for (int most = 3; most < 40; most++) {
            String cut = (String) Json.read(quoted("a\u00fc\u20ac\ud83d\ude00".repeat(9), most));
            assertTrue(cut.getBytes(StandardCharsets.UTF_8).length <= most, cut);
        }
    }

    @Test
    void noLineIsLongerThanAllowed() {
        LineWriter w = new LineWriter();
        String huge = "\u0001".repeat(1000);
        List<Lines.Frame> frames = Collections.nCopies(200, new Lines.Frame(huge, huge, 7, true));
        Lines.stack(w, 1, huge, frames);
        assertTrue(w.take().length <= Limits.LINE + 1);
        String[] config = new String[400];
        Arrays.fill(config, huge);
        Lines.hello(w, 1, new Lines.Hello(1, huge, huge, huge, huge, 1, huge, 1, List.of("tags"),
            Collections.nCopies(2000, new Lines.PoolInfo(huge, huge, huge, config))));
        assertTrue(w.take().length <= Limits.LINE + 1);
        Lines.checkout(w, 1, new Lines.Lent(huge, huge, 1, huge, 1, huge, huge, huge, 1, 1, config, huge, 1, true, 1, true));
        assertTrue(w.take().length <= Limits.LINE + 1);
    }

    @Test
    void jsonIsReadStrictly() throws Exception {
        assertEquals(Map.of("a", List.of(1L, -2.5, true, "\u00fc\n", Json.NULL, Map.of())),
            Json.read(" {\"a\":[1,-2.5e0,true,\"\\u00fc\\n\",null,{}]} "));
        for (String bad : List.of("", "{", "{\"a\"}", "[1,]", "01", "1.", "1e", "-", "+1", "nul", "\"\n\"", "\"\\x\"", "\"\\u12g4\"",
                "{} {}", "'a'", "[".repeat(100) + "]".repeat(100), "{\"a\":1,}", "\"\\u12")) {
            assertThrows(Json.Bad.class, () -> Json.read(bad), bad);
        }
    }

    @Test
    void percentilesAreRightToSixPercent() {
        Histogram h = new Histogram();
        assertEquals(LineWriter.UNKNOWN, h.percentile(0.5));
        for (int us = 1; us <= 10_000; us++) {
            h.add(us);
        }
        assertEquals(5000, h.percentile(0.5), 300);
        assertEquals(9900, h.percentile(0.99), 600);
        assertEquals(10_000, h.summary().count());
        for (long us = 0; us < 1L << 60; us = us * 3 + 1) {
            assertEquals(us, Histogram.valueOf(Histogram.bucketOf(us)), us * 0.07 + 1);
        }
        h.add(-5);
        h.add(Long.MAX_VALUE);
    }

    @Test
    void aMapByIdentityKeepsNothingAlive() throws Exception {
        WeakIdentity<Integer> map = new WeakIdentity<>();
        List<Object> keys = new ArrayList<>();
        for (int n = 0; n < 1000; n++) {
            keys.add(new String("same"));
            map.put(keys.get(n), n);
        }
        for (int n = 0; n < 1000; n++) {
            assertEquals(n, map.get(keys.get(n)));
        }
        assertNull(map.get("same"));
        map.remove(keys.get(7));
        assertNull(map.get(keys.get(7)));
        keys.subList(10, 1000).clear();
        List<Integer> gone = new ArrayList<>();
        Inspector.eventually("all are collected", () -> {
            System.gc();
            map.expunge(gone::add);
            return gone.size() == 990;
        });
        assertEquals(9, map.get(keys.get(9)));
    }

    @Test
    void scopesNestAndEndInAnyOrder() throws Exception {
        Scope outer = Poolscope.tags("a", "1", "b", "2", "odd");
        Scope inner = Poolscope.tags("a", "3", null, "x", "c", null);
        assertEquals(List.of("a", "3", "b", "2"), List.of(Scope.current().tags));
        outer.close(); // too early: the inner one counts on
        assertEquals(List.of("a", "3", "b", "2"), List.of(Scope.current().tags));
        inner.close();
        inner.close();
        assertEquals(0, Scope.current().tags.length);
        String[] many = new String[100];
        for (int n = 0; n < many.length; n++) {
            many[n] = "t" + n;
        }
        try (Scope full = Poolscope.tags(many); Scope none = Poolscope.tags((String[]) null)) {
            assertEquals(2 * Limits.TAGS, Scope.current().tags.length);
        }
        Callable<String> work;
        try (Scope by = Poolscope.by("job"); Scope tags = Poolscope.tags("k", "v")) {
            work = Poolscope.carrying(() -> Scope.current().by + Scope.current().tags[1]);
        }
        var other = Executors.newSingleThreadExecutor();
        try {
            assertEquals("jobv", other.submit(work).get());
            assertEquals("", other.submit(() -> Scope.current().by).get());
            Scope foreign = Poolscope.by("here");
            other.submit(foreign::close).get(); // by another thread
            assertEquals("", Scope.current().by);
        } finally {
            other.shutdown();
        }
    }

    @Test
    void databasesAreShownWithoutSecrets() {
        Map.of("jdbc:postgresql://host:5432/shop?user=a&password=b", "postgresql://host:5432/shop",
            "jdbc:mariadb://user:secret@host/shop", "mariadb://host/shop",
            "jdbc:mysql://a:1,b:2/shop;password=x", "mysql://a:1,b:2/shop",
            "jdbc:oracle:thin:scott/tiger@//host:1521/x", "", "jdbc:mysql://(host=a,password=b)/x", "",
            "jdbc:sqlserver://host:1433;password=x", "sqlserver://host:1433",
            "jdbc:postgresql:shop", "").forEach((url, shown) -> assertEquals(shown, PoolKind.withoutSecrets(url), url));
        for (String unsure : List.of("jdbc:mysql://root:a;b@db/shop", "jdbc:mysql://root:12;b@db/shop", "jdbc:mysql://root:a#b@db/shop",
                "jdbc:mysql://root:a?b@db/shop", "jdbc:mysql://root:a b@db/shop", "jdbc:mysql://me:12/x@db/shop", "jdbc:mysql://me:ab/x@db/shop",
                "jdbc:mysql://me:12/x%40db/shop", "jdbc:mysql://root:secret/shop", "jdbc:mysql://a:1,root:secret/shop")) {
            assertEquals("", PoolKind.withoutSecrets(unsure), unsure);
        }
    }

    @Test
    void theReasonOfATimeoutHoldsNoStatements() {
        assertEquals("wait millis 300, active 2, maxActive 2, creating 0", Timeouts.sentenceOf("wait millis 300, active 2, maxActive 2, "
            + "creating 0, runningSqlCount 1 : SELECT 'secret'\nrunningSqlCount 2 : SELECT 7"));
        assertEquals("", Timeouts.sentenceOf("runningSqlCount 1 : SELECT 'secret'"));
        assertEquals("nothing came", Timeouts.sentenceOf("nothing came\nSELECT 'secret'"));
        assertNull(Timeouts.sentenceOf(null));
    }

    @Test
    void librariesAndWhatTheyGenerateAreNotTheApplications() {
        Stacks stacks = new Stacks(List.of("org.springframework.samples."), Limits.FRAMES);
        for (String own : List.of("com.acme.Shop", "Shop", "org.apache.druid.Main", "org.springframework.samples.Shop",
                "com.acme.Shop$Inner")) {
            assertTrue(stacks.isOwn(own), own);
        }
        for (String library : List.of("java.lang.Thread", "com.zaxxer.hikari.HikariDataSource", "com.acme.Shop$$SpringCGLIB$$0",
                "jdk.proxy2.$Proxy12", "org.springframework.jdbc.Foo", "org.poolscope.agent.Pool", "com.sun.proxy.$Proxy1")) {
            assertFalse(stacks.isOwn(library), library);
        }
    }

    private static CallStack deep(int depth) {
        return depth == 0 ? new CallStack() : deep(depth - 1);
    }

    @Test
    void stacksAreBoundedAndHaveOneId() {
        Stacks stacks = new Stacks(List.of("org.poolscope.agent.PartsTest"), Limits.FRAMES);
        List<CallStack> same = new ArrayList<>();
        for (int n = 0; n < 2; n++) {
            same.add(deep(500));
        }
        Stacks.Known known = stacks.intern(same.get(0));
        assertEquals(known.id(), stacks.intern(same.get(1)).id());
        assertEquals(Limits.FRAMES, known.frames().size());
        assertFalse(known.id().equals(stacks.intern(deep(5)).id()), "another");
        assertEquals(2, stacks.size());
    }
}
