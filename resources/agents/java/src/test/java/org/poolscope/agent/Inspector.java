// SPDX-License-Identifier: Apache-2.0
package org.poolscope.agent;

import static org.junit.jupiter.api.Assertions.fail;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.SelectionKey;
import java.nio.channels.Selector;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.BooleanSupplier;

/** Reads what an agent sends, as PROTOCOL.md says, and fails at whatever breaks its rules. */
final class Inspector implements AutoCloseable {
    final SocketChannel socket;
    private final Selector selector;
    private final ByteBuffer in = ByteBuffer.allocate(1 << 18).limit(0);

    Map<String, Object> hello;
    boolean inPicture;
    int pictures;
    int gaps;
    long lost;
    Map<String, Map<String, Object>> open = new HashMap<>();
    Map<String, Map<String, Object>> out = new HashMap<>();
    Map<String, List<Map<String, Object>>> stacks = new HashMap<>();
    final Map<String, Map<String, Object>> stats = new HashMap<>();
    final Map<String, Boolean> busy = new HashMap<>();
    final List<String> statements = new ArrayList<>();
    final List<Map<String, Object>> timeouts = new ArrayList<>();
    final List<Map<String, Object>> leaks = new ArrayList<>();
    /** By stack, "" where it is not known: of one pool. */
    final Map<String, Map<String, Object>> prepared = new HashMap<>();
    final Map<String, Long> pending = new HashMap<>();
    int beats;
    private final Set<String> ids = new HashSet<>(); // ever used
    private long number;
    private boolean holed; // something was lost, and no picture came since

    Inspector(String address) throws IOException {
        if (address.startsWith("pool+unix://")) {
            socket = SocketChannel.open(StandardProtocolFamily.UNIX);
            socket.connect(UnixDomainSocketAddress.of(address.substring(12)));
        } else {
            String[] parts = address.substring(7).split(":");
            socket = SocketChannel.open(new InetSocketAddress(parts[0], Integer.parseInt(parts[1])));
        }
        socket.configureBlocking(false);
        selector = Selector.open();
        socket.register(selector, SelectionKey.OP_READ);
    }

    static Inspector attached(String address) throws IOException {
        Inspector inspector = new Inspector(address);
        inspector.picture();
        return inspector;
    }

    /** Waits until it is written. */
    void send(byte[] bytes) throws IOException {
        ByteBuffer rest = ByteBuffer.wrap(bytes);
        long end = System.nanoTime() + 10_000_000_000L;
        while (rest.hasRemaining()) {
            socket.write(rest);
            if (System.nanoTime() > end) {
                fail("the agent does not read");
            }
        }
    }

    void send(String line) throws IOException {
        send((line + "\n").getBytes(StandardCharsets.UTF_8));
    }

    /** Null: the agent closed. */
    private String text() throws IOException {
        ByteArrayOutputStream line = new ByteArrayOutputStream();
        for (;;) {
            while (in.hasRemaining()) {
                byte b = in.get();
                if (b == '\n') {
                    if (line.size() > Limits.LINE) {
                        fail("a line of " + line.size() + " bytes");
                    }
                    return line.toString(StandardCharsets.UTF_8);
                }
                line.write(b);
            }
            in.clear();
            if (selector.select(20_000) == 0) {
                fail("the agent says nothing");
            }
            selector.selectedKeys().clear();
            int count;
            try {
                count = socket.read(in);
            } catch (IOException e) {
                count = -1;
            }
            in.flip();
            if (count < 0) {
                in.limit(0);
                return null;
            }
        }
    }

    @SuppressWarnings("unchecked")
    static Map<String, Object> object(Object value) {
        return (Map<String, Object>) value;
    }

    /** One line, taken into account. Null: the agent closed. */
    Map<String, Object> line() throws IOException {
        String text = text();
        if (text == null) {
            return null;
        }
        Map<String, Object> m;
        try {
            m = object(Json.read(text));
        } catch (Json.Bad e) {
            return fail(e.getMessage() + " in " + text);
        }
        take(m, text);
        return m;
    }

    private void take(Map<String, Object> m, String text) {
        String kind = (String) m.get("k");
        long n = (Long) m.get("n");
        boolean event = Set.of("close", "checkin", "use", "wait", "beat", "timeout", "leak", "open", "checkout").contains(kind)
            && !inPicture;
        if (hello != null && !kind.equals("hello") && !kind.equals("challenge")) {
            if (kind.equals("lost")) {
                long count = (Long) m.get("count");
                if (n != number + count) {
                    fail("lost does not add up behind " + number + ": " + text);
                }
                gaps++;
                holed = true;
                lost += count;
            } else if (n != (event ? number + 1 : number)) {
                fail("not the number behind " + number + ": " + text);
            }
        }
        number = n;
        fold(kind, m);
    }

