// SPDX-License-Identifier: Apache-2.0
package org.poolscope.agent;

import java.io.IOException;
import java.lang.ref.ReferenceQueue;
import java.lang.ref.WeakReference;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import javax.sql.DataSource;

/** The endpoint of a process and what its pools report. */
final class Agent {
    static final String VERSION = "0.1.0";

    /** Held for a moment only; while it is held nothing of the application's, a pool's or a driver's is called. */
    final Object lock = new Object();
    final AgentOptions options;
    final ReferenceQueue<Holder> collected = new ReferenceQueue<>();
    final AtomicLong accepted = new AtomicLong();
    final AtomicLong refused = new AtomicLong();
    final AtomicLong dropped = new AtomicLong();
    final AtomicLong pictures = new AtomicLong();
    final AtomicLong badLines = new AtomicLong();
    final AtomicInteger faults = new AtomicInteger();

    private final long beganNanos = System.nanoTime();
    private final long epochMicros;
    private final AtomicInteger sample = new AtomicInteger();
    private final Log log;
    final Stacks stacks;
    private Endpoint endpoint;
    private Loop loop;
    private Watcher watcher;
    private Thread cleaner;
    private Thread atEnd;
    private volatile boolean off = true;
    private volatile boolean attached;
    /** What begin has to say: its caller holds a lock. */
    private final List<String> later = new ArrayList<>();

    // Under the lock.
    private final List<Pool> pools = new ArrayList<>();
    private long ids;
    private long number;
    private Event[] ring = {};
    private int inRing;

    Agent(AgentOptions options) {
        this.options = options;
        Instant now = Instant.now();
        epochMicros = now.getEpochSecond() * 1_000_000 + now.getNano() / 1000;
        log = new Log(options.log);
        stacks = new Stacks(options.own, options.stackDepth);
    }

    /** Starts to listen, and threads that sleep until somebody attaches. Where it fails nothing of it stays. */
    void begin() throws IOException {
        try {
            open();
        } catch (RuntimeException e) {
            undo();
            throw new IOException("The agent cannot start: " + e, e);
        } catch (IOException | Error e) {
            undo();
            throw e;
        }
    }

    private void open() throws IOException {
        AgentOptions o = options;
        o.name = orElse(o.name, Log.programName());
        o.listen = orElse(o.listen, System.getenv("POOLSCOPE_LISTEN"));
        o.token = orElse(o.token, System.getenv("POOLSCOPE_TOKEN"));
        o.stacks = orElse(o.stacks, System.getenv("POOLSCOPE_STACKS"));
        if (!Set.of("off", "sampled", "always", "near_exhaustion").contains(o.stacks)) {
            if (!o.stacks.isEmpty()) {
                later.add("POOLSCOPE_STACKS is \"" + o.stacks + "\": off, sampled, always or near_exhaustion is meant. Taking always.");
            }
            o.stacks = "always";
        }
        try {
            endpoint = Endpoint.open(o, System::getenv);
        } catch (LinkageError e) { // a Java that was cut down
            throw new IOException("The agent needs the module jdk.net, which is not here.", e);
        }
        if (endpoint == null) {
            return;
        }
        loop = new Loop(this, endpoint);
        watcher = new Watcher(this);
        off = false;
        atEnd = new Thread(this::stop, "poolscope-end");
        Runtime.getRuntime().addShutdownHook(atEnd);
        thread("poolscope-watcher", watcher);
        cleaner = thread("poolscope-cleaner", this::clean);
        thread("poolscope-agent", loop); // the last: what it uses is not taken from it
    }

    private void undo() {
        close();
        try {
            if (loop != null) {
                loop.release();
            } else if (endpoint != null) {
                endpoint.close();
            }
        } catch (IOException e) {
            return; // the process has other trouble
        }
    }

    /** Says what begin could not. */
    void sayLater() {
        later.forEach(this::say);
        later.clear();
    }

