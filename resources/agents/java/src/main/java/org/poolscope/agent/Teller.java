// SPDX-License-Identifier: Apache-2.0
package org.poolscope.agent;

import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.TimeUnit;

/** Takes events out of the ring and tells the peers. The loop's thread alone. */
final class Teller {
    private static final long BETWEEN_PICTURES = TimeUnit.MILLISECONDS.toNanos(100);
    /** For the first peer the watcher asks the pools anew; it may have to wait for one of them. */
    private static final long PATIENCE = TimeUnit.MILLISECONDS.toNanos(300);
    private static final int MOST_KNOWN = 20_000; // stacks of a peer; then it gets a picture

    final List<Peer> peers = new ArrayList<>();
    private final Agent agent;
    private final LineWriter lines = new LineWriter();
    private Event[] spare = {};
    private boolean on;
    private long lastTaken; // number of the last event that was taken out, or known to be dropped
    private long nextStats;
    private long firstPass;
    private long patience;

    Teller(Agent agent) {
        this.agent = agent;
    }

    void join(Peer peer, long now) {
        peer.pictureDue = true;
        peer.notBefore = now;
        peers.add(peer);
        agent.say(peer.who + " attached.");
        if (!on) {
            firstPass = (agent.passes() + 1) / 2 * 2 + 2; // one that is under way began too early
            patience = now + PATIENCE;
        }
        count();
    }

    /** Half a line may be left of what failed. */
    void forgetLine() {
        lines.truncate(0);
    }

    /** Lets those go that are gone. */
    void reap() {
        boolean fewer = peers.removeIf(peer -> {
            if (peer.isGone()) {
                agent.say(peer.who + " is detached.");
            }
            return peer.isGone();
        });
        if (fewer) {
            count();
        }
    }

    private void count() {
        boolean wanted = !peers.isEmpty();
        if (wanted == on) {
            return;
        }
        on = wanted;
        spare = new Event[wanted ? agent.options.ringEvents : 0];
        lastTaken = agent.attach(wanted);
    }

    void obey(Peer peer, Command command) {
        if (command == null) {
            agent.badLines.incrementAndGet();
            if (++peer.badLines > Limits.BAD_LINES) { // it is no inspector
                peer.end();
            }
            return;
        }
        switch (command.kind()) {
            case "ping":
                Lines.pong(lines, peer.number, command.n(), agent.now());
                peer.send(lines);
                break;
            case "resync":
                peer.pictureDue = true;
                break;
            case "reclaim": // JDBC pools have no safe way to take a connection from its holder
                Lines.result(lines, peer.number, command.n(), false, "reclaim is not allowed by this process");
                peer.send(lines);
                break;
            default: // what a later version may ask for
                break;
        }
    }

    void round(long now) {
        List<Peer> due = new ArrayList<>();
        boolean ready = agent.passes() >= firstPass || now - patience >= 0;
        for (Peer peer : peers) {
            // One that reads slowly has its last picture still to come.
            if (peer.pictureDue && ready && now - peer.notBefore >= 0 && peer.waiting() <= agent.options.peerBytes / 2) {
                peer.notBefore = now + BETWEEN_PICTURES;
                due.add(peer);
            }
        }
        Agent.Taken taken = agent.take(spare, !due.isEmpty());
        deliver(taken);
        if (!due.isEmpty()) {
            picture(taken, due);
        }
        stats(now);
        peers.forEach(this::tellLost);
        spare = taken.events();
        for (int i = 0; i < taken.count(); i++) { // nothing stays referred to
            spare[i] = null;
        }
    }

    /** Tells everybody who had a picture. A number that is missing was dropped. */
    private void deliver(Agent.Taken taken) {
        for (int i = 0; i < taken.count(); i++) {
            Event e = taken.events()[i];
            lose(e.n() - lastTaken - 1);
            lastTaken = e.n();
            byte[] line = null;
            for (Peer peer : peers) {
                if (peer.known != null) {
                    line = line == null ? lineOf(e) : line;
                    tell(peer, e, line);
                }
            }
        }
        lose(taken.number() - lastTaken);
        lastTaken = taken.number();
    }

    private void lose(long count) {
        for (Peer peer : peers) {
            if (count > 0 && peer.known != null) {
                peer.lost += count;
            }
        }
    }

    private void tell(Peer peer, Event e, byte[] line) {
        if (peer.lost > 0 || peer.waiting() + line.length > agent.options.peerBytes) {
            peer.lost++;
            agent.dropped.incrementAndGet();
            return;
        }
        boolean names = e.kind() == Event.Kind.CHECKOUT || e.kind() == Event.Kind.TIMEOUT;
        Stacks.Known stack = names ? stackOf(e.checkout()) : null;
        if (stack != null && peer.known.add(stack.id())) {
            Lines.stack(lines, peer.number, stack.id(), stack.frames());
            peer.send(lines);
            peer.pictureDue |= peer.known.size() > MOST_KNOWN;
        }
        peer.number = e.n();
        peer.send(line);
    }

    private void tellLost(Peer peer) {
        if (peer.lost > 0 && peer.known != null && peer.waiting() <= agent.options.peerBytes / 2) {
            peer.number = lastTaken;
            Lines.lost(lines, peer.number, peer.lost);
            peer.send(lines);
            peer.lost = 0;
        }
    }

    private Stacks.Known stackOf(Checkout c) {
        if (c.stack instanceof CallStack raw) {
            c.stack = agent.stacks.intern(raw);
        }
        return (Stacks.Known) c.stack;
    }

