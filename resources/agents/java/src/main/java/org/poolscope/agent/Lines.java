// SPDX-License-Identifier: Apache-2.0
package org.poolscope.agent;

import java.util.List;

/** The lines that an agent sends, one method a kind; each appends to a writer. */
final class Lines {
    record PoolInfo(String pool, String kind, String database, String[] config) {}

    record Hello(long now, String agent, String version, String language, String process, long pid,
            String host, long started, List<String> can, List<PoolInfo> pools) {}

    record Frame(String function, String file, int line, boolean own) {}

    /** Counts and durations that may be unknown. */
    record Durations(long count, long total, long median, long p99) {}

    record Stats(String pool, long at, long used, long idle, long opening, long total, long max, long idleMin,
            long idleMax, long pending, long timeouts, Durations waitTime, Durations useTime,
            Durations createTime, long leaks, long tracked, String circuit, String health) {}

    record Lent(String pool, String id, long at, String conn, long waitUs, String by, String thread,
            String stack, long serverPid, long localPort, String[] tags, String traceId, long expectedUs,
            boolean open, long beat, Boolean busy) {}

    private static final int END_OF_LINE = 64;

    private Lines() {}

    static void hello(LineWriter w, long n, Hello hello) {
        int start = w.size();
        w.begin("hello", n).number("v", Limits.VERSION).number("now", hello.now)
            .text("agent", hello.agent, Limits.BY).text("agent_version", hello.version, Limits.WORD)
            .text("language", hello.language, Limits.WORD).text("process", hello.process, Limits.BY)
            .number("pid", orUnknown(hello.pid)).text("host", hello.host, Limits.HOST)
            .number("started", hello.started);
        w.key("can").raw("[");
        for (String word : hello.can) {
            w.comma().quoted(word, Limits.WORD);
        }
        w.raw("]").key("pools").raw("[");
        int room = Limits.LINE - (w.size() - start) - END_OF_LINE;
        int count = 0;
        for (PoolInfo pool : hello.pools) {
            int before = w.size();
            pool(w, pool, room / hello.pools.size());
            if (count++ == Limits.POOLS || w.size() - start + END_OF_LINE > Limits.LINE) {
                w.truncate(before);
                break;
            }
        }
        w.raw("]").end();
    }

    /** One entry of hello; its settings get what is left of its share of the line. */
    private static void pool(LineWriter w, PoolInfo pool, int room) {
        int from = w.size();
        w.comma().raw("{").required("pool", pool.pool, Limits.POOL_NAME).text("kind", pool.kind, Limits.WORD)
            .text("database", pool.database, Limits.DATABASE).key("config").raw("{");
        for (int i = 0; i + 1 < pool.config.length && i < 2 * Limits.CONFIG; i += 2) {
            if (w.size() - from + 2 * Limits.WHY + 8 > room) {
                break;
            }
            w.comma().quoted(pool.config[i], Limits.WHY).raw(":").quoted(pool.config[i + 1], Limits.WHY);
        }
        w.raw("}}");
    }

    static void stack(LineWriter w, long n, String id, List<Frame> frames) {
        int start = w.size();
        w.begin("stack", n).required("id", id, Limits.ID).key("frames").raw("[");
        int count = 0;
        for (Frame f : frames) {
            int before = w.size();
            w.comma().raw("{").text("function", f.function, Limits.FUNCTION).text("file", f.file, Limits.FILE)
                .number("line", orUnknown(f.line));
            if (f.own) {
                w.flag("own", true);
            }
            w.raw("}");
            if (count++ == Limits.FRAMES || w.size() - start + 4 > Limits.LINE) {
                w.truncate(before);
                break;
            }
        }
        w.raw("]").end();
    }

    static void open(LineWriter w, long n, String pool, String conn, long at, long pid, long port) {
        w.begin("open", n).required("pool", pool, Limits.POOL_NAME).required("conn", conn, Limits.ID)
            .number("t", at).number("server_pid", orUnknown(pid)).number("local_port", orUnknown(port)).end();
    }

    static void close(LineWriter w, long n, String pool, String conn, long at, String reason) {
        w.begin("close", n).required("pool", pool, Limits.POOL_NAME).required("conn", conn, Limits.ID)
            .number("t", at).text("reason", reason, Limits.WHY).end();
    }

    static void waiting(LineWriter w, long n, String pool, long at, long pending) {
        w.begin("wait", n).required("pool", pool, Limits.POOL_NAME).number("t", at).number("pending", pending).end();
    }

