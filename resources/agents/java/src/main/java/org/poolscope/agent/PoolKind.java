// SPDX-License-Identifier: Apache-2.0
package org.poolscope.agent;

import java.net.URI;
import java.net.URISyntaxException;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import javax.sql.DataSource;

/**
 * How each kind of pool tells of itself. By reflection: none of them is needed to compile or to run.
 * Only what neither opens a connection nor starts a pool is asked. All of it may wait for a pool's
 * locks, so only the watcher's thread asks.
 */
final class PoolKind {
    /** Of the object that has the figures; "" and null: nothing tells it. */
    private record Getters(String inside, String active, String idle, String total, String pending, String max,
            String idleMin, String idleMax, String closed, String url, String name) {}

    private static final PoolKind HIKARI = new PoolKind("hikaricp",
        new Getters("getHikariPoolMXBean", "getActiveConnections", "getIdleConnections", "getTotalConnections",
            "getThreadsAwaitingConnection", "getMaximumPoolSize", "getMinimumIdle", null, "isClosed", "getJdbcUrl",
            "getPoolName"),
        "maximumPoolSize", "minimumIdle", "connectionTimeout", "validationTimeout", "idleTimeout", "maxLifetime",
        "keepaliveTime", "leakDetectionThreshold", "initializationFailTimeout");
    private static final PoolKind DBCP2 = new PoolKind("dbcp2",
        new Getters(".connectionPool", "getNumActive", "getNumIdle", null, "getNumWaiters", "getMaxTotal", "getMinIdle",
            "getMaxIdle", ".closed", ".connectionString", null),
        "maxTotal", "maxIdle", "minIdle", "initialSize", "maxWaitMillis", "maxConnLifetimeMillis",
        "minEvictableIdleTimeMillis", "timeBetweenEvictionRunsMillis", "testOnBorrow", "testOnReturn", "testWhileIdle",
        "removeAbandonedOnBorrow", "removeAbandonedOnMaintenance", "removeAbandonedTimeout", "rollbackOnReturn");
    /** A GenericObjectPool that the application put into DBCP2's plain DataSource. */
    private static final PoolKind DBCP2_PLAIN = new PoolKind("dbcp2",
        new Getters("getPool", "getNumActive", "getNumIdle", null, "getNumWaiters", "getMaxTotal", "getMinIdle",
            "getMaxIdle", null, null, null));
    private static final PoolKind DBCP1 = new PoolKind("dbcp",
        new Getters(".connectionPool", "getNumActive", "getNumIdle", null, null, "getMaxActive", "getMinIdle",
            "getMaxIdle", ".closed", ".url", null),
        "maxActive", "maxIdle", "minIdle", "initialSize", "maxWait", "testOnBorrow", "removeAbandoned");
    private static final PoolKind TOMCAT = new PoolKind("tomcat-jdbc",
        new Getters(".pool", "getActive", "getIdle", "getSize", "getWaitCount", "getMaxActive", "getMinIdle",
            "getMaxIdle", null, "getUrl", "getPoolName"),
        "maxActive", "maxIdle", "minIdle", "initialSize", "maxWait", "maxAge", "minEvictableIdleTimeMillis",
        "timeBetweenEvictionRunsMillis", "validationInterval", "testOnBorrow", "testOnReturn", "testWhileIdle",
        "removeAbandoned", "removeAbandonedTimeout");
    private static final PoolKind DRUID = new PoolKind("druid",
        new Getters("", "getActiveCount", "getPoolingCount", null, "getWaitThreadCount", "getMaxActive", "getMinIdle",
            null, "isClosed", "getUrl", null),
        "maxActive", "minIdle", "initialSize", "maxWait", "minEvictableIdleTimeMillis",
        "maxEvictableIdleTimeMillis", "timeBetweenEvictionRunsMillis", "phyTimeoutMillis", "keepAlive", "testOnBorrow",
        "testOnReturn", "testWhileIdle", "removeAbandoned", "removeAbandonedTimeoutMillis");
    private static final PoolKind OTHER = new PoolKind("datasource",
        new Getters(null, null, null, null, null, null, null, null, "isClosed", "getUrl", null));

    private static final Map<String, PoolKind> KINDS = Map.of(
        "com.zaxxer.hikari.HikariDataSource", HIKARI,
        "org.apache.commons.dbcp2.BasicDataSource", DBCP2,
        "org.apache.tomcat.dbcp.dbcp2.BasicDataSource", DBCP2, // as in the server's own JNDI pools
        "org.apache.commons.dbcp2.PoolingDataSource", DBCP2_PLAIN,
        "org.apache.commons.dbcp.BasicDataSource", DBCP1,
        "org.apache.tomcat.jdbc.pool.DataSourceProxy", TOMCAT,
        "com.alibaba.druid.pool.DruidDataSource", DRUID);

    final String name;
    private final Getters getters;
    private final String[] settings;

    private PoolKind(String name, Getters getters, String... settings) {
        this.name = name;
        this.getters = getters;
        this.settings = settings;
    }

    static PoolKind of(DataSource source) {
        for (Class<?> c = source.getClass(); c != null; c = c.getSuperclass()) {
            PoolKind kind = KINDS.get(c.getName());
            if (kind != null) {
                return kind;
            }
        }
        return OTHER;
    }

