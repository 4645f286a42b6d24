// SPDX-License-Identifier: Apache-2.0
package org.poolscope.agent;

import java.sql.SQLException;
import java.sql.SQLTimeoutException;
import java.sql.SQLTransientConnectionException;
import java.util.NoSuchElementException;

/** Which failures of an acquire are timeouts, and what is said of them. */
final class Timeouts {
    private Timeouts() {}

    /** Pools tell it in different ways; a server that refuses, or a thread that is interrupted, is something else. */
    static boolean isOne(Throwable thrown) {
        if (thrown instanceof SQLTransientConnectionException || thrown instanceof SQLTimeoutException) {
            return true;
        }
        String name = thrown.getClass().getName();
        if (name.equals("org.apache.tomcat.jdbc.pool.PoolExhaustedException")
                || name.equals("com.alibaba.druid.pool.GetConnectionTimeoutException")) {
            return true;
        }
        // DBCP: nothing came, and nothing but the pool is to blame.
        return thrown instanceof SQLException && thrown.getCause() instanceof NoSuchElementException;
    }

    private static String textOf(Throwable thrown) {
        try {
            return thrown.getMessage();
        } catch (RuntimeException | LinkageError e) { // anybody's code
            return null;
        }
    }

    static String reasonOf(Throwable thrown) {
        return sentenceOf(textOf(thrown));
    }

    /** What a pool gave as the reason: its own sentence, without the statements that Druid puts behind it. */
    static String sentenceOf(String message) {
        if (message == null) {
            return null;
        }
        int end = message.length();
        for (String behind : new String[] {", runningSqlCount", "runningSqlCount", "\n", "\r"}) {
            int at = message.indexOf(behind);
            end = at >= 0 ? Math.min(end, at) : end;
        }
        return message.substring(0, end);
    }
}
