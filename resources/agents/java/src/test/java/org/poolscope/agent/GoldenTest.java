// SPDX-License-Identifier: Apache-2.0
package org.poolscope.agent;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.ByteArrayOutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.Test;

/** The transcripts stand with the protocol's page, beside this folder in the source tree. */
class GoldenTest {
    record Line(String file, char mark, String reason, byte[] text) {
        String string() {
            return new String(text, StandardCharsets.UTF_8);
        }
    }

    private static final Pattern ESCAPE = Pattern.compile("\\\\x([0-9a-f]{2})|\\\\\\*(\\d+)x(.)");

    private static byte[] unescaped(String text) {
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        Matcher m = ESCAPE.matcher(text);
        int from = 0;
        while (m.find()) {
            out.writeBytes(text.substring(from, m.start()).getBytes(StandardCharsets.UTF_8));
            if (m.group(1) != null) {
                out.write(Integer.parseInt(m.group(1), 16));
            } else {
                out.writeBytes(m.group(3).repeat(Integer.parseInt(m.group(2))).getBytes(StandardCharsets.UTF_8));
            }
            from = m.end();
        }
        out.writeBytes(text.substring(from).getBytes(StandardCharsets.UTF_8));
        return out.toByteArray();
    }

    private static List<Line> transcripts() throws Exception {
        Path folder = Path.of("../../protocol/golden");
        Assumptions.assumeTrue(Files.isDirectory(folder), "the protocol's transcripts are not beside this folder");
        List<Line> all = new ArrayList<>();
        int files = 0;
        try (var names = Files.newDirectoryStream(folder, "*.jsonl")) {
            for (Path file : names) {
                files++;
                for (String line : Files.readAllLines(file)) {
                    char mark = line.charAt(0);
                    String[] parts = mark == '!' ? line.substring(2).split("\t", 2) : new String[] {"", line.substring(2)};
                    byte[] text = mark == '!' || mark == '~' ? unescaped(parts[1]) : parts[1].getBytes(StandardCharsets.UTF_8);
                    all.add(new Line(file.getFileName().toString(), mark, parts[0], text));
                }
            }
        }
        assertTrue(files >= 7, files + " transcripts");
        return all;
    }

    private record Fields(Map<String, Object> m) {
        String text(String key) {
            return m.get(key) instanceof String s ? s : null;
        }

        long number(String key) {
            return m.get(key) instanceof Long n ? n : LineWriter.UNKNOWN;
        }

        boolean flag(String key) {
            return Boolean.TRUE.equals(m.get(key));
        }

        String[] pairs(String key) {
            List<String> list = new ArrayList<>();
            if (m.get(key) instanceof Map<?, ?> members) {
                members.forEach((name, value) -> {
                    list.add((String) name);
                    list.add((String) value);
                });
            }
            return list.toArray(new String[0]);
        }

        Lines.Durations durations(String key) {
            if (!(m.get(key) instanceof Map<?, ?>)) {
                return null;
            }
            Fields f = new Fields(Inspector.object(m.get(key)));
            return new Lines.Durations(f.number("count"), f.number("total_us"), f.number("p50_us"), f.number("p99_us"));
        }

        Lines.Lent lent() {
            return new Lines.Lent(text("pool"), text("id"), number("t"), text("conn"), number("wait_us"), text("by"),
                text("thread"), text("stack"), number("server_pid"), number("local_port"), pairs("tags"), text("trace_id"),
                number("expected_us"), flag("open"), number("beat"), m.get("busy") instanceof Boolean b ? b : null);
        }
    }

