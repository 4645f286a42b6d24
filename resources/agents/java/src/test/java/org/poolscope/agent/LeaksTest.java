// SPDX-License-Identifier: Apache-2.0
package org.poolscope.agent;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.concurrent.TimeUnit;
import java.util.stream.Collectors;
import javax.tools.ToolProvider;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Small applications with mistakes, in real pools on real servers, seen by the program "poolscope". */
class LeaksTest {
    /** How many leaks each mistake makes; all else is right and makes none. */
    private static final Map<String, Integer> EXPECTED = Map.of("never-closed", 1, "early-return", 1, "exception", 1,
        "transaction", 1, "loop", 3, "dropped", 1);

    @TempDir
    Path folder;
    private Process application;

    @BeforeEach
    void needsTheProgram() {
        Assumptions.assumeTrue(System.getenv("POOLSCOPE_BIN") != null, "POOLSCOPE_BIN does not name the program");
    }

    @AfterEach
    void end() throws Exception {
        if (application != null) {
            application.getOutputStream().close();
            if (!application.waitFor(10, TimeUnit.SECONDS)) {
                application.destroyForcibly().waitFor();
            }
        }
    }

    private static String url(String server) throws Exception {
        return server.equals("mariadb") ? Servers.mariadb() : Servers.postgres();
    }

    /** Starts a main class; the result is the agent's address, as one finds it in the runtime directory. */
    private String start(String classPath, String main, String... arguments) throws Exception {
        List<String> command = new ArrayList<>(List.of(System.getProperty("java.home") + "/bin/java", "-Xmx128m",
            "-XX:TieredStopAtLevel=1", "-cp", classPath, main));
        command.addAll(List.of(arguments));
        ProcessBuilder builder = new ProcessBuilder(command);
        Path trouble = folder.resolve("stderr");
        builder.redirectError(trouble.toFile());
        builder.environment().keySet().removeIf(name -> name.startsWith("POOLSCOPE_") || name.equals("RUNTIME_DIRECTORY"));
        Path runtime = Files.createDirectories(folder.resolve("run"));
        builder.environment().put("XDG_RUNTIME_DIR", runtime.toString());
        application = builder.start();
        BufferedReader out = new BufferedReader(new InputStreamReader(application.getInputStream(), StandardCharsets.UTF_8));
        String line = out.readLine();
        while (line != null && !line.equals("ready")) { // pools write there too
            line = out.readLine();
        }
        assertEquals("ready", line, () -> "the application failed: " + read(trouble));
        try (var sockets = Files.list(runtime.resolve("poolscope"))) {
            List<Path> all = sockets.toList();
            String name = main.substring(main.lastIndexOf('.') + 1);
            assertEquals(List.of(application.pid() + "-" + name + ".sock"), all.stream().map(p -> p.getFileName().toString()).toList());
            return "pool+unix://" + all.get(0);
        }
    }

    private static String read(Path file) {
        try {
            return Files.readString(file);
        } catch (IOException e) {
            return e.toString();
        }
    }