    private void fold(String kind, Map<String, Object> m) {
        String id = (String) m.get("id");
        String conn = (String) m.get("conn");
        switch (kind) {
            case "hello" -> {
                hello = m;
                inPicture = true;
                open = new HashMap<>();
                out = new HashMap<>();
                stacks = new HashMap<>();
                pending.clear();
                prepared.clear();
                busy.clear();
            }
            case "ready" -> {
                check(inPicture, "ready without a picture");
                inPicture = false;
                holed = false;
                pictures++;
                for (Map<String, Object> c : out.values()) {
                    check(c.get("stack") == null || stacks.containsKey(c.get("stack")), "a stack is missing in the picture");
                }
            }
            case "stack" -> {
                @SuppressWarnings("unchecked")
                var frames = (List<Map<String, Object>>) m.get("frames");
                check(stacks.put(id, frames) == null, "a stack is sent twice: " + id);
            }
            case "open" -> {
                check(open.put(conn, m) == null && (ids.add("c" + conn) || inPicture), "opened twice: " + conn);
            }
            case "close" -> check(open.remove(conn) != null || holed, "closed and was not open: " + conn);
            case "checkout" -> {
                check(out.put(id, m) == null && (ids.add("x" + id) || inPicture), "lent twice: " + id);
                check(conn == null || open.containsKey(conn) || holed || inPicture, "of a connection that is not open: " + m);
                check(Boolean.TRUE.equals(m.get("open")) == inPicture, "open is wrong: " + m);
                check(m.get("stack") == null || inPicture || stacks.containsKey(m.get("stack")), "without its stack: " + m);
            }
            case "checkin" -> {
                Map<String, Object> was = out.remove(id);
                check(holed || was != null && java.util.Objects.equals(was.get("conn"), conn), "back and was not out: " + m);
            }
            case "use" -> {
                check(out.containsKey(id) || holed, "used and not out: " + id);
                busy.put(id, (Boolean) m.get("busy"));
                if (m.get("statement") instanceof String s) {
                    statements.add(s);
                }
            }
            case "prepared" -> {
                check(m.get("stack") == null || inPicture || stacks.containsKey(m.get("stack")), "without its stack: " + m);
                check((Long) m.get("count") > 0 || !inPicture, "none in a picture: " + m);
                prepared.put(m.get("stack") instanceof String s ? s : "", m);
                prepared.values().removeIf(each -> (Long) each.get("count") == 0);
            }
            case "stats" -> stats.put((String) m.get("pool"), m);
            case "timeout" -> timeouts.add(m);
            case "leak" -> leaks.add(m);
            case "beat" -> beats++;
            case "wait" -> pending.put((String) m.get("pool"), (Long) m.get("pending"));
            default -> { }
        }
    }

    private static void check(boolean holds, String what) {
        if (!holds) {
            fail(what);
        }
    }

    void picture() throws IOException {
        int before = pictures;
        until("a picture", () -> pictures > before);
    }

    void until(String what, BooleanSupplier holds) throws IOException {
        long end = System.nanoTime() + 30_000_000_000L;
        while (!holds.getAsBoolean()) {
            if (line() == null || System.nanoTime() > end) {
                fail("never: " + what);
            }
        }
    }

    /** What happened before is here after. */
    void sync() throws IOException {
        for (int i = 0; i < 2; i++) { // the second is answered after a round
            send("{\"k\":\"resync\",\"n\":77}");
            picture();
        }
    }

    List<String> pools() {
        List<String> names = new ArrayList<>();
        for (Object pool : (List<?>) hello.get("pools")) {
            names.add((String) object(pool).get("pool"));
        }
        return names;
    }

    boolean can(String word) {
        return ((List<?>) hello.get("can")).contains(word);
    }

    @Override
    public void close() throws IOException {
        socket.close();
        selector.close();
    }

    /** For what other threads do in their own time. */
    static void eventually(String what, BooleanSupplier holds) throws InterruptedException {
        long end = System.nanoTime() + 30_000_000_000L;
        while (!holds.getAsBoolean()) {
            if (System.nanoTime() > end) {
                fail("never: " + what);
            }
            Thread.sleep(1);
        }
    }
}