    private static String idOf(Stacks.Known stack) {
        return stack == null ? null : stack.id();
    }

    private byte[] lineOf(Event e) {
        String pool = e.poolName();
        String id = e.checkout() == null ? "" : Long.toString(e.checkout().id);
        switch (e.kind()) {
            case OPEN:
                Lines.open(lines, e.n(), pool, e.conn().name(), e.at(), e.conn().serverPid,
                    e.conn().localPort);
                break;
            case CLOSE:
                Lines.close(lines, e.n(), pool, e.conn().name(), e.at(), null);
                break;
            case WAIT:
                Lines.waiting(lines, e.n(), pool, e.at(), e.value());
                break;
            case CHECKOUT:
                Lines.checkout(lines, e.n(), e.checkout().line(pool, idOf(stackOf(e.checkout())), false));
                break;
            case BUSY:
                Lines.use(lines, e.n(), pool, id, e.at(), true, textOf(e));
                break;
            case IDLE:
                Lines.use(lines, e.n(), pool, id, e.at(), false, null);
                break;
            case BEAT:
                Lines.beat(lines, e.n(), pool, id, e.at());
                break;
            case CHECKIN:
                Lines.checkin(lines, e.n(), pool, id, e.at(), e.conn() == null ? null : e.conn().name());
                break;
            case TIMEOUT:
                Lines.timeout(lines, e.n(), e.checkout().line(pool, idOf(stackOf(e.checkout())), false), e.text());
                break;
            case LEAK:
                Lines.leak(lines, e.n(), pool, e.at(), id, e.text());
                break;
        }
        return lines.take();
    }

    /** One statement's trouble is kept from all peers: then it has no text. */
    private String textOf(Event e) {
        return fingerprint(e.text(), e.pool());
    }

    private String fingerprint(String text, Pool pool) {
        try {
            return text == null ? null : Fingerprint.of(text, pool.driver.dialect());
        } catch (RuntimeException trouble) {
            agent.fault(trouble);
            return null;
        }
    }

    /** Tells what is open at one number. */
    private void picture(Agent.Taken taken, List<Peer> due) {
        List<Pool> pools = new ArrayList<>();
        taken.pictures().forEach(p -> pools.add(p.pool()));
        long n = taken.number();
        Set<Stacks.Known> stacks = new HashSet<>();
        Set<String> ids = new HashSet<>();
        Lines.hello(lines, n, agent.hello(pools));
        for (Pool.Picture picture : taken.pictures()) {
            pictureOf(picture, n, stacks);
        }
        for (Stacks.Known stack : stacks) {
            Lines.stack(lines, n, stack.id(), stack.frames());
            ids.add(stack.id());
        }
        Lines.ready(lines, n);
        byte[] all = lines.take();
        for (Peer peer : due) {
            peer.begins(n, ids);
            peer.send(all);
            agent.pictures.incrementAndGet();
        }
    }

    private void pictureOf(Pool.Picture picture, long n, Set<Stacks.Known> stacks) {
        for (Physical open : picture.open()) {
            Lines.open(lines, n, picture.name(), open.name(), open.opened, open.serverPid,
                open.localPort);
        }
        for (Checkout lent : picture.lent()) {
            Stacks.Known stack = stackOf(lent);
            if (stack != null) {
                stacks.add(stack);
            }
            Lines.checkout(lines, n, lent.line(picture.name(), idOf(stack), true));
        }
        if (picture.pending() > 0) {
            Lines.waiting(lines, n, picture.name(), agent.now(), picture.pending());
        }
        for (Statements.Place place : picture.pool().statements.places(agent.now(), true)) {
            if (place.stack() != null) {
                stacks.add(place.stack());
            }
            prepared(picture.name(), n, picture.pool(), place);
        }
        Lines.stats(lines, n, picture.stats());
    }

    private void prepared(String name, long n, Pool pool, Statements.Place place) {
        Lines.prepared(lines, n, name, agent.now(), place.count(), idOf(place.stack()), place.oldest(), place.distinct(),
            fingerprint(place.text(), pool));
    }

    private void stats(long now) {
        if (now - nextStats < 0) {
            return;
        }
        nextStats = now + TimeUnit.MILLISECONDS.toNanos(agent.options.statsMillis);
        for (Lines.Stats stats : agent.stats()) {
            for (Peer peer : peers) {
                if (peer.known != null && !peer.pictureDue && peer.waiting() < agent.options.peerBytes) {
                    Lines.stats(lines, peer.number, stats);
                    peer.send(lines);
                }
            }
        }
        for (Pool pool : agent.shownPools()) {
            tellPrepared(pool);
        }
    }

    /** What changed, to those who read fast enough; to the others all of it, later. */
    private void tellPrepared(Pool pool) {
        List<Statements.Place> changed = null;
        for (Peer peer : peers) {
            if (peer.known == null || peer.pictureDue) {
                continue; // its picture tells
            }
            if (peer.waiting() > agent.options.peerBytes / 2) {
                peer.pictureDue = true;
                continue;
            }
            changed = changed == null ? pool.statements.places(agent.now(), false) : changed;
            for (Statements.Place place : changed) {
                if (place.stack() != null && peer.known.add(place.stack().id())) {
                    Lines.stack(lines, peer.number, place.stack().id(), place.stack().frames());
                }
                prepared(pool.name, peer.number, pool, place);
                peer.send(lines);
            }
        }
    }
}
