// SPDX-License-Identifier: Apache-2.0
package org.poolscope.agent;

import static org.junit.jupiter.api.Assertions.assertEquals;

import com.alibaba.druid.pool.DruidDataSource;
import com.zaxxer.hikari.HikariDataSource;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import javax.sql.DataSource;
import org.apache.commons.dbcp2.BasicDataSource;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import shop.Pools;

/** What a pool is set to, in its own names, and what "poolscope check" says of that. */
class SettingsTest extends WithAgent {
    private final List<DataSource> pools = new ArrayList<>();

    @AfterEach
    void closePools() throws Exception {
        for (DataSource pool : pools) {
            pool.getClass().getMethod("close").invoke(pool);
        }
    }

    private DataSource make(String kind, int waitMillis) throws Exception {
        DataSource pool = Pools.make(kind, Servers.postgres(), 7, waitMillis);
        pools.add(pool);
        return pool;
    }

    /** Sets everything to something that it is not by default. */
    private static Map<String, String> set(DataSource pool) {
        if (pool instanceof HikariDataSource hikari) {
            hikari.setMinimumIdle(3);
            hikari.setValidationTimeout(1500);
            hikari.setIdleTimeout(60_000);
            hikari.setMaxLifetime(120_000);
            hikari.setKeepaliveTime(45_000);
            hikari.setLeakDetectionThreshold(30_000);
            hikari.setInitializationFailTimeout(2);
            return Map.of("maximumPoolSize", "7", "minimumIdle", "3", "connectionTimeout", "2500", "validationTimeout", "1500",
                "idleTimeout", "60000", "maxLifetime", "120000", "keepaliveTime", "45000", "leakDetectionThreshold", "30000",
                "initializationFailTimeout", "2");
        }
        Map<String, String> told = new TreeMap<>(Map.of("minIdle", "2", "initialSize", "1", "minEvictableIdleTimeMillis", "60000",
            "timeBetweenEvictionRunsMillis", "30000", "testOnReturn", "true", "testWhileIdle", "true"));
        if (pool instanceof BasicDataSource dbcp) {
            dbcp.setMaxIdle(4);
            dbcp.setMinIdle(2);
            dbcp.setInitialSize(1);
            dbcp.setMaxConn(Duration.ofMinutes(2));
            dbcp.setMinEvictableIdle(Duration.ofMinutes(1));
            dbcp.setDurationBetweenEvictionRuns(Duration.ofSeconds(30));
            dbcp.setTestOnBorrow(false);
            dbcp.setTestOnReturn(true);
            dbcp.setTestWhileIdle(true);
            dbcp.setRemoveAbandonedOnBorrow(true);
            dbcp.setRemoveAbandonedOnMaintenance(true);
            dbcp.setRemoveAbandonedTimeout(Duration.ofSeconds(60));
            dbcp.setRollbackOnReturn(false);
            told.putAll(Map.of("maxTotal", "7", "maxIdle", "4", "maxWaitMillis", "2500", "maxConnLifetimeMillis", "120000",
                "testOnBorrow", "false", "removeAbandonedOnBorrow", "true", "removeAbandonedOnMaintenance", "true",
                "removeAbandonedTimeout", "60", "rollbackOnReturn", "false"));
        } else if (pool instanceof org.apache.tomcat.jdbc.pool.DataSource tomcat) {
            tomcat.setMaxIdle(4);
            tomcat.setMinIdle(2);
            tomcat.setMaxAge(120_000);
            tomcat.setMinEvictableIdleTimeMillis(60_000);
            tomcat.setTimeBetweenEvictionRunsMillis(30_000);
            tomcat.setValidationInterval(1500);
            tomcat.setTestOnBorrow(true);
            tomcat.setTestOnReturn(true);
            tomcat.setTestWhileIdle(true);
            tomcat.setRemoveAbandoned(true);
            tomcat.setRemoveAbandonedTimeout(45);
            told.putAll(Map.of("maxActive", "7", "maxIdle", "4", "maxWait", "2500", "maxAge", "120000", "validationInterval", "1500",
                "testOnBorrow", "true", "removeAbandoned", "true", "removeAbandonedTimeout", "45"));
        } else if (pool instanceof DruidDataSource druid) {
            druid.setMinIdle(2);
            druid.setInitialSize(1);
            druid.setMaxEvictableIdleTimeMillis(90_000);
            druid.setMinEvictableIdleTimeMillis(60_000);
            druid.setTimeBetweenEvictionRunsMillis(30_000);
            druid.setPhyTimeoutMillis(120_000);
            druid.setKeepAlive(true);
            druid.setKeepAliveBetweenTimeMillis(45_000);
            druid.setTestOnBorrow(true);
            druid.setTestOnReturn(true);
            druid.setTestWhileIdle(true);
            druid.setRemoveAbandoned(true);
            druid.setRemoveAbandonedTimeoutMillis(45_000);
            told.putAll(Map.of("maxActive", "7", "maxWait", "2500", "maxEvictableIdleTimeMillis", "90000", "phyTimeoutMillis", "120000",
                "keepAlive", "true", "testOnBorrow", "true", "removeAbandoned", "true", "removeAbandonedTimeoutMillis", "45000"));
        }
        return told;
    }

