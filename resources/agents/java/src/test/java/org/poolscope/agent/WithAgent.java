// SPDX-License-Identifier: Apache-2.0
package org.poolscope.agent;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.nio.file.Path;
import java.sql.Connection;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import javax.sql.DataSource;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.io.TempDir;

/** A test with an agent of its own, in which nothing may fail. */
abstract class WithAgent {
    @TempDir
    Path folder;
    final List<String> logged = Collections.synchronizedList(new ArrayList<>());
    Agent agent;

    AgentOptions options() {
        return new AgentOptions().name("shop").listen(folder + "/s.sock").log(logged::add)
            .own("org.poolscope.agent.AgentTest");
    }

    Inspector attach() throws Exception {
        return Inspector.attached(Poolscope.address());
    }

    void start(AgentOptions options) throws Exception {
        Poolscope.start(options);
        agent = Poolscope.current();
    }

    @AfterEach
    void end() {
        Poolscope.close();
        Poolscope.close();
        if (agent != null) {
            assertEquals(0, agent.faults.get(), logged.toString());
        }
    }

    static void use(DataSource pool) throws SQLException {
        try (Connection c = pool.getConnection(); Statement s = c.createStatement()) {
            s.execute("SELECT 1");
        }
    }
}
