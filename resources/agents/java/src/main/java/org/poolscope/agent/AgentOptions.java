// SPDX-License-Identifier: Apache-2.0
package org.poolscope.agent;

import java.util.ArrayList;
import java.util.List;
import java.util.function.Consumer;

/**
 * Settings of the process's one agent, for {@link Poolscope#start}. What is not set says the
 * environment, or a default. Not for several threads at once.
 */
public final class AgentOptions {
    String name = "";
    String listen = "";
    String token = "";
    String group = "";
    String stacks = "";
    int stackDepth = Limits.FRAMES;
    final List<String> own = new ArrayList<>();
    Consumer<String> log;

    int ringEvents = 16 << 10; // for tests, as the others below
    int peerBytes = 8 << 20; // that may wait for one inspector before its events are dropped
    int drainMillis = 10;
    int statsMillis = 1000;
    int watchMillis = 100;
    int authMillis = 5000;
    int stallMillis = 30_000;

    /** Of the process, in hello and in the socket's name. Default: the main class's. */
    public AgentOptions name(String value) {
        name = orEmpty(value);
        return this;
    }

    /**
     * As POOLSCOPE_LISTEN: "unix:/path", "/path", "host:port", "off". Default: what that variable
     * says, else a Unix socket in the first usable folder.
     */
    public AgentOptions listen(String value) {
        listen = orEmpty(value);
        return this;
    }

    /** For TCP. Default: what POOLSCOPE_TOKEN says. */
    public AgentOptions token(String value) {
        token = orEmpty(value);
        return this;
    }

    /** Of the operating system, whose members may attach to the Unix socket. Default: nobody but the user, and root. */
    public AgentOptions group(String value) {
        group = orEmpty(value);
        return this;
    }

    /** "off", "sampled", "always" or "near_exhaustion". Default: what POOLSCOPE_STACKS says, else "always". */
    public AgentOptions stacks(String value) {
        stacks = orEmpty(value);
        return this;
    }

    /** How many frames of a stack are told, 1 to 64. Default: 64. */
    public AgentOptions stackDepth(int frames) {
        stackDepth = Math.max(1, Math.min(frames, Limits.FRAMES));
        return this;
    }

    /** Prefixes of class names whose frames are the application's, though the agent would take them for a library's. */
    public AgentOptions own(String... prefixes) {
        own.addAll(List.of(prefixes));
        return this;
    }

    /**
     * Gets a sentence for every attach, detach and failure, and at most one in ten seconds for
     * refusals. Default: the System.Logger "org.poolscope.agent".
     */
    public AgentOptions log(Consumer<String> value) {
        log = value;
        return this;
    }

    private static String orEmpty(String value) {
        return value == null ? "" : value;
    }
}
