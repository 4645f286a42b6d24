// SPDX-License-Identifier: Apache-2.0
package org.poolscope.agent;

import java.io.IOException;
import java.net.ConnectException;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.channels.SocketChannel;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.List;
import java.util.function.UnaryOperator;

/** Where a socket may be, and whether one that is there may go (PROTOCOL.md, section 2). */
final class Places {
    /** A folder; exact: it must be the user's own, and nobody else's. */
    record Place(Path folder, boolean create, boolean exact) {}

    private static final int FILE_TYPE = 0170000;
    private static final int SOCKET = 0140000;
    private static final int OTHERS_WRITE = 02;
    private static final int BETWEEN_PROBES = 20; // milliseconds, of a socket that seems to be left over

    private Places() {}

    static List<Place> all(UnaryOperator<String> environment) {
        List<Place> places = new ArrayList<>();
        String runtime = environment.apply("RUNTIME_DIRECTORY");
        if (runtime != null && runtime.startsWith("/")) {
            int colon = runtime.indexOf(':');
            add(places, colon < 0 ? runtime : runtime.substring(0, colon), "", false, false);
        }
        String session = environment.apply("XDG_RUNTIME_DIR");
        if (session != null && session.startsWith("/")) {
            add(places, session, "poolscope", true, false);
        }
        add(places, "/run/poolscope", "", false, false);
        String temporary = environment.apply("TMPDIR");
        if (temporary == null || !temporary.startsWith("/")) {
            temporary = System.getProperty("java.io.tmpdir", "/tmp");
        }
        if (temporary.startsWith("/")) {
            add(places, temporary, "poolscope-" + user(), true, true);
        }
        return places;
    }

    private static void add(List<Place> places, String folder, String inside, boolean create, boolean exact) {
        try {
            places.add(new Place(Path.of(folder, inside), create, exact));
        } catch (InvalidPathException e) {
            return; // not of this process's characters: another place will do
        }
    }

    /** The number of the user whom the process acts as; -1: not known. */
    static long user() {
        for (String own : new String[] {"/proc/self", System.getProperty("user.home", "/")}) {
            try {
                return ((Number) Files.getAttribute(Path.of(own), "unix:uid")).longValue();
            } catch (IOException | RuntimeException e) {
                continue; // no such file system
            }
        }
        return -1;
    }

    private static long attribute(Path path, String name) throws IOException {
        return ((Number) Files.getAttribute(path, "unix:" + name, LinkOption.NOFOLLOW_LINKS)).longValue();
    }

    /** Looks at the folder itself, never at what a link points to. */
    static boolean isUsable(Place place) {
        try {
            if (place.create && !Files.exists(place.folder, LinkOption.NOFOLLOW_LINKS)) {
                Files.createDirectory(place.folder,
                    PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rwx------")));
            }
        } catch (IOException | RuntimeException e) {
            return false;
        }
        try {
            if (!Files.isDirectory(place.folder, LinkOption.NOFOLLOW_LINKS)) {
                return false;
            }
            long owner = attribute(place.folder, "uid");
            long mode = attribute(place.folder, "mode") & 07777;
            if (place.exact) {
                return owner == user() && mode == 0700;
            }
            return (owner == user() || owner == 0) && (mode & OTHERS_WRITE) == 0
                && Files.isWritable(place.folder) && Files.isExecutable(place.folder);
        } catch (IOException | RuntimeException e) {
            return false;
        }
    }

    /** "&lt;pid&gt;-&lt;name&gt;.sock", with "-2" and so on for further agents of a process. */
    static String socketName(long pid, String name, int index) {
        StringBuilder plain = new StringBuilder();
        byte[] bytes = name.getBytes(java.nio.charset.StandardCharsets.UTF_8);
        for (int i = 0; i < bytes.length && i < 32; i++) {
            char c = (char) (bytes[i] & 0xFF);
            boolean kept = c >= 'A' && c <= 'Z' || c >= 'a' && c <= 'z' || c >= '0' && c <= '9' || "._-".indexOf(c) >= 0;
            plain.append(kept ? c : '_');
        }
        return pid + "-" + (plain.length() == 0 ? "pool" : plain) + (index > 1 ? "-" + index : "") + ".sock";
    }

    /** Nobody listens behind the socket any more. */
    static boolean isStale(Path path) {
        try {
            if ((attribute(path, "mode") & FILE_TYPE) != SOCKET || attribute(path, "uid") != user()) {
                return false;
            }
        } catch (IOException | RuntimeException e) {
            return false;
        }
        if (isOthers(path) || !isRefused(path)) {
            return false;
        }
        try {
            Thread.sleep(BETWEEN_PROBES); // between bind and listen it is refused too
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            return false;
        }
        return isRefused(path);
    }

    /** At once: with a full backlog somebody is there, who only is slow. */
    private static boolean isRefused(Path path) {
        try (SocketChannel probe = SocketChannel.open(StandardProtocolFamily.UNIX)) {
            probe.configureBlocking(false);
            probe.connect(UnixDomainSocketAddress.of(path));
            return false;
        } catch (ConnectException e) {
            return true;
        } catch (IOException | RuntimeException e) {
            return false;
        }
    }

    /** The pid in the name is another, living process. */
    private static boolean isOthers(Path path) {
        String name = path.getFileName().toString();
        int dash = name.indexOf('-');
        try {
            long pid = Long.parseLong(name.substring(0, Math.max(0, dash)));
            return pid > 0 && pid != ProcessHandle.current().pid() && ProcessHandle.of(pid).isPresent();
        } catch (NumberFormatException e) {
            return false;
        }
    }
}
