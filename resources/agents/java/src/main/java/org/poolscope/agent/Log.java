// SPDX-License-Identifier: Apache-2.0
package org.poolscope.agent;

import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;

/** What the agent says: to whom the application chose, else to the System.Logger. */
final class Log {
    private static final long BETWEEN = TimeUnit.SECONDS.toNanos(10);

    private final Consumer<String> chosen;
    private final Gate refusals = new Gate();
    private final Gate abandoned = new Gate();

    /** Lets a sentence through in ten seconds, and counts the others. */
    private static final class Gate {
        private boolean told;
        private long at;
        private int untold;

        /** How many were not told since the last; below zero: not now. */
        synchronized int pass() {
            long now = System.nanoTime();
            if (told && now - at < BETWEEN) {
                untold++;
                return -1;
            }
            int before = untold;
            told = true;
            at = now;
            untold = 0;
            return before;
        }
    }

    Log(Consumer<String> chosen) {
        this.chosen = chosen;
    }

    void say(String sentence) {
        say(System.Logger.Level.INFO, sentence);
    }

    private void say(System.Logger.Level level, String sentence) {
        try {
            if (chosen != null) {
                chosen.accept(sentence);
            } else {
                System.getLogger("org.poolscope.agent").log(level, () -> sentence); // no patterns in it
            }
        } catch (Throwable e) { // what the application's logger throws is not the pool's trouble
            return;
        }
    }

    /** Whoever reaches the socket can cause them. */
    void refusal(String sentence) {
        int before = refusals.pass();
        if (before >= 0) {
            say(sentence + (before > 0 ? " Since the last such line " + before + " more were refused." : ""));
        }
    }

    void abandoned(String sentence) {
        int before = abandoned.pass();
        if (before >= 0) {
            say(System.Logger.Level.WARNING, sentence + (before > 0 ? " " + before + " more since the last such line." : ""));
        }
    }

    /** The main class's simple name, or the jar's. */
    static String programName() {
        String command = System.getProperty("sun.java.command", "").strip();
        int end = command.indexOf(' ');
        String main = end < 0 ? command : command.substring(0, end);
        String name = main.substring(main.lastIndexOf('/') + 1);
        name = name.endsWith(".jar") ? name.substring(0, name.length() - 4) : name.substring(name.lastIndexOf('.') + 1);
        return name.isEmpty() ? "java" : name;
    }

    /** Without control characters, and not longer than that. */
    static String plain(String text, int most) {
        StringBuilder out = new StringBuilder();
        int bytes = 0;
        for (int c : text.codePoints().toArray()) {
            bytes += c < 0x80 ? 1 : c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
            if (bytes > most) {
                break;
            }
            out.appendCodePoint(c < 0x20 || c == 0x7F ? ' ' : c);
        }
        return out.length() == 0 ? "pool" : out.toString();
    }
}
