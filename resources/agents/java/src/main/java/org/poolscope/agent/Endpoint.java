// SPDX-License-Identifier: Apache-2.0
package org.poolscope.agent;

import java.io.Closeable;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.attribute.GroupPrincipal;
import java.nio.file.attribute.PosixFileAttributeView;
import java.nio.file.attribute.PosixFilePermissions;
import java.nio.file.attribute.UserPrincipal;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ThreadLocalRandom;
import java.util.function.UnaryOperator;
import jdk.net.ExtendedSocketOptions;
import jdk.net.UnixDomainPrincipal;

/** Where an agent listens, by the rules of PROTOCOL.md, sections 2 and 3. */
final class Endpoint implements Closeable {
    /** Who is at the other end of a Unix socket. */
    record Identity(String who, boolean allowed) {}

    private static final int PATH = 107;

    final ServerSocketChannel channel;
    final String address; // as an inspector writes it
    final boolean needsToken;
    String superuser = "root"; // whom a system without that entry does not know
    private final Path path; // of a Unix socket: removed at the end
    private final String group; // whose members may attach too; empty: none

    private Endpoint(ServerSocketChannel channel, String address, Path path, boolean needsToken, String group) {
        this.channel = channel;
        this.address = address;
        this.path = path;
        this.needsToken = needsToken;
        this.group = group;
    }

    /** Null: listening is switched off. */
    static Endpoint open(AgentOptions options, UnaryOperator<String> environment) throws IOException {
        String listen = options.listen;
        if (listen.equals("off")) {
            return null;
        }
        if (listen.isEmpty()) {
            return anywhere(options, environment);
        }
        String text = listen.startsWith("unix:") ? listen.substring(5) : listen;
        if (text.startsWith("/") && text.length() <= PATH) {
            return unix(pathOf(text), options.group);
        }
        String address = listen.startsWith("tcp:") ? listen.substring(4) : text;
        int colon = address.lastIndexOf(':');
        int port = portOf(address.substring(colon + 1));
        if (text.startsWith("/") || colon <= 0 || port < 0) {
            throw new IOException("The agent cannot listen on \"" + listen
                + "\". Write /path, unix:/path, host:port or off.");
        }
        return tcp(address.substring(0, colon), port, !options.token.isEmpty());
    }

    private static Path pathOf(String text) throws IOException {
        try {
            return Path.of(text);
        } catch (InvalidPathException e) { // not of this process's characters, say
            throw new IOException("The agent cannot listen on " + text + ": " + e.getReason() + ".", e);
        }
    }

    private static int portOf(String text) {
        try {
            int port = Integer.parseInt(text);
            return port <= 65535 ? port : -1;
        } catch (NumberFormatException e) {
            return -1;
        }
    }

    private static Endpoint tcp(String host, int port, boolean hasToken) throws IOException {
        String where = host + ":" + port;
        if (!hasToken) {
            throw new IOException("The agent cannot listen on " + where
                + ": TCP needs a token. Set POOLSCOPE_TOKEN, or listen on a Unix socket.");
        }
        String plain = host.startsWith("[") && host.endsWith("]") ? host.substring(1, host.length() - 1) : host;
        if (plain.equals("localhost")) { // whatever a resolver says
            plain = "127.0.0.1";
        }
        boolean isNumber = plain.matches("[0-9.]+") || plain.indexOf(':') >= 0; // no name is looked up
        InetAddress address = isNumber ? InetAddress.getByName(plain) : null;
        if (address == null || !address.isLoopbackAddress()) {
            throw new IOException("The agent cannot listen on " + where
                + ": it is not a loopback address. Listen on 127.0.0.1 or ::1, and attach from elsewhere with --ssh.");
        }
        ServerSocketChannel channel = ServerSocketChannel.open();
        try {
            channel.bind(new InetSocketAddress(address, port), 16);
        } catch (IOException e) {
            channel.close();
            throw new IOException("The agent cannot listen on " + where + ": " + e.getMessage() + ".", e);
        }
        int bound = ((InetSocketAddress) channel.getLocalAddress()).getPort();
        String name = plain.indexOf(':') >= 0 ? "[" + plain + "]" : plain;
        return new Endpoint(channel, "pool://" + name + ":" + bound, null, true, "");
    }

