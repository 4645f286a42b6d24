// SPDX-License-Identifier: Apache-2.0
package org.poolscope.agent;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.net.InetAddress;
import java.net.ServerSocket;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.SQLException;
import java.util.List;
import javax.sql.DataSource;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What an application that chose no log finds on the usual one, by default java.util.logging's, on standard error. */
class LogTest {
    @TempDir
    Path folder;

    /** Uses three pools; a fourth time one of them, in two ways. */
    static final class Shop {
        public static void main(String[] arguments) throws SQLException {
            for (String name : List.of("orders", "carts", "prices")) {
                FakePool fake = new FakePool(1);
                DataSource pool = Poolscope.instrument(fake, name);
                WithAgent.use(pool);
                if (name.equals("carts")) {
                    for (int n = 0; n < 3; n++) {
                        WithAgent.use(Poolscope.instrument(pool, "again"));
                        WithAgent.use(Poolscope.instrument(fake, "again"));
                    }
                }
                WithAgent.use(pool);
            }
            System.out.println("served at " + Poolscope.address());
        }
    }

    /** The sentences that the agent wrote. */
    private List<String> said(String expected, String... environment) throws Exception {
        ProcessBuilder builder = new ProcessBuilder(System.getProperty("java.home") + "/bin/java", "-XX:TieredStopAtLevel=1", "-cp",
            System.getProperty("java.class.path"), Shop.class.getName());
        builder.environment().keySet().removeIf(name -> name.startsWith("POOLSCOPE_") || name.equals("RUNTIME_DIRECTORY"));
        for (int i = 0; i < environment.length; i += 2) {
            builder.environment().put(environment[i], environment[i + 1]);
        }
        Path errors = folder.resolve("stderr");
        builder.redirectError(errors.toFile());
        Process process = builder.start();
        String out = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        assertEquals(0, process.waitFor(), () -> out);
        assertEquals(("served at " + expected).strip(), out.strip());
        // Each is a line with time and place, and one with level and sentence.
        List<String> lines = Files.readAllLines(errors);
        return lines.stream().filter(l -> l.startsWith("INFO: ") || l.startsWith("WARNING: ")).map(l -> l.substring(l.indexOf(' ') + 1)).toList();
    }

    @Test
    void aPortInUseIsSaidOnce() throws Exception {
        try (ServerSocket taken = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
            String address = "127.0.0.1:" + taken.getLocalPort();
            List<String> said = said("", "POOLSCOPE_LISTEN", address, "POOLSCOPE_TOKEN", "token");
            assertEquals(1, said.size(), said.toString());
            assertTrue(said.get(0).contains(address) && said.get(0).contains("in use"), said.toString());
        }
    }

    @Test
    void aPoolThatIsWatchedTwiceIsSaidOnce() throws Exception {
        String socket = folder + "/s.sock";
        List<String> said = said("pool+unix://" + socket, "POOLSCOPE_LISTEN", socket);
        assertEquals(List.of("Pool carts is watched already: the second call does nothing."), said);
    }
}