    static void checkout(LineWriter w, long n, Lent c) {
        w.begin("checkout", n).required("pool", c.pool, Limits.POOL_NAME).required("id", c.id, Limits.ID)
            .number("t", c.at).text("conn", c.conn, Limits.ID).number("wait_us", c.waitUs)
            .text("by", c.by, Limits.BY).text("thread", c.thread, Limits.THREAD).text("stack", c.stack, Limits.ID)
            .number("server_pid", orUnknown(c.serverPid)).number("local_port", orUnknown(c.localPort));
        tags(w, c.tags);
        w.text("trace_id", c.traceId, Limits.TRACE_ID).number("expected_us", c.expectedUs);
        if (c.open) {
            w.flag("open", true);
        }
        w.number("beat", c.beat);
        if (c.busy != null) {
            w.flag("busy", c.busy);
        }
        w.end();
    }

    private static void tags(LineWriter w, String[] tags) {
        if (tags.length > 0) {
            w.key("tags").raw("{").pairs(tags, Limits.TAGS, Limits.TAG_NAME, Limits.TAG_VALUE).raw("}");
        }
    }

    static void use(LineWriter w, long n, String pool, String id, long at, boolean busy, String statement) {
        w.begin("use", n).required("pool", pool, Limits.POOL_NAME).required("id", id, Limits.ID)
            .number("t", at).flag("busy", busy).text("statement", statement, Limits.STATEMENT).end();
    }

    static void beat(LineWriter w, long n, String pool, String id, long at) {
        w.begin("beat", n).required("pool", pool, Limits.POOL_NAME).required("id", id, Limits.ID)
            .number("t", at).end();
    }

    static void checkin(LineWriter w, long n, String pool, String id, long at, String conn) {
        w.begin("checkin", n).required("pool", pool, Limits.POOL_NAME).required("id", id, Limits.ID)
            .number("t", at).text("conn", conn, Limits.ID).end();
    }

    /** What a timeout has in common with a checkout is taken from one. */
    static void timeout(LineWriter w, long n, Lent c, String reason) {
        w.begin("timeout", n).required("pool", c.pool, Limits.POOL_NAME).number("t", c.at)
            .number("wait_us", c.waitUs).text("by", c.by, Limits.BY).text("thread", c.thread, Limits.THREAD)
            .text("stack", c.stack, Limits.ID);
        tags(w, c.tags);
        w.text("trace_id", c.traceId, Limits.TRACE_ID).text("reason", reason, Limits.WHY).end();
    }

    static void leak(LineWriter w, long n, String pool, long at, String id, String severity) {
        w.begin("leak", n).required("pool", pool, Limits.POOL_NAME).required("id", id, Limits.ID)
            .number("t", at).required("severity", severity, Limits.WORD).end();
    }

    static void stats(LineWriter w, long n, Stats s) {
        w.begin("stats", n).required("pool", s.pool, Limits.POOL_NAME).number("t", s.at).number("used", s.used)
            .number("idle", s.idle).number("opening", s.opening).number("total", s.total);
        if (s.max == LineWriter.UNLIMITED) {
            w.key("max").raw("null");
        } else {
            w.number("max", s.max);
        }
        w.number("idle_min", s.idleMin).number("idle_max", s.idleMax).number("pending", s.pending)
            .number("timeouts", s.timeouts);
        durations(w, "wait_time", s.waitTime);
        durations(w, "use_time", s.useTime);
        durations(w, "create_time", s.createTime);
        w.number("leaks", s.leaks).number("tracked", s.tracked).text("circuit", s.circuit, Limits.WORD)
            .text("health", s.health, Limits.WORD).end();
    }

    private static void durations(LineWriter w, String key, Durations d) {
        if (d != null) {
            w.key(key).raw("{").number("count", d.count).number("total_us", d.total).number("p50_us", d.median)
                .number("p99_us", d.p99).raw("}");
        }
    }

    static void prepared(LineWriter w, long n, String pool, long at, long count, String stack, long oldest, long distinct,
            String statement) {
        w.begin("prepared", n).required("pool", pool, Limits.POOL_NAME).number("t", at).number("count", count)
            .text("stack", stack, Limits.ID).number("oldest", oldest).number("distinct", distinct)
            .text("statement", statement, Limits.STATEMENT).end();
    }

    static void lost(LineWriter w, long n, long count) {
        w.begin("lost", n).number("count", count).end();
    }

    static void ready(LineWriter w, long n) {
        w.begin("ready", n).end();
    }

    static void pong(LineWriter w, long n, long of, long now) {
        w.begin("pong", n).number("of", of).number("now", now).end();
    }

    static void result(LineWriter w, long n, long of, boolean ok, String why) {
        w.begin("result", n).number("of", of).flag("ok", ok).text("why", why, Limits.WHY).end();
    }

    static void challenge(LineWriter w, String nonce) {
        w.begin("challenge", 0).number("v", Limits.VERSION).required("nonce", nonce, Limits.ID).end();
    }

    private static long orUnknown(long positive) {
        return positive > 0 ? positive : LineWriter.UNKNOWN;
    }
}