    @ParameterizedTest
    @ValueSource(strings = {"hikaricp", "dbcp2", "tomcat", "druid"})
    void settingsAreToldByThePoolsOwnNames(String kind) throws Exception {
        start(options());
        DataSource raw = make(kind, 2500);
        Map<String, String> set = set(raw);
        DataSource pool = Poolscope.instrument(raw, "orders");
        pool.getConnection().close();
        try (Inspector i = attach()) {
            Map<String, Object> info = Inspector.object(((List<?>) i.hello.get("pools")).get(0));
            assertEquals(new TreeMap<>(set).toString(), new TreeMap<>(Inspector.object(info.get("config"))).toString());
        }
    }

    private List<Map<String, Object>> check() throws Exception {
        Path trouble = folder.resolve("poolscope.stderr");
        ProcessBuilder builder = new ProcessBuilder(System.getenv("POOLSCOPE_BIN"), "check", "--json", "--caller-timeout", "30s",
            Poolscope.address()).redirectError(trouble.toFile());
        builder.environment().put("QT_QPA_PLATFORM", "offscreen");
        Process p = builder.start();
        String out = new String(p.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        assertEquals(0, p.waitFor(), out + Files.readString(trouble));
        List<Map<String, Object>> list = new ArrayList<>();
        ((List<?>) Json.read(out)).forEach(each -> list.add(Inspector.object(each)));
        return list;
    }

    /** One mistake of each pool, and the same pool without it. */
    @ParameterizedTest
    @CsvSource({"hikaricp, acquire_timeout_over_caller, connectionTimeout, 60000, 5000", "dbcp2, no_acquire_timeout, maxWaitMillis, -1, 5000",
        "tomcat, abandoned_closes_busy, removeAbandoned, true, false", "druid, no_acquire_timeout, maxWait, -1, 5000"})
    void whatCheckFinds(String kind, String rule, String setting, String value, String proposed) throws Exception {
        Assumptions.assumeTrue(System.getenv("POOLSCOPE_BIN") != null, "POOLSCOPE_BIN does not name the program");
        start(options());
        DataSource wrong = make(kind, kind.equals("tomcat") ? 5000 : Integer.parseInt(value));
        if (wrong instanceof org.apache.tomcat.jdbc.pool.DataSource tomcat) {
            tomcat.setRemoveAbandoned(true);
        }
        DataSource right = Poolscope.instrument(make(kind, 5000), "right");
        Poolscope.instrument(wrong, "wrong").getConnection().close();
        right.getConnection().close();
        List<Map<String, Object>> found = check().stream().filter(f -> rule.equals(f.get("rule"))).toList();
        assertEquals(1, found.size(), found.toString());
        Map<String, Object> one = found.get(0);
        assertEquals(List.of("wrong", setting, value, proposed),
            List.of(one.get("pool"), one.get("setting"), one.get("value"), one.get("proposed")), one.toString());
    }
}
