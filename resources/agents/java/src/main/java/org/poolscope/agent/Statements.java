// SPDX-License-Identifier: Apache-2.0
package org.poolscope.agent;

import java.sql.SQLException;
import java.sql.Statement;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/** The prepared statements of one pool that are open. */
final class Statements {
    /** More are not counted. */
    private static final int MOST = 10_000;
    private static final int MOST_PLACES = 1000;
    private static final int MOST_OF_TEXT = 8 << 10;
    /** Microseconds: what is closed by then is worth no line. */
    private static final long YOUNG = 1_000_000;
    /** So many open ones on one connection are anybody's; from there on it is noted who prepares. */
    private static final int ANYBODYS = 2;
    /** Raw stacks are large: from there on they are looked up, also while nobody is attached. */
    private static final int RAW = 200;

    /** What one place is told as; `stack` null: not known, or of the places beyond those told. */
    record Place(Stacks.Known stack, long count, long oldest, long distinct, String text) {
        boolean sameAs(Place other) {
            return other != null && other.count == count && other.oldest == oldest && other.distinct == distinct;
        }
    }

    private final Agent agent;
    // Under the agent's lock. Those of connections that are out, and those that the pool left open.
    private final Set<Prepared> open = new LinkedHashSet<>();
    private int raw;
    // The teller's.
    private Map<Stacks.Known, Place> told = new HashMap<>();

    Statements(Agent agent) {
        this.agent = agent;
    }

    /** A statement was prepared on what is lent; null: it is not noted. */
    Prepared prepares(Checkout c, Statement inner, String text) {
        try {
            if (agent.isOff()) {
                return null;
            }
            CallStack stack = wantsStack(c) ? new CallStack() : null;
            // A huge one is not kept alive for as long as it is open.
            String kept = text.length() > MOST_OF_TEXT ? text.substring(0, Limits.STATEMENT) : text;
            Prepared p = new Prepared(inner, agent.now(), kept, stack);
            boolean many;
            synchronized (agent.lock) {
                many = add(c, p);
            }
            if (many) {
                agent.poke();
            }
            return p;
        } catch (Throwable trouble) {
            agent.fault(trouble);
            return null;
        }
    }

    void closes(Prepared p) {
        if (p != null) {
            synchronized (agent.lock) {
                remove(p);
            }
        }
    }

    /** Whether who prepares the next one is to be noted. */
    private boolean wantsStack(Checkout c) {
        return !agent.options.stacks.equals("off") && c.preparedNow + (c.conn == null ? 0 : c.conn.leftOpen) >= ANYBODYS;
    }

    /** True: there are many raw stacks. Under the agent's lock. */
    private boolean add(Checkout c, Prepared p) {
        if (!c.lent || open.size() >= MOST) {
            return false;
        }
        p.open = true;
        p.checkout = c;
        p.next = c.prepared;
        c.prepared = p;
        c.preparedNow++;
        open.add(p);
        raw += p.stack == null ? 0 : 1;
        return raw >= RAW;
    }

    /** Under the agent's lock. */
    private void remove(Prepared p) {
        if (!p.open) {
            return;
        }
        p.open = false;
        open.remove(p);
        Checkout c = p.checkout;
        p.checkout = null;
        if (!unlink(c, p) && c.conn != null) {
            c.conn.leftOpen--;
        }
    }

    /** False: it was left open when its connection came back. */
    private static boolean unlink(Checkout c, Prepared p) {
        Prepared before = null;
        for (Prepared each = c.prepared; each != null; before = each, each = each.next) {
            if (each == p) {
                if (before == null) {
                    c.prepared = p.next;
                } else {
                    before.next = p.next;
                }
                p.next = null;
                c.preparedNow--;
                return true;
            }
        }
        return false;
    }

    /** Its connection is back: most pools have closed them. Asks drivers, so under no lock. */
    void settle(Checkout c) {
        List<Prepared> list = new ArrayList<>();
        synchronized (agent.lock) {
            for (Prepared p = c.prepared; p != null; p = p.next) {
                list.add(p);
            }
        }
        for (Prepared p : list) {
            boolean left = isOpen(p);
            synchronized (agent.lock) {
                if (p.open && unlink(c, p)) {
                    if (left && c.conn != null && !c.conn.gone) {
                        c.conn.leftOpen++;
                    } else {
                        p.open = false;
                        open.remove(p);
                    }
                }
            }
        }
    }

    private static boolean isOpen(Prepared p) {
        Statement handle = p.get();
        try {
            return handle != null && !handle.isClosed();
        } catch (SQLException | RuntimeException | LinkageError e) {
            return false;
        }
    }

    /** The agent's thread: what is to be told now; in a picture every place, else those that changed. */
    List<Place> places(long now, boolean picture) {
        Map<Stacks.Known, Place> places = count(now);
        if (picture) { // it is one peer's: the others still are to hear what changed, and it what becomes of these
            places.forEach((stack, place) -> told.putIfAbsent(stack, none(stack)));
            return new ArrayList<>(places.values());
        }
        List<Place> list = new ArrayList<>();
        places.forEach((stack, place) -> {
            if (!place.sameAs(told.get(stack))) {
                list.add(place);
            }
        });
        told.keySet().forEach(stack -> {
            if (!places.containsKey(stack)) {
                list.add(none(stack));
            }
        });
        told = places;
        return list;
    }

    private static Place none(Stacks.Known stack) {
        return new Place(stack, 0, LineWriter.UNKNOWN, LineWriter.UNKNOWN, null);
    }

    private Map<Stacks.Known, Place> count(long now) {
        Map<Stacks.Known, List<Prepared>> found = new HashMap<>();
        for (Prepared p : current()) {
            Stacks.Known stack = found.size() < MOST_PLACES || found.containsKey(stackOf(p)) ? stackOf(p) : null;
            found.computeIfAbsent(stack, s -> new ArrayList<>()).add(p);
        }
        Map<Stacks.Known, Place> places = new HashMap<>();
        found.forEach((stack, list) -> {
            if (now - list.get(0).at >= YOUNG) {
                Set<String> texts = new HashSet<>();
                list.forEach(p -> texts.add(p.text));
                places.put(stack, new Place(stack, list.size(), list.get(0).at, texts.size(), list.get(list.size() - 1).text));
            }
        });
        return places;
    }

    /** Without those whose connection was closed, or that were dropped after it came back. */
    private List<Prepared> current() {
        synchronized (agent.lock) {
            List<Prepared> list = new ArrayList<>(open);
            for (Prepared p : list) {
                Checkout c = p.checkout;
                boolean out = c.lent;
                if (!out && (c.conn == null || c.conn.gone || p.get() == null)) {
                    remove(p);
                }
            }
            list.removeIf(p -> !p.open);
            return list;
        }
    }

    Stacks.Known stackOf(Prepared p) {
        if (p.stack instanceof CallStack found) {
            p.stack = agent.stacks.intern(found);
        }
        return (Stacks.Known) p.stack;
    }

    /** The watcher: raw stacks become small. */
    void shrink() {
        List<Prepared> list;
        synchronized (agent.lock) {
            if (raw < RAW) {
                return;
            }
            raw = 0;
            list = new ArrayList<>(open);
        }
        list.forEach(this::stackOf);
    }

    /** Under the agent's lock. */
    void forget() {
        for (Prepared p : new ArrayList<>(open)) {
            remove(p);
        }
    }
}