    /** Writes the values of a line anew. False: this agent never sends that kind. */
    private static boolean rewrite(LineWriter w, Map<String, Object> m) {
        Fields f = new Fields(m);
        long n = f.number("n");
        String pool = f.text("pool");
        long at = f.number("t");
        switch (f.text("k")) {
            case "hello" -> {
                List<String> can = new ArrayList<>();
                ((List<?>) m.get("can")).forEach(word -> can.add((String) word));
                List<Lines.PoolInfo> pools = new ArrayList<>();
                for (Object each : (List<?>) m.get("pools")) {
                    Fields p = new Fields(Inspector.object(each));
                    pools.add(new Lines.PoolInfo(p.text("pool"), p.text("kind"), p.text("database"), p.pairs("config")));
                }
                Lines.hello(w, n, new Lines.Hello(f.number("now"), f.text("agent"), f.text("agent_version"),
                    f.text("language"), f.text("process"), f.number("pid"), f.text("host"), f.number("started"), can, pools));
            }
            case "stack" -> {
                List<Lines.Frame> frames = new ArrayList<>();
                for (Object each : (List<?>) m.get("frames")) {
                    Fields x = new Fields(Inspector.object(each));
                    frames.add(new Lines.Frame(x.text("function"), x.text("file"), (int) x.number("line"), x.flag("own")));
                }
                Lines.stack(w, n, f.text("id"), frames);
            }
            case "open" -> Lines.open(w, n, pool, f.text("conn"), at, f.number("server_pid"), f.number("local_port"));
            case "close" -> Lines.close(w, n, pool, f.text("conn"), at, f.text("reason"));
            case "wait" -> Lines.waiting(w, n, pool, at, f.number("pending"));
            case "checkout" -> Lines.checkout(w, n, f.lent());
            case "use" -> Lines.use(w, n, pool, f.text("id"), at, f.flag("busy"), f.text("statement"));
            case "beat" -> Lines.beat(w, n, pool, f.text("id"), at);
            case "checkin" -> Lines.checkin(w, n, pool, f.text("id"), at, f.text("conn"));
            case "timeout" -> Lines.timeout(w, n, f.lent(), f.text("reason"));
            case "leak" -> Lines.leak(w, n, pool, at, f.text("id"), f.text("severity"));
            case "stats" -> Lines.stats(w, n, new Lines.Stats(pool, at, f.number("used"), f.number("idle"), f.number("opening"),
                f.number("total"), m.get("max") == Json.NULL ? LineWriter.UNLIMITED : f.number("max"), f.number("idle_min"),
                f.number("idle_max"), f.number("pending"), f.number("timeouts"), f.durations("wait_time"),
                f.durations("use_time"), f.durations("create_time"), f.number("leaks"), f.number("tracked"),
                f.text("circuit"), f.text("health")));
            case "prepared" -> Lines.prepared(w, n, pool, at, f.number("count"), f.text("stack"), f.number("oldest"),
                f.number("distinct"), f.text("statement"));
            case "lost" -> Lines.lost(w, n, f.number("count"));
            case "ready" -> Lines.ready(w, n);
            case "pong" -> Lines.pong(w, n, f.number("of"), f.number("now"));
            case "result" -> Lines.result(w, n, f.number("of"), f.flag("ok"), f.text("why"));
            case "challenge" -> Lines.challenge(w, f.text("nonce"));
            default -> {
                return false;
            }
        }
        return true;
    }

    @Test
    void aWriterWithTheValuesOfALineWritesThatLine() throws Exception {
        Map<String, Integer> count = new TreeMap<>();
        for (Line line : transcripts()) {
            if (line.mark != '>' || line.file.equals("forward.jsonl") || line.file.equals("hostile.jsonl")) {
                continue; // not what this writer would write
            }
            Map<String, Object> m = Inspector.object(Json.read(line.string()));
            LineWriter w = new LineWriter();
            String kind = (String) m.get("k");
            if (!kind.equals("health") && rewrite(w, m)) {
                count.merge(kind, 1, Integer::sum);
                assertEquals(line.string() + "\n", new String(w.take(), StandardCharsets.UTF_8), line.file);
            }
        }
        for (String kind : List.of("hello", "stack", "open", "close", "wait", "checkout", "use", "beat", "checkin", "timeout",
                "leak", "stats", "prepared", "lost", "ready", "pong", "result", "challenge")) {
            assertTrue(count.containsKey(kind), "no line of kind " + kind);
        }
    }

    @Test
    void readsWhatInspectorsSendAndSkipsWhatCannotBeRead() throws Exception {
        int skipped = 0;
        for (Line line : transcripts()) {
            Command command = Command.read(line.text, 0, line.text.length);
            if (line.mark == '<') {
                assertNotNull(command, line.string());
            } else if (line.mark == '!' && !line.reason.equals("bad_field")) { // those are of kinds that an agent ignores
                skipped++;
                assertNull(command, line.reason + " is read in " + line.file);
            }
        }
        assertTrue(skipped > 10, skipped + " are skipped");
    }

    @Test
    void knowsTheTokenByItsMac() throws Exception {
        String nonce = "";
        int right = 0;
        int wrong = 0;
        for (Line line : transcripts()) {
            if (!line.file.equals("token.jsonl") || line.mark == '#') {
                continue;
            }
            Map<String, Object> m = Inspector.object(Json.read(line.string()));
            nonce = m.get("nonce") instanceof String s ? s : nonce;
            if (line.mark == '<' && m.get("mac") instanceof String mac) {
                if (Command.sameMac(Command.macOf("correct horse battery staple", nonce), mac)) {
                    right++;
                } else {
                    wrong++;
                }
            }
        }
        assertEquals("1 right, 1 wrong", right + " right, " + wrong + " wrong");
    }
}
