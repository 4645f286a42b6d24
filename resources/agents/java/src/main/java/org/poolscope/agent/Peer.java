// SPDX-License-Identifier: Apache-2.0
package org.poolscope.agent;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.SelectionKey;
import java.nio.channels.SocketChannel;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.HashSet;
import java.util.Set;
import java.util.concurrent.TimeUnit;

/** One inspector. The loop's thread alone. */
final class Peer {
    /** Hears what a peer said: a command, or null for a line that cannot be read. */
    interface Listener {
        void said(Peer peer, Command command);
    }

    private static final int PIECE = 64 << 10;

    final SocketChannel channel;
    final String who;
    final SelectionKey key;
    private final Agent agent;
    private final Listener listener;
    private final Deque<ByteBuffer> out = new ArrayDeque<>();
    private ByteBuffer in = ByteBuffer.allocate(Limits.BEFORE_AUTH);
    private boolean skipping; // what is left of a line that is too long
    private int waiting;
    private long progress;
    private boolean ended;

    /** Not null: it has still to answer. */
    String nonce;
    long mustKnowBy;

    long number; // of the last event that it was told of
    long lost;
    Set<String> known; // stacks; null: it had no picture yet
    boolean pictureDue;
    long notBefore;
    int badLines;

    Peer(Agent agent, SocketChannel channel, SelectionKey key, String who, Listener listener) {
        this.agent = agent;
        this.channel = channel;
        this.key = key;
        this.who = who;
        this.listener = listener;
    }

    boolean isGone() {
        return ended;
    }

    int waiting() {
        return waiting;
    }

    void end() {
        ended = true;
        key.cancel();
        try {
            channel.close();
        } catch (IOException e) {
            return; // it is gone all the same
        }
    }

    /** Who has the token may send longer lines. */
    private void enlarge() {
        if (nonce == null && in.capacity() == Limits.BEFORE_AUTH) {
            ByteBuffer larger = ByteBuffer.allocate(Limits.LINE + 2);
            in.flip();
            in = larger.put(in);
        }
    }

    /** Who asks and does not read is not listened to, until it reads. */
    private boolean hasRoom() {
        return waiting <= agent.options.peerBytes / 2;
    }

    void read() {
        if (!hasRoom() || ended) {
            return;
        }
        try {
            if (channel.read(in) < 0) {
                end();
                return;
            }
        } catch (IOException e) {
            end();
            return;
        }
        lines();
    }

    private void lines() {
        int from = 0;
        for (int at = 0; at < in.position() && hasRoom() && !ended; at++) {
            if (in.array()[at] != '\n') {
                continue;
            }
            int length = at > from && in.array()[at - 1] == '\r' ? at - from - 1 : at - from;
            if (skipping) {
                skipping = false;
            } else if (length > 0) {
                listener.said(this, Command.read(in.array(), from, length));
            }
            from = at + 1;
        }
        in.flip().position(from);
        in.compact();
        enlarge();
        if (!in.hasRemaining() && hasRoom()) { // a line that is too long
            if (nonce != null) {
                end();
                return;
            }
            if (!skipping) {
                skipping = true;
                listener.said(this, null);
            }
            in.clear();
        }
    }

    void send(LineWriter lines) {
        if (lines.size() > 0) {
            send(lines.take());
        }
    }

    void send(byte[] lines) {
        if (ended || lines.length == 0) {
            return;
        }
        if (out.isEmpty()) {
            progress = System.nanoTime();
        }
        out.add(ByteBuffer.wrap(lines));
        waiting += lines.length;
    }

    /** Sends what the other end takes. One that takes nothing at all for a while is let go. */
    void flush() {
        if (ended) {
            return;
        }
        boolean hadRoom = hasRoom();
        try {
            while (!out.isEmpty()) {
                ByteBuffer chunk = out.peek();
                int end = chunk.limit();
                chunk.limit(Math.min(end, chunk.position() + PIECE));
                int sent = channel.write(chunk);
                chunk.limit(end);
                if (sent == 0) {
                    break;
                }
                waiting -= sent;
                progress = System.nanoTime();
                if (!chunk.hasRemaining()) {
                    out.remove();
                }
            }
        } catch (IOException e) {
            end();
            return;
        }
        if (!out.isEmpty() && System.nanoTime() - progress > TimeUnit.MILLISECONDS.toNanos(agent.options.stallMillis)) {
            end();
            return;
        }
        if (!hadRoom && hasRoom()) {
            lines(); // those that were kept waiting
        }
        int wanted = (out.isEmpty() ? 0 : SelectionKey.OP_WRITE) | (hasRoom() ? SelectionKey.OP_READ : 0);
        if (!ended && key.interestOps() != wanted) {
            key.interestOps(wanted);
        }
    }

    void begins(long number, Set<String> stacks) {
        pictureDue = false;
        lost = 0; // the picture makes up for it
        this.number = number;
        known = new HashSet<>(stacks);
    }
}