    private static Thread thread(String name, Runnable work) {
        Thread thread = new Thread(null, work, name, 0, false); // no thread-locals of whoever comes first
        thread.setDaemon(true);
        thread.setContextClassLoader(null);
        thread.start();
        return thread;
    }

    private static String orElse(String value, String other) {
        return !value.isEmpty() || other == null ? value : other;
    }

    private void stop() {
        off = true;
        if (loop != null) {
            loop.stop();
        }
        if (watcher != null) {
            watcher.stop();
        }
        if (cleaner != null) {
            cleaner.interrupt();
        }
    }

    void close() {
        stop();
        if (atEnd != null) {
            try {
                Runtime.getRuntime().removeShutdownHook(atEnd);
            } catch (IllegalStateException e) {
                return; // it is running
            }
        }
    }

    boolean isOff() {
        return off;
    }

    boolean isAttached() {
        return attached;
    }

    String address() {
        return endpoint == null || off ? "" : endpoint.address;
    }

    /** The protocol's clock, in microseconds. */
    long now() {
        return epochMicros + (System.nanoTime() - beganNanos) / 1000;
    }

    void say(String sentence) {
        log.say(sentence);
    }

    void sayRefusal(String sentence) {
        log.refusal(sentence);
    }

    /** Tells of what went wrong in the agent, the first time. */
    void fault(Throwable trouble) {
        if (faults.incrementAndGet() == 1) {
            say("The agent failed, and the application goes on without what it missed: " + trouble);
        }
    }

    boolean wantsStack(Pool pool) {
        switch (options.stacks) {
            case "always":
                return true;
            case "sampled":
                return (sample.getAndIncrement() & 15) == 0;
            case "near_exhaustion":
                long max = pool.figures.max();
                return max > 0 && (pool.lentNow() + 1) * 10L >= max * 8;
            default:
                return false;
        }
    }

    DataSource instrument(DataSource source, PoolOptions wanted) {
        DataSource inside = PoolKind.poolOf(source);
        Pool pool = new Pool(this, inside, wanted);
        TrackedDataSource wrapper = new TrackedDataSource(source, pool);
        TrackedDataSource known;
        synchronized (lock) {
            known = knownLocked(source);
            if (known == null) {
                pool.wrapper = new WeakReference<>(wrapper);
            }
        }
        if (known != null) {
            sayAgain(known.pool);
            return known;
        }
        pool.name = wanted.name.isEmpty() ? pool.kind.nameOf(inside) : wanted.name;
        show(pool);
        return wrapper;
    }

    private TrackedDataSource knownLocked(DataSource source) {
        for (Pool other : pools) {
            TrackedDataSource known = other.wrapper == null ? null : other.wrapper.get();
            if (known != null && known.inner == source) {
                return known;
            }
        }
        return null;
    }

    /** Once a pool: its application instruments it a second time. */
    void sayAgain(Pool pool) {
        if (pool.again.compareAndSet(false, true)) {
            say("Pool " + pool.name + " is watched already: the second call does nothing.");
        }
    }

    /** Makes a pool visible, under a name that no other has. */
    void show(Pool pool) {
        synchronized (lock) {
            if (pool.shown || off) {
                return;
            }
            String wanted = Log.plain(pool.name, Limits.POOL_NAME - 8);
            String name = wanted;
            for (int i = 2; isTaken(name); i++) {
                name = wanted + "-" + i;
            }
            pool.name = name;
            pool.shown = true;
            pools.add(pool);
        }
        watcher.poke();
        loop.poolsChanged();
    }

    private boolean isTaken(String name) {
        for (Pool pool : pools) {
            if (pool.name.equals(name)) {
                return true;
            }
        }
        return false;
    }

    /** Takes a pool away; connections that are still held go with it. */
    void hide(Pool pool) {
        synchronized (lock) {
            if (!pool.shown) {
                return;
            }
            pool.forgetLocked();
            pools.remove(pool);
        }
        loop.poolsChanged();
    }

    List<Pool> shownPools() {
        synchronized (lock) {
            return new ArrayList<>(pools);
        }
    }

