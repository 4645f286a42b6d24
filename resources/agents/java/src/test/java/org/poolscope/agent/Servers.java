// SPDX-License-Identifier: Apache-2.0
package org.poolscope.agent;

import java.io.File;
import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Assumptions;

/** Private servers: loopback, free ports, temporary folders, never as root; gone with the tests. */
final class Servers {
    private static final class Server {
        String missing = "";
        String url = "";
        Path folder;
        Process process;
        String signal = "TERM";

        /** The JDBC URL; skips the test where there is no such server. */
        String url() {
            Assumptions.assumeTrue(missing.isEmpty(), missing);
            return url;
        }
    }

    private static Server postgres;
    private static Server mariadb;
    private static Server pooler;

    private Servers() {}

    static synchronized String postgres() throws Exception {
        if (postgres == null) {
            postgres = startPostgres();
        }
        return postgres.url();
    }

    static synchronized String mariadb() throws Exception {
        if (mariadb == null) {
            mariadb = startMariadb();
        }
        return mariadb.url();
    }

    /** PgBouncer in transaction mode before postgres(). */
    static synchronized String pooler() throws Exception {
        if (pooler == null) {
            pooler = startPooler(postgres());
        }
        return pooler.url();
    }

    private static String program(String name, String... folders) {
        List<String> all = new ArrayList<>(Arrays.asList(System.getenv().getOrDefault("PATH", "").split(File.pathSeparator)));
        all.addAll(Arrays.asList(folders));
        for (String folder : all) {
            if (Files.isExecutable(Path.of(folder, name))) {
                return folder + "/" + name;
            }
        }
        return "";
    }

    private static String newestPostgres() throws IOException {
        Path all = Path.of("/usr/lib/postgresql");
        if (!Files.isDirectory(all)) {
            return "";
        }
        try (var versions = Files.list(all)) {
            return versions.map(v -> v.resolve("bin").toString()).max(Comparator.comparing(v -> v.length() + v)).orElse("");
        }
    }

    /** The command, as somebody unprivileged, who does not outlive a test that crashes. */
    private static List<String> as(String user, List<String> command) {
        List<String> all = new ArrayList<>();
        if (Places.user() == 0) {
            all.addAll(List.of("setpriv", "--pdeathsig", "QUIT", "--reuid", user, "--regid", user, "--clear-groups", "--"));
        }
        all.addAll(command);
        return all;
    }

    private static String account() throws IOException {
        String users = Files.readString(Path.of("/etc/passwd"));
        for (String name : List.of("postgres", "mysql")) {
            if (users.contains("\n" + name + ":")) {
                return name;
            }
        }
        return "nobody";
    }

    private static Server prepare() throws IOException, InterruptedException {
        Server s = new Server();
        s.folder = Files.createTempDirectory("psj");
        if (Places.user() == 0) {
            run(s, List.of("chown", account(), s.folder.toString()));
        }
        Runtime.getRuntime().addShutdownHook(new Thread(() -> stop(s)));
        return s;
    }

    private static void run(Server s, List<String> command) throws IOException, InterruptedException {
        Process p = new ProcessBuilder(command).directory(s.folder.toFile()).redirectErrorStream(true).start();
        p.getOutputStream().close();
        String out = new String(p.getInputStream().readAllBytes());
        if (p.waitFor() != 0) {
            throw new IOException(command + ": " + out);
        }
    }

    private static int freePort() throws IOException {
        try (ServerSocket probe = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
            return probe.getLocalPort();
        }
    }

    private static void launch(Server s, String user, List<String> command) throws Exception {
        launch(s, user, command, "CREATE TABLE items (id int PRIMARY KEY, price int)", "INSERT INTO items VALUES (1, 5), (2, 6)");
    }

