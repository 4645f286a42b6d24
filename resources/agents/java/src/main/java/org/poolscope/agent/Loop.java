// SPDX-License-Identifier: Apache-2.0
package org.poolscope.agent;

import java.io.IOException;
import java.nio.channels.ClosedSelectorException;
import java.nio.channels.SelectionKey;
import java.nio.channels.Selector;
import java.nio.channels.SocketChannel;
import java.security.SecureRandom;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.concurrent.TimeUnit;

/** The agent's own thread: lets inspectors in, and hears and tells them. It sleeps while nobody is attached. */
final class Loop implements Runnable {
    private static final int ACCEPT_AGAIN = 100; // milliseconds, where there were too many open files
    private static final int AFTER_FAULT = 100; // milliseconds: one that comes again does not take a core

    private final Agent agent;
    private final Endpoint endpoint;
    private final Selector selector;
    private final SelectionKey accepting;
    private final Teller teller;
    private final SecureRandom random = new SecureRandom();
    private final List<Peer> challenged = new ArrayList<>();
    private volatile boolean stopping;
    private volatile boolean changed;
    private volatile boolean woken;
    private long acceptAt;
    private long nextRound;

    Loop(Agent agent, Endpoint endpoint) throws IOException {
        this.agent = agent;
        this.endpoint = endpoint;
        teller = new Teller(agent);
        endpoint.channel.configureBlocking(false);
        selector = Selector.open();
        accepting = endpoint.channel.register(selector, SelectionKey.OP_ACCEPT);
    }

    /** Of one that was stopped, and whose thread never ran. */
    void release() throws IOException {
        selector.close();
    }

    /** Any thread, as the next two. */
    void stop() {
        stopping = true;
        try {
            endpoint.close();
        } catch (IOException e) {
            agent.fault(e);
        }
        selector.wakeup();
    }

    void poolsChanged() {
        changed = true;
        selector.wakeup();
    }

    /** The ring fills. */
    void wake() {
        woken = true;
        selector.wakeup();
    }

    @Override
    public void run() {
        while (!stopping) {
            try {
                step();
            } catch (ClosedSelectorException e) {
                break;
            } catch (Throwable trouble) { // whoever is attached is let go, and may come back
                agent.fault(trouble);
                endAll();
                pause();
            }
        }
        endAll();
        try {
            selector.close();
        } catch (IOException e) {
            return; // nothing is left
        }
    }

    private void step() throws IOException {
        long wait = !teller.peers.isEmpty() ? Math.max(1, agent.options.drainMillis)
            : acceptAt != 0 || !challenged.isEmpty() ? ACCEPT_AGAIN / 2 : 0;
        selector.select(wait);
        if (stopping) {
            return;
        }
        long now = System.nanoTime();
        for (SelectionKey key : selector.selectedKeys()) {
            if (!key.isValid()) {
                continue;
            }
            if (key == accepting) {
                accept(now);
            } else if (key.isReadable()) {
                ((Peer) key.attachment()).read();
            }
        }
        selector.selectedKeys().clear();
        if (acceptAt != 0 && now - acceptAt >= 0) {
            acceptAt = 0;
            accepting.interestOps(SelectionKey.OP_ACCEPT);
        }
        if (changed) {
            changed = false;
            teller.peers.forEach(p -> p.pictureDue = true);
        }
        // How often there is a round is not for peers to say.
        if (!teller.peers.isEmpty() && (woken || now - nextRound >= 0)) {
            woken = false;
            nextRound = now + TimeUnit.MILLISECONDS.toNanos(agent.options.drainMillis);
            teller.round(now);
        }
        flush(now);
    }

    private void flush(long now) {
        challenged.removeIf(Peer::isGone);
        for (Peer peer : challenged) {
            peer.flush();
            if (now - peer.mustKnowBy > 0) {
                refuse(peer, null);
            }
        }
        challenged.removeIf(Peer::isGone);
        teller.peers.forEach(Peer::flush);
        teller.reap();
    }

    private static void pause() {
        try {
            Thread.sleep(AFTER_FAULT);
        } catch (InterruptedException e) {
            return; // nobody means this thread
        }
    }

    private void endAll() {
        teller.forgetLine();
        challenged.forEach(Peer::end);
        challenged.clear();
        teller.peers.forEach(Peer::end);
        teller.reap();
    }

    private void accept(long now) {
        try {
            for (SocketChannel socket = endpoint.channel.accept(); socket != null; socket = endpoint.channel.accept()) {
                admit(socket, now);
            }
        } catch (IOException e) { // too many open files, perhaps: not again and again
            if (!stopping) {
                accepting.interestOps(0);
                acceptAt = now + TimeUnit.MILLISECONDS.toNanos(ACCEPT_AGAIN);
            }
        }
    }

    private void admit(SocketChannel socket, long now) throws IOException {
        Endpoint.Identity identity = endpoint.needsToken ? new Endpoint.Identity("A peer", true) : endpoint.identify(socket);
        challenged.removeIf(Peer::isGone);
        teller.reap();
        boolean full = teller.peers.size() + challenged.size() >= Limits.PEERS
            || endpoint.needsToken && challenged.size() >= Limits.CHALLENGED;
        if (full || !identity.allowed()) {
            agent.refused.incrementAndGet();
            socket.close();
            agent.sayRefusal(identity.who() + (full ? " cannot attach: too many are attached." : " may not attach."));
            return;
        }
        agent.accepted.incrementAndGet();
        socket.configureBlocking(false);
        SelectionKey key = socket.register(selector, SelectionKey.OP_READ);
        Peer peer = new Peer(agent, socket, key, identity.who(), this::said);
        key.attach(peer);
        if (!endpoint.needsToken) {
            teller.join(peer, now);
            nextRound = now; // its picture at once
            return;
        }
        byte[] bytes = new byte[32];
        random.nextBytes(bytes);
        peer.nonce = HexFormat.of().formatHex(bytes);
        peer.mustKnowBy = now + TimeUnit.MILLISECONDS.toNanos(agent.options.authMillis);
        LineWriter w = new LineWriter();
        Lines.challenge(w, peer.nonce);
        peer.send(w);
        challenged.add(peer);
    }

    private void refuse(Peer peer, Command answer) {
        agent.refused.incrementAndGet();
        if (answer != null) {
            LineWriter w = new LineWriter();
            Lines.result(w, 0, answer.n(), false, "wrong token");
            peer.send(w);
            peer.flush();
            agent.sayRefusal(peer.who + " had a wrong token.");
        }
        peer.end();
    }

    private void said(Peer peer, Command command) {
        if (peer.nonce != null) {
            if (command == null || !command.kind().equals("auth")) {
                refuse(peer, null);
            } else if (!Command.sameMac(Command.macOf(agent.options.token, peer.nonce), command.mac())) {
                refuse(peer, command);
            } else {
                peer.nonce = null;
                challenged.remove(peer);
                teller.join(peer, System.nanoTime());
            }
            return;
        }
        teller.obey(peer, command);
    }
}