    /** The pool behind wrappers of others, as far as they tell; else the source itself. */
    static DataSource poolOf(DataSource source) {
        DataSource inner = source;
        for (int depth = 0; depth < 8 && of(inner) == OTHER; depth++) {
            if (!(Reflect.ask(inner, "getTargetDataSource") instanceof DataSource target) || target == inner) {
                return source;
            }
            inner = target;
        }
        return of(inner) == OTHER ? source : inner;
    }

    boolean tellsPending() {
        return getters.pending != null;
    }

    boolean tellsFigures() {
        return getters.active != null;
    }

    private Object inside(DataSource source) {
        return "".equals(getters.inside) ? source : Reflect.ask(source, getters.inside);
    }

    long pending(DataSource source) {
        Object pool = inside(source);
        return pool == null && tellsPending() ? 0 : Reflect.number(pool, getters.pending);
    }

    Figures figures(DataSource source) {
        if (!tellsFigures()) {
            return Figures.NONE;
        }
        Object pool = inside(source);
        if (pool == null) { // nobody has asked it for a connection yet
            return new Figures(0, 0, 0, limit(source, getters.max), Reflect.number(source, getters.idleMin),
                Reflect.number(source, getters.idleMax), tellsPending() ? 0 : LineWriter.UNKNOWN);
        }
        long active = Reflect.number(pool, getters.active);
        long idle = Reflect.number(pool, getters.idle);
        long total = Reflect.number(pool, getters.total);
        if (total < 0 && active >= 0 && idle >= 0) {
            total = active + idle;
        }
        return new Figures(active, idle, total, limit(either(pool, source, getters.max), getters.max),
            Reflect.number(either(pool, source, getters.idleMin), getters.idleMin),
            Reflect.number(either(pool, source, getters.idleMax), getters.idleMax),
            Reflect.number(pool, getters.pending));
    }

    /** How many are lent; below zero: it does not tell. */
    long active(DataSource source) {
        if (!tellsFigures()) {
            return LineWriter.UNKNOWN;
        }
        Object pool = inside(source);
        return pool == null ? 0 : Reflect.number(pool, getters.active);
    }

    /** The pool inside where it tells: its getters wait for nobody, those outside may. */
    private static Object either(Object pool, DataSource source, String getter) {
        return Reflect.ask(pool, getter) instanceof Number ? pool : source;
    }

    private static long limit(Object target, String getter) {
        if (!(Reflect.ask(target, getter) instanceof Number n)) {
            return LineWriter.UNKNOWN;
        }
        return n.longValue() < 0 ? LineWriter.UNLIMITED : n.longValue();
    }

    /** Tomcat's has no flag: one that lent, and has no pool inside, was closed. */
    boolean isClosed(DataSource source, boolean hasServed) {
        return Boolean.TRUE.equals(Reflect.ask(source, getters.closed)) || this == TOMCAT && hasServed && inside(source) == null;
    }

    String nameOf(DataSource source) {
        String own = Reflect.text(source, getters.name);
        return own.isEmpty() ? name : own;
    }

    /** Names and values in turn, of what is a number or a flag: nothing that could be secret. */
    String[] config(DataSource source) {
        List<String> list = new ArrayList<>();
        for (String setting : settings) {
            String bean = Character.toUpperCase(setting.charAt(0)) + setting.substring(1);
            Object value = Reflect.ask(source, "get" + bean);
            if (value == null) {
                value = Reflect.ask(source, "is" + bean);
            }
            boolean isOff = setting.equals("leakDetectionThreshold") && value instanceof Number n && n.longValue() == 0;
            if (!isOff && (value instanceof Number || value instanceof Boolean)) {
                list.add(setting);
                list.add(value.toString());
            }
        }
        return list.toArray(new String[0]);
    }

    String databaseOf(DataSource source) {
        for (String getter : new String[] {getters.url, "getUrl", "getURL", "getJdbcUrl"}) {
            String url = Reflect.text(source, getter);
            if (!url.isEmpty()) {
                return withoutSecrets(url);
            }
        }
        return "";
    }

    /** Scheme, hosts and path; no user, no parameters. What is not surely free of both is left out. */
    static String withoutSecrets(String jdbcUrl) {
        String url = jdbcUrl.startsWith("jdbc:") ? jdbcUrl.substring(5) : jdbcUrl;
        int end = 0;
        while (end < url.length() && "?;&# \t".indexOf(url.charAt(end)) < 0) {
            end++;
        }
        if (url.indexOf('@', end) >= 0) { // the cut may have been in a password
            return "";
        }
        url = url.substring(0, end);
        try {
            URI uri = new URI(url);
            if (uri.getPath() != null && uri.getPath().indexOf('@') >= 0) { // as may the slash
                return "";
            }
            if (uri.getHost() != null && uri.getScheme() != null) {
                return new URI(uri.getScheme(), null, uri.getHost(), uri.getPort(), uri.getPath(), null, null).toString();
            }
        } catch (URISyntaxException e) {
            return "";
        }
        // Several hosts, say.
        String host = "[A-Za-z0-9._-]+(:[0-9]+)?";
        return url.matches("[A-Za-z0-9:+.-]+//" + host + "(," + host + ")*(/[A-Za-z0-9_./-]*)?") ? url : "";
    }
}