    /** Under the lock. */
    long nextId() {
        return ++ids;
    }

    /** Numbers an event and puts it into the ring, or drops it. Under the lock. */
    void emit(Event.Kind kind, long at, Pool pool, Physical conn, Checkout checkout, String text, long value) {
        if (!attached || !pool.shown) {
            return;
        }
        number++;
        if (inRing == ring.length) {
            dropped.incrementAndGet();
            return;
        }
        ring[inRing++] = new Event(number, kind, at, pool, pool.name, conn, checkout, text, value);
        if (inRing == ring.length / 2) {
            loop.wake();
        }
    }

    /** What one round of the loop works on: cut at one number. */
    record Taken(long number, Event[] events, int count, List<Pool.Picture> pictures) {}

    Taken take(Event[] spare, boolean withPictures) {
        synchronized (lock) {
            List<Pool.Picture> all = new ArrayList<>();
            if (withPictures) {
                for (Pool pool : pools) {
                    all.add(pool.pictureLocked());
                }
            }
            Taken taken = new Taken(number, ring, inRing, all);
            ring = spare;
            inRing = 0;
            return taken;
        }
    }

    /** Switches the pools' reports on with the first peer, and off with the last. Gives the last number. */
    long attach(boolean on) {
        long before;
        synchronized (lock) {
            attached = on;
            ring = on ? new Event[options.ringEvents] : new Event[0];
            inRing = 0;
            before = number;
        }
        watcher.poke();
        return before;
    }

    /** Wakes the watcher. */
    void poke() {
        watcher.poke();
    }

    long passes() {
        return watcher.passes();
    }

    List<Lines.Stats> stats() {
        synchronized (lock) {
            List<Lines.Stats> list = new ArrayList<>();
            for (Pool pool : pools) {
                list.add(pool.statsLocked());
            }
            return list;
        }
    }

    /** Says who this is and what it can tell. */
    Lines.Hello hello(List<Pool> shown) {
        Set<String> can = new TreeSet<>(Set.of("connections", "pending", "by", "thread", "tags", "use", "beat", "expected",
            "timeouts", "leaks", "stats", "statements", "wait_time", "use_time"));
        if (!options.stacks.equals("off")) {
            can.add("stacks");
        }
        List<Lines.PoolInfo> infos = new ArrayList<>();
        for (Pool pool : shown) {
            if (pool.hasTrace()) {
                can.add("trace");
            }
            if (pool.tellsServerPid()) {
                can.add("server_pid");
            }
            if (pool.driver.tellsPort()) {
                can.add("local_port");
            }
            infos.add(new Lines.PoolInfo(pool.name, pool.kind.name, pool.database, pool.config));
        }
        long started = ProcessHandle.current().info().startInstant().map(i -> i.toEpochMilli() * 1000).orElse(LineWriter.UNKNOWN);
        return new Lines.Hello(now(), "poolscope-java", VERSION, "Java", options.name, ProcessHandle.current().pid(),
            host(), started, List.copyOf(can), infos);
    }

    private static String host() {
        try { // no name service is asked: that may take long
            return Files.readString(Path.of("/proc/sys/kernel/hostname")).strip();
        } catch (IOException | RuntimeException e) {
            String named = System.getenv("HOSTNAME");
            return named == null ? "" : named;
        }
    }

    /** The watcher's: a connection was dropped without close, and nothing says that it is back. */
    void abandoned(Checkout c) {
        if (c.pool.abandoned(c)) {
            log.abandoned("A connection of pool " + c.pool.name + ", acquired" + stacks.whereOf(c) + ", was collected without close. "
                + (c.pool.kind.tellsFigures() ? "The pool still counts it as lent." : "Whether the pool has it this pool does not tell."));
        }
    }

    /** Hears of connections that were dropped without close. Sleeps otherwise. */
    private void clean() {
        while (!off) {
            try {
                watcher.collected((Checkout) collected.remove());
            } catch (InterruptedException e) {
                return;
            } catch (Throwable trouble) {
                fault(trouble);
            }
        }
    }
}
