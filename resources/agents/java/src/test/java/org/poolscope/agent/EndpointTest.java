// SPDX-License-Identifier: Apache-2.0
package org.poolscope.agent;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTimeoutPreemptively;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class EndpointTest {
    @TempDir
    Path folder;
    private final Map<String, String> environment = new HashMap<>();
    private final List<Endpoint> opened = new ArrayList<>();
    private final long pid = ProcessHandle.current().pid();

    private Endpoint open(AgentOptions options) throws IOException {
        environment.putIfAbsent("TMPDIR", folder.toString());
        Endpoint endpoint = Endpoint.open(options, environment::get);
        if (endpoint != null) {
            opened.add(endpoint);
        }
        return endpoint;
    }

    @AfterEach
    void close() throws IOException {
        for (Endpoint endpoint : opened) {
            endpoint.close();
        }
    }

    private static String mode(Path path) throws IOException {
        return PosixFilePermissions.toString(Files.getPosixFilePermissions(path));
    }

    @Test
    void findsAFolderAndKeepsOthersOut() throws Exception {
        Path session = Files.createDirectory(folder.resolve("session"));
        environment.put("XDG_RUNTIME_DIR", session.toString());
        Endpoint first = open(new AgentOptions().name("my shop/\u00fc"));
        Path socket = session.resolve("poolscope/" + pid + "-my_shop___.sock");
        assertEquals("pool+unix://" + socket, first.address);
        assertEquals("rw-------", mode(socket));
        assertEquals("rwx------", mode(socket.getParent()));
        try (var left = Files.list(socket.getParent())) {
            assertEquals(List.of(socket), left.toList(), "nothing else stays in the folder");
        }
        Endpoint second = open(new AgentOptions().name("my shop/\u00fc")); // a second agent in the process
        assertTrue(second.address.endsWith("-my_shop___-2.sock"), second.address);
        try (SocketChannel peer = SocketChannel.open(StandardProtocolFamily.UNIX)) {
            peer.connect(UnixDomainSocketAddress.of(socket));
            Endpoint.Identity identity = first.identify(first.channel.accept());
            assertTrue(identity.allowed() && identity.who().contains(System.getProperty("user.name")), identity.toString());
        }
        first.close();
        assertFalse(Files.exists(socket));
    }

    @Test
    void theOwnerMayAttachWhereRootIsNotKnown() throws Exception {
        Endpoint endpoint = open(new AgentOptions().listen(folder + "/r.sock"));
        endpoint.superuser = "no such user";
        try (SocketChannel peer = SocketChannel.open(StandardProtocolFamily.UNIX)) {
            peer.connect(UnixDomainSocketAddress.of(folder.resolve("r.sock")));
            assertTrue(endpoint.identify(endpoint.channel.accept()).allowed());
        }
    }

    @Test
    void aNameThatIsNoPathIsNoPlace() throws Exception {
        environment.put("RUNTIME_DIRECTORY", "/a\0b");
        environment.put("XDG_RUNTIME_DIR", "/a\0b");
        assertTrue(open(new AgentOptions().name("x")).address.endsWith("-x.sock"));
    }

    @Test
    void aSocketWhoseBacklogIsFullIsNotProbedForEver() throws Exception {
        Path full = folder.resolve("full.sock");
        List<SocketChannel> waiting = new ArrayList<>();
        try (ServerSocketChannel slow = ServerSocketChannel.open(StandardProtocolFamily.UNIX)) {
            slow.bind(UnixDomainSocketAddress.of(full), 1);
            for (int n = 0; n < 8; n++) {
                SocketChannel peer = SocketChannel.open(StandardProtocolFamily.UNIX);
                waiting.add(peer);
                peer.configureBlocking(false);
                try {
                    peer.connect(UnixDomainSocketAddress.of(full));
                } catch (IOException e) {
                    break; // it is full
                }
            }
            assertTimeoutPreemptively(Duration.ofSeconds(20), () -> assertFalse(Places.isStale(full)));
        } finally {
            for (SocketChannel peer : waiting) {
                peer.close();
            }
        }
    }

    /** An application that makes a pool while it ends. */
    static final class Late {
        public static void main(String[] arguments) {
            Runtime.getRuntime().addShutdownHook(new Thread(() -> {
                try {
                    FakePool fake = new FakePool(1);
                    System.out.println(Poolscope.instrument(fake, "late") == fake ? "its own" : "another");
                    System.out.println("at \"" + Poolscope.address() + "\"");
                    System.out.println(Poolscope.instrument(fake, "late") == fake ? "its own" : "another");
                } catch (Throwable thrown) {
                    System.out.println(thrown);
                }
            }));
        }
    }

    @Test
    void whileTheVirtualMachineEndsThePoolServesAsItIs() throws Exception {
        ProcessBuilder builder = new ProcessBuilder(System.getProperty("java.home") + "/bin/java", "-XX:TieredStopAtLevel=1", "-cp",
            System.getProperty("java.class.path"), Late.class.getName());
        builder.environment().keySet().removeIf(name -> name.startsWith("POOLSCOPE_") || name.equals("RUNTIME_DIRECTORY"));
        builder.environment().put("XDG_RUNTIME_DIR", folder.toString());
        builder.redirectError(folder.resolve("stderr").toFile());
        Process process = builder.start();
        String out = new String(process.getInputStream().readAllBytes(), java.nio.charset.StandardCharsets.UTF_8);
        assertEquals(0, process.waitFor());
        assertEquals(List.of("its own", "at \"\"", "its own"), out.lines().toList());
        try (var left = Files.list(folder.resolve("poolscope"))) {
            assertEquals(List.of(), left.toList());
        }
        assertTrue(Files.readString(folder.resolve("stderr")).contains("The agent cannot start"));
    }

    @Test
    void foldersThatOthersMayWriteAreNotUsed() throws Exception {
        for (String bad : List.of("open", "link", "file")) {
            Path session = Files.createTempDirectory(folder, bad);
            Path place = session.resolve("poolscope");
            switch (bad) {
                case "open" -> {
                    Files.createDirectory(place);
                    Files.setPosixFilePermissions(place, PosixFilePermissions.fromString("rwxrwxrwx"));
                }
                case "link" -> Files.createSymbolicLink(place, Files.createTempDirectory(folder, "target"));
                default -> Files.createFile(place);
            }
            environment.put("XDG_RUNTIME_DIR", session.toString());
            Endpoint endpoint = open(new AgentOptions().name("x"));
            assertFalse(endpoint.address.contains(session.toString()), endpoint.address);
        }
        Path own = folder.resolve("poolscope-" + Places.user());
        if (Files.exists(own)) { // else /run/poolscope is there
            assertEquals("rwx------", mode(own));
            Files.setPosixFilePermissions(own, PosixFilePermissions.fromString("rwxr-xr-x"));
            assertFalse(Places.isUsable(new Places.Place(own, true, true)));
        }
    }

    @Test
    void aSocketThatACrashLeftIsTakenOver() throws Exception {
        Path left = folder.resolve("left.sock");
        ServerSocketChannel other = ServerSocketChannel.open(StandardProtocolFamily.UNIX);
        other.bind(UnixDomainSocketAddress.of(left));
        IOException e = assertThrows(IOException.class, () -> open(new AgentOptions().listen("unix:" + left)));
        assertTrue(e.getMessage().contains(left + ": Address already in use."), e.getMessage());
        other.close();
        assertTrue(Files.exists(left));
        assertEquals("pool+unix://" + left, open(new AgentOptions().listen(left.toString())).address);
        // Not one that a living process is named in.
        for (long named : new long[] {1, (1 << 22) + 1}) {
            Path path = folder.resolve(named + "-shop.sock");
            try (ServerSocketChannel dead = ServerSocketChannel.open(StandardProtocolFamily.UNIX)) {
                dead.bind(UnixDomainSocketAddress.of(path));
            }
            if (named == 1) {
                assertThrows(IOException.class, () -> open(new AgentOptions().listen(path.toString())));
            } else {
                open(new AgentOptions().listen(path.toString()));
            }
        }
        Path file = Files.writeString(folder.resolve("file.sock"), "not a socket");
        assertThrows(IOException.class, () -> open(new AgentOptions().listen(file.toString())));
        assertEquals("not a socket", Files.readString(file));
    }

    @Test
    void saysWhyItCannotListen() throws Exception {
        Map.of("127.0.0.1:7007", "needs a token", "nonsense", "Write /path", "127.0.0.1:99999", "Write /path", "tcp:", "Write /path",
            folder + "/no/such", "No such file", "/a\0b", "cannot listen on /a", "/" + "long".repeat(40), "Write /path").forEach((listen, why) -> {
                IOException e = assertThrows(IOException.class, () -> open(new AgentOptions().listen(listen)), listen);
                assertTrue(e.getMessage().contains(why), e.getMessage());
            });
        for (String far : List.of("0.0.0.0:0", "192.0.2.1:7007", "example.org:7007", "[::]:7007")) {
            IOException e = assertThrows(IOException.class, () -> open(new AgentOptions().listen(far).token("t")), far);
            assertTrue(e.getMessage().contains("not a loopback address"), e.getMessage());
        }
        Endpoint near = open(new AgentOptions().listen("localhost:0").token("t"));
        assertTrue(near.needsToken && near.address.startsWith("pool://127.0.0.1:"), near.address);
        IOException e = assertThrows(IOException.class, () -> open(new AgentOptions().listen(near.address.substring(7)).token("t")));
        assertTrue(e.getMessage().contains("in use"), e.getMessage());
        assertNull(open(new AgentOptions().listen("off")));
        assertThrows(IOException.class, () -> open(new AgentOptions().listen(folder + "/g.sock").group("no such group")));
    }

    @Test
    void withoutAPlaceToListenThePoolServesAsItIs() throws Exception {
        List<String> logged = new ArrayList<>();
        AgentOptions options = new AgentOptions().listen(folder + "/no/such").log(logged::add);
        assertThrows(IOException.class, () -> Poolscope.start(options));
        try {
            FakePool fake = new FakePool(1);
            assertSame(fake, Poolscope.instrument(fake, "p"));
            assertEquals("", Poolscope.address());
            assertEquals(List.of(), logged, "start throws it");
        } finally {
            Poolscope.close();
        }
    }
}