    private List<Map<String, Object>> ask(String verb, String address, String... more) throws Exception {
        List<String> command = new ArrayList<>(List.of(System.getenv("POOLSCOPE_BIN"), verb, "--json", address));
        command.addAll(List.of(more));
        Path trouble = folder.resolve("poolscope.stderr");
        ProcessBuilder builder = new ProcessBuilder(command).redirectError(trouble.toFile());
        builder.environment().put("QT_QPA_PLATFORM", "offscreen");
        Process p = builder.start();
        String out = new String(p.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        assertEquals(0, p.waitFor(), () -> out + read(trouble));
        List<Map<String, Object>> list = new ArrayList<>();
        ((List<?>) Json.read(out)).forEach(each -> list.add(Inspector.object(each)));
        return list;
    }

    /** The line that is marked with "// leaks: name". */
    private static long lineOf(Path source, String name) throws IOException {
        List<String> lines = Files.readAllLines(source);
        for (int i = 0; i < lines.size(); i++) {
            if (lines.get(i).endsWith("// leaks: " + name)) {
                return i + 1;
            }
        }
        throw new IOException("no line of " + source + " is marked with " + name);
    }

    private static Map<String, Object> ownFrame(Map<String, Object> leak) {
        for (Object frame : (List<?>) leak.get("stack")) {
            if (Boolean.TRUE.equals(Inspector.object(frame).get("own"))) {
                return Inspector.object(frame);
            }
        }
        return null;
    }

    private static Map<String, Integer> expectedOf(String kind) {
        Map<String, Integer> expected = new TreeMap<>(EXPECTED);
        if (kind.equals("tomcat")) {
            expected.put("by-result", 1);
        }
        return expected;
    }

    @ParameterizedTest
    @CsvSource({"hikaricp, postgres", "hikaricp, mariadb", "dbcp2, postgres", "dbcp2, mariadb", "tomcat, postgres", "druid, mariadb"})
    void everyMistakeIsNamedByItsLineAndNothingElse(String kind, String server) throws Exception {
        Path source = Path.of("src/test/java/shop/Leaks.java");
        String address = start(System.getProperty("java.class.path"), "shop.Leaks", kind, url(server));
        List<Map<String, Object>> leaks = ask("leaks", address, "--leak-after", "500ms", "--for", "1500ms");
        Map<String, Integer> expected = expectedOf(kind);
        Map<String, Integer> found = new TreeMap<>();
        for (Map<String, Object> leak : leaks) {
            String route = (String) Inspector.object(leak.get("tags")).get("route");
            String name = route.substring(1);
            found.merge(name, 1, Integer::sum);
            assertTrue(expected.containsKey(name), leak.toString());
            assertEquals(Map.of("route", route, "tenant", "fr\u00fch"), leak.get("tags"));
            assertEquals("checkout", leak.get("kind"));
            assertEquals("shop", leak.get("pool"));
            assertEquals("handler", leak.get("acquired_by"));
            assertTrue(leak.get("server_pid") instanceof Long pid && pid > 0, leak.toString());
            Map<String, Object> own = ownFrame(leak);
            assertNotNull(own, leak.toString());
            assertEquals("shop/Leaks.java:" + lineOf(source, name), own.get("file") + ":" + own.get("line"), leak.toString());
        }
        assertEquals(expected, found);
        // The pool's own figures agree: the mistakes and the busy one.
        Map<String, Object> pool = ask("pools", address).get(0);
        assertEquals(expected.values().stream().mapToLong(n -> n).sum() + 1, pool.get("used"), pool.toString());
        assertEquals(20L, pool.get("max"));
        assertEquals(0L, pool.get("pending"));
        long busy = ask("checkouts", address).stream()
            .filter(c -> "/busy".equals(Inspector.object(c.get("tags")).get("route"))).count();
        assertEquals(1, busy);
    }

    /**
     * A pool that a mistake exhausts is told with that cause and the line; of what is done right, in pools that
     * others want connections of as well, nothing is said.
     */
    @ParameterizedTest
    @CsvSource({"hikaricp, postgres", "dbcp2, mariadb", "tomcat, postgres", "druid, mariadb"})
    void whatExhaustsAPoolIsToldWithItsLine(String kind, String server) throws Exception {
        Path source = Path.of("src/test/java/shop/Leaks.java");
        String address = start(System.getProperty("java.class.path"), "shop.Leaks", kind, url(server), "apart");
        List<Map<String, Object>> told = ask("diagnose", address, "--leak-after", "2s", "--critical-after", "10m", "--for", "12s");
        Set<String> found = new TreeSet<>();
        for (Map<String, Object> each : told) {
            String name = (String) each.get("pool");
            found.add(name);
            assertEquals("leak, high, []", each.get("cause") + ", " + each.get("confidence") + ", " + each.get("candidates"), each.toString());
            String place = expectedOf(kind).containsKey(name) ? " at Leaks.java:" + lineOf(source, name) + " " : "right";
            assertTrue(((String) each.get("sentence")).contains(place), each.toString());
        }
        assertEquals(expectedOf(kind).keySet(), found);
    }

    /** What is prepared again and again and never closed, beside what is closed, and what is kept for reuse. */
    @ParameterizedTest
    @CsvSource({"tomcat, postgres", "hikaricp, mariadb"})
    void statementsThatAreNeverClosedAreNamedByLine(String kind, String server) throws Exception {
        Path source = Path.of("src/test/java/shop/Prepares.java");
        String address = start(System.getProperty("java.class.path"), "shop.Prepares", kind, url(server));
        List<Map<String, Object>> leaks = ask("leaks", address, "--leak-after", "10s", "--for", "30s");
        assertEquals(1, leaks.size(), leaks.toString());
        Map<String, Object> leak = leaks.get(0);
        assertEquals("statement", leak.get("kind"), leak.toString());
        assertEquals("shop", leak.get("pool"));
        Map<String, Object> own = ownFrame(leak);
        assertEquals("shop/Prepares.java:" + lineOf(source, "statements"), own.get("file") + ":" + own.get("line"), leak.toString());
    }

    /** More work than connections: a leak is told from a load spike and from slow statements. */
    @ParameterizedTest
    @CsvSource({"slow, hikaricp, postgres", "spike, hikaricp, postgres", "leak, hikaricp, postgres", "slow, dbcp2, mariadb",
        "spike, dbcp2, mariadb", "leak, dbcp2, mariadb"})
    void exhaustionIsNotALeakOfItself(String storm, String kind, String server) throws Exception {
        String address = start(System.getProperty("java.class.path"), "shop.Storm", kind, url(server), storm);
        boolean slow = storm.equals("slow");
        // Slow ones are held past a threshold that is shorter than they are: they work, and so they are no leak.
        List<Map<String, Object>> leaks = ask("leaks", address, "--leak-after", slow ? "500ms" : "3s", "--for", slow ? "2s" : "4s");
        long line = lineOf(Path.of("src/test/java/shop/Storm.java"), storm.equals("leak") ? "storm" : "work");
        for (Map<String, Object> leak : leaks) {
            assertEquals(line, ownFrame(leak).get("line"));
        }
        assertEquals(storm.equals("leak") ? 3 : 0, leaks.size(), leaks.toString());
        for (Map<String, Object> held : slow ? ask("checkouts", address) : List.<Map<String, Object>>of()) {
            assertEquals(line, ownFrame(held).get("line"), held.toString());
        }
        // The pool is exhausted, and only the one that leaks by a leak.
        List<Map<String, Object>> told = ask("diagnose", address, "--leak-after", "2s", "--critical-after", "10m", "--for", "8s");
        assertEquals(1, told.size(), told.toString());
        if (storm.equals("leak")) {
            assertEquals("leak, high", told.get(0).get("cause") + ", " + told.get(0).get("confidence"), told.toString());
            assertTrue(((String) told.get(0).get("sentence")).contains(" at Storm.java:" + line + " "), told.toString());
        } else {
            assertNotEquals("leak", told.get(0).get("cause"), told.toString());
        }
        Map<String, Object> pool = ask("pools", address).get(0);
        assertEquals("3 of 3", pool.get("used") + " of " + pool.get("max"), pool.toString());
        long pending = (Long) pool.get("pending");
        assertTrue(pending >= 7 && pending <= 12, pool.toString());
        // Only where connections come back have some waited and got one.
        assertEquals(!storm.equals("leak"), (Long) pool.get("wait_count") > 3, pool.toString());
    }

    /** The lines that users paste, from the very files that they see. */
    @ParameterizedTest
    @CsvSource({"hikaricp, hikaricp, com.zaxxer.hikari.HikariDataSource hikari, postgres",
        "dbcp2, dbcp2, org.apache.commons.dbcp2.BasicDataSource dbcp, postgres",
        "tomcat, tomcat, org.apache.tomcat.jdbc.pool.DataSource tomcat, postgres",
        "druid, druid, com.alibaba.druid.pool.DruidDataSource druid, mariadb",
        "datasource, hikaricp, javax.sql.DataSource pool, mariadb"})
    void thePastedLinesWork(String lines, String kind, String variable, String server) throws Exception {
        String text = Files.readString(Path.of("lines", lines + ".txt"));
        assertTrue(Files.readString(Path.of("README.md")).contains(text.replace("@POOL@", "orders")), "the README has other lines");
        List<String> pasted = text.replace("@POOL@", "orders").lines().toList();
        String imports = pasted.stream().filter(l -> l.startsWith("import ")).collect(Collectors.joining("\n"));
        String rest = pasted.stream().filter(l -> !l.startsWith("import ")).collect(Collectors.joining("\n        "));
        Path source = folder.resolve("Orders.java");
        Files.writeString(source, imports + "\npublic class Orders {\n"
            + "    static java.sql.Connection kept;\n"
            + "    public static void main(String[] args) throws Exception {\n"
            + "        " + variable + " = (" + variable.substring(0, variable.indexOf(' ')) + ") shop.Pools.make(args[0], args[1], 5, 1000);\n"
            + "        " + rest + "\n"
            + "        kept = dataSource.getConnection(); // leaks: pasted\n"
            + "        System.out.println(\"ready\");\n"
            + "        while (System.in.read() >= 0) { }\n"
            + "        System.exit(0);\n"
            + "    }\n}\n");
        String classPath = System.getProperty("java.class.path");
        assertEquals(0, ToolProvider.getSystemJavaCompiler().run(null, null, null, "-proc:none", "-cp", classPath, "-d",
            folder.toString(), source.toString()));
        String address = start(folder + ":" + classPath, "Orders", kind, url(server));
        List<Map<String, Object>> leaks = ask("leaks", address, "--leak-after", "200ms", "--for", "700ms");
        assertEquals(1, leaks.size(), leaks.toString());
        assertEquals("orders", leaks.get(0).get("pool"));
        Map<String, Object> own = ownFrame(leaks.get(0));
        String line = "Orders.java:" + lineOf(source, "pasted");
        assertEquals(line, own.get("file") + ":" + own.get("line"));
        if (lines.equals("hikaricp")) {
            theWindowNames(line);
        }
    }

    /** Attaches Poolscope's window, by its dialog, to the application that runs. */
    private void theWindowNames(String line) throws Exception {
        String window = System.getenv("POOLSCOPE_WINDOW");
        if (window == null || window.isEmpty()) {
            return; // a build without a window
        }
        Path trouble = folder.resolve("window.stderr");
        ProcessBuilder builder = new ProcessBuilder(window, String.valueOf(application.pid()), line)
            .redirectError(trouble.toFile()).redirectOutput(ProcessBuilder.Redirect.DISCARD);
        builder.environment().remove("RUNTIME_DIRECTORY");
        builder.environment().put("XDG_RUNTIME_DIR", folder.resolve("run").toString());
        builder.environment().put("QT_QPA_PLATFORM", "offscreen");
        assertEquals(0, builder.start().waitFor(), () -> read(trouble));
    }
}
