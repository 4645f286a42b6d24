// SPDX-License-Identifier: Apache-2.0
package org.poolscope.agent;

import java.io.IOException;
import java.lang.reflect.Proxy;
import java.sql.Connection;
import java.time.Duration;
import java.util.concurrent.Callable;
import javax.sql.DataSource;

/**
 * Lets Poolscope attach to a running application and see who holds the connections of its pools, since
 * when and from which line.
 *
 * <pre>DataSource orders = Poolscope.instrument(hikari, "orders");</pre>
 *
 * Nothing about the pool changes. Until an inspector attaches the agent costs little more than noting the
 * stack of each checkout; what an inspector cannot take fast enough is dropped and counted. All methods
 * may be called by any thread, and none but {@link #start} throws.
 */
public final class Poolscope {
    private static final Object LOCK = new Object();
    private static Agent agent;

    private Poolscope() {}

    /**
     * A data source that lends what the given one lends, and tells the agent. Use it in place of the
     * given one. It starts the agent if nobody did; where that cannot be the log says why, and the given
     * one comes back as it is. One that is instrumented already stays as it is.
     */
    public static DataSource instrument(DataSource pool, String name) {
        return instrument(pool, new PoolOptions().name(name));
    }

    /** The same, under the pool's own name. */
    public static DataSource instrument(DataSource pool) {
        return instrument(pool, new PoolOptions());
    }

    /** The same, with more to choose. */
    public static DataSource instrument(DataSource pool, PoolOptions options) {
        if (pool instanceof TrackedDataSource known) {
            known.pool.agent.sayAgain(known.pool);
        }
        if (pool == null || pool instanceof TrackedDataSource) {
            return pool;
        }
        Agent now = null;
        try {
            now = current();
            return now.isOff() ? pool : now.instrument(pool, options == null ? new PoolOptions() : options);
        } catch (Throwable trouble) { // whatever it is: the application gets its pool
            if (now != null) {
                now.fault(trouble);
            }
            return pool;
        }
    }

    /**
     * Gives every checkout that this thread makes tags, until the scope is closed: names and values in
     * turn, at most 16; names are cut at 64 bytes, values at 256.
     */
    public static Scope tags(String... namesAndValues) {
        return Scope.ofTags(namesAndValues);
    }

    /** Says who acquires, until the scope is closed: a user, a handler, a job. At most 128 bytes. */
    public static Scope by(String who) {
        return Scope.ofBy(who);
    }

    /** Says how long a checkout may honestly take: until then it is a long operation, not a suspected leak. */
    public static Scope expected(Duration duration) {
        return Scope.ofExpected(duration);
    }

    /** Work for another thread, with the tags and all that this thread has now. */
    public static <T> Callable<T> carrying(Callable<T> work) {
        return Scope.carrying(work);
    }

    /** Says of a connection that its holder is alive and goes on. Of others' connections: nothing. */
    public static void beat(Connection connection) {
        if (connection instanceof Holder holder) {
            holder.beat();
        } else if (connection != null && Proxy.isProxyClass(connection.getClass())
                && Proxy.getInvocationHandler(connection) instanceof Holder holder) {
            holder.beat();
        }
    }

    /**
     * Starts the agent with other options than the environment's; before the first pool is instrumented.
     *
     * @throws IOException why it cannot listen: pools work all the same, without an agent
     * @throws IllegalStateException the agent runs already
     */
    public static void start(AgentOptions options) throws IOException {
        Agent fresh;
        IOException refused = null;
        synchronized (LOCK) {
            if (agent != null) {
                throw new IllegalStateException("Poolscope's agent runs already");
            }
            fresh = new Agent(options);
            agent = fresh;
            try {
                fresh.begin();
            } catch (IOException e) {
                refused = e;
            }
        }
        fresh.sayLater();
        if (refused != null) {
            throw refused;
        }
    }

    /**
     * Lets inspectors go, ends the agent and removes its socket. Pools go on without; those that are
     * instrumented after it get a new agent. For whoever unloads an application and goes on; the end of
     * the virtual machine does it by itself.
     */
    public static void close() {
        Agent ended;
        synchronized (LOCK) {
            ended = agent;
            agent = null;
        }
        if (ended != null) {
            ended.close();
        }
    }

    /** Where the agent listens: "pool+unix:///…/4242-shop.sock", "pool://127.0.0.1:7007"; empty: nowhere. */
    public static String address() {
        synchronized (LOCK) {
            return agent == null ? "" : agent.address();
        }
    }

    static Agent current() {
        Agent fresh;
        Throwable refused = null;
        synchronized (LOCK) {
            if (agent != null) {
                return agent;
            }
            fresh = new Agent(new AgentOptions());
            agent = fresh;
            try {
                fresh.begin();
            } catch (Throwable e) { // the virtual machine ends, or has no thread left: then there is no agent
                refused = e;
            }
        }
        fresh.sayLater(); // the logger is the application's, and may take its time
        if (refused != null) {
            fresh.say(refused instanceof IOException ? refused.getMessage() : "The agent cannot start: " + refused);
        }
        return fresh;
    }
}