    private static void launch(Server s, String user, List<String> command, String... first) throws Exception {
        Path log = Files.createTempFile("psj", ".log");
        log.toFile().deleteOnExit();
        s.process = new ProcessBuilder(as(account(), command)).directory(s.folder.toFile()).redirectErrorStream(true)
            .redirectOutput(log.toFile()).start();
        long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(60);
        for (;;) {
            try (Connection c = DriverManager.getConnection(s.url, user, ""); Statement st = c.createStatement()) {
                for (String sql : first) {
                    st.execute(sql);
                }
                return;
            } catch (SQLException e) {
                if (!s.process.isAlive() || System.nanoTime() > end) {
                    throw new IOException("the server did not start: " + Files.readString(log), e);
                }
                Thread.sleep(50); // between two attempts to connect
            }
        }
    }

    private static Server startPostgres() throws Exception {
        String bin = newestPostgres();
        if (bin.isEmpty()) {
            Server none = new Server();
            none.missing = "there is no PostgreSQL server on this machine";
            return none;
        }
        Server s = prepare();
        s.signal = "INT";
        String data = s.folder + "/data";
        run(s, as(account(), List.of(bin + "/initdb", "-D", data, "-U", "postgres", "-A", "trust", "-N", "-E", "UTF8",
            "--locale=C")));
        int port = freePort();
        s.url = "jdbc:postgresql://127.0.0.1:" + port + "/postgres";
        launch(s, "postgres", List.of(bin + "/postgres", "-D", data, "-h", "127.0.0.1", "-p", "" + port, "-k",
            s.folder.toString(), "-c", "fsync=off", "-c", "max_connections=200"));
        return s;
    }

    private static Server startMariadb() throws Exception {
        String server = program("mariadbd", "/usr/sbin", "/usr/libexec");
        String install = program("mariadb-install-db", "/usr/bin");
        if (server.isEmpty() || install.isEmpty()) {
            Server none = new Server();
            none.missing = "there is no MariaDB server on this machine";
            return none;
        }
        Server s = prepare();
        String data = "--datadir=" + s.folder + "/data";
        run(s, as(account(), List.of(install, "--no-defaults", data, "--auth-root-authentication-method=normal")));
        int port = freePort();
        s.url = "jdbc:mariadb://127.0.0.1:" + port + "/test";
        launch(s, "root", List.of(server, "--no-defaults", data, "--socket=" + s.folder + "/s", "--port=" + port,
            "--bind-address=127.0.0.1", "--pid-file=" + s.folder + "/pid", "--innodb-flush-log-at-trx-commit=0",
            "--innodb-buffer-pool-size=32M", "--max-connections=200"));
        return s;
    }

    private static Server startPooler(String behind) throws Exception {
        String binary = program("pgbouncer", "/usr/sbin");
        if (binary.isEmpty()) {
            Server none = new Server();
            none.missing = "there is no PgBouncer on this machine";
            return none;
        }
        Server s = prepare();
        int port = freePort();
        // A statement that the driver prepares on one server connection is not there on the next.
        s.url = "jdbc:postgresql://127.0.0.1:" + port + "/postgres?prepareThreshold=0";
        Path users = s.folder.resolve("users");
        Path settings = s.folder.resolve("ini");
        Files.writeString(users, "\"postgres\" \"\"\n");
        Files.writeString(settings, "[databases]\npostgres = host=127.0.0.1 port=" + URI.create(behind.substring(5)).getPort()
            + " dbname=postgres\n[pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = " + port + "\nunix_socket_dir =\n"
            + "auth_type = trust\nauth_file = " + users + "\nadmin_users = postgres\n"
            + "ignore_startup_parameters = extra_float_digits\npool_mode = transaction\n");
        launch(s, "postgres", List.of(binary, settings.toString()), "SELECT 1");
        return s;
    }

    private static void stop(Server s) {
        try {
            if (s.process != null) {
                new ProcessBuilder("kill", "-" + s.signal, "" + s.process.pid()).start().waitFor();
                if (!s.process.waitFor(20, TimeUnit.SECONDS)) {
                    s.process.destroyForcibly().waitFor();
                }
            }
            try (var files = Files.walk(s.folder)) {
                files.sorted(Comparator.reverseOrder()).forEach(f -> f.toFile().delete());
            }
        } catch (IOException | InterruptedException e) {
            System.err.println("a server of the tests is left: " + s.folder + ": " + e);
        }
    }
}