    private static Endpoint anywhere(AgentOptions options, UnaryOperator<String> environment) throws IOException {
        List<String> tried = new ArrayList<>();
        for (Places.Place place : Places.all(environment)) {
            tried.add(place.folder().toString());
            for (int index = 1; index <= 8 && Places.isUsable(place); index++) {
                Path path = place.folder().resolve(Places.socketName(ProcessHandle.current().pid(), options.name, index));
                if (path.toString().length() > PATH) {
                    break;
                }
                try {
                    return unix(path, options.group);
                } catch (IOException e) {
                    continue; // another agent of this process, perhaps
                }
            }
        }
        throw new IOException("The agent finds no folder for its socket. It tried: " + String.join(", ", tried)
            + ". Set POOLSCOPE_LISTEN, or XDG_RUNTIME_DIR.");
    }

    private static Endpoint unix(Path path, String group) throws IOException {
        try {
            if (Files.exists(path, LinkOption.NOFOLLOW_LINKS)) {
                if (!Places.isStale(path)) {
                    throw new FileAlreadyExistsException("Address already in use");
                }
                Files.delete(path);
            }
            return new Endpoint(bound(path, group), "pool+unix://" + path, path, false, group);
        } catch (IOException | RuntimeException e) {
            throw new IOException("The agent cannot listen on " + path + ": " + reasonOf(e) + ".", e);
        }
    }

    private static String reasonOf(Exception e) {
        String name = e.getClass().getSimpleName();
        return e instanceof FileAlreadyExistsException || e.getMessage() == null ? "Address already in use"
            : name.equals("NoSuchFileException") ? "No such file or directory"
            : name.equals("AccessDeniedException") ? "Permission denied" : e.getMessage();
    }

    /**
     * Java listens as soon as it binds. So the socket is made in a folder that nobody else can enter, gets
     * its mode there, and only then its name: by a link, which never replaces another's.
     */
    private static ServerSocketChannel bound(Path path, String group) throws IOException {
        Path folder = path.resolveSibling(".p" + Integer.toString(ThreadLocalRandom.current().nextInt(1 << 30), 36));
        Files.createDirectory(folder, PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rwx------")));
        Path made = folder.resolve("s");
        ServerSocketChannel channel = null;
        try {
            channel = ServerSocketChannel.open(StandardProtocolFamily.UNIX);
            channel.bind(UnixDomainSocketAddress.of(made), 16);
            if (!group.isEmpty()) {
                GroupPrincipal members = path.getFileSystem().getUserPrincipalLookupService()
                    .lookupPrincipalByGroupName(group);
                Files.getFileAttributeView(made, PosixFileAttributeView.class).setGroup(members);
            }
            Files.setPosixFilePermissions(made, PosixFilePermissions.fromString(group.isEmpty() ? "rw-------" : "rw-rw----"));
            Files.createLink(path, made);
            return channel;
        } catch (IOException | RuntimeException e) {
            if (channel != null) {
                channel.close();
            }
            throw e;
        } finally {
            Files.deleteIfExists(made);
            Files.deleteIfExists(folder);
        }
    }

    /** Asks the kernel who is at the other end. */
    Identity identify(SocketChannel peer) {
        try {
            UnixDomainPrincipal principal = peer.getOption(ExtendedSocketOptions.SO_PEERCRED);
            String user = principal.user().getName();
            boolean allowed = principal.user().equals(Files.getOwner(path, LinkOption.NOFOLLOW_LINKS))
                || isSuperuser(principal.user())
                || !group.isEmpty() && (principal.group().getName().equals(group) || isMember(user));
            return new Identity("A process of user " + user, allowed);
        } catch (IOException | RuntimeException | LinkageError e) {
            return new Identity("A process", false);
        }
    }

    /** A container may have no entry for root. */
    private boolean isSuperuser(UserPrincipal user) {
        try {
            return user.equals(path.getFileSystem().getUserPrincipalLookupService().lookupPrincipalByName(superuser));
        } catch (IOException | RuntimeException e) {
            return false;
        }
    }

    private boolean isMember(String user) throws IOException {
        for (String line : Files.readAllLines(Path.of("/etc/group"))) {
            String[] fields = line.split(":", -1);
            if (fields.length == 4 && fields[0].equals(group) && List.of(fields[3].split(",")).contains(user)) {
                return true;
            }
        }
        return false;
    }

    @Override
    public void close() throws IOException {
        if (path != null) { // first: once it is closed, another may take the path over
            Files.deleteIfExists(path);
        }
        channel.close();
    }
}
