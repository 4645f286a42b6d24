// SPDX-License-Identifier: Apache-2.0
package shop;

import com.alibaba.druid.pool.DruidDataSource;
import com.zaxxer.hikari.HikariDataSource;
import java.time.Duration;
import javax.sql.DataSource;
import org.apache.commons.dbcp2.BasicDataSource;
import org.apache.tomcat.jdbc.pool.PoolProperties;

/** Pools as their manuals make them. */
public final class Pools {
    private Pools() {}

    /** By "hikaricp", "dbcp2", "tomcat", "druid"; limits as far as each has them. */
    public static DataSource make(String kind, String url, int most, int waitMillis) {
        String user = url.startsWith("jdbc:postgresql") ? "postgres" : "root";
        switch (kind) {
            case "hikaricp":
                HikariDataSource hikari = new HikariDataSource();
                hikari.setJdbcUrl(url);
                hikari.setUsername(user);
                hikari.setMaximumPoolSize(most);
                hikari.setMinimumIdle(1);
                hikari.setConnectionTimeout(waitMillis);
                return hikari;
            case "dbcp2":
                BasicDataSource dbcp = new BasicDataSource();
                dbcp.setUrl(url);
                dbcp.setUsername(user);
                dbcp.setMaxTotal(most);
                dbcp.setMaxIdle(most);
                dbcp.setMaxWait(Duration.ofMillis(waitMillis));
                return dbcp;
            case "tomcat":
                PoolProperties properties = new PoolProperties();
                properties.setUrl(url);
                properties.setUsername(user);
                properties.setMaxActive(most);
                properties.setMaxIdle(most);
                properties.setInitialSize(1);
                properties.setMaxWait(waitMillis);
                properties.setDriverClassName(url.startsWith("jdbc:postgresql") ? "org.postgresql.Driver" : "org.mariadb.jdbc.Driver");
                return new org.apache.tomcat.jdbc.pool.DataSource(properties);
            case "druid":
                DruidDataSource druid = new DruidDataSource();
                druid.setUrl(url);
                druid.setUsername(user);
                druid.setMaxActive(most);
                druid.setMaxWait(waitMillis);
                druid.setTestWhileIdle(false);
                return druid;
            default:
                throw new IllegalArgumentException(kind);
        }
    }
}
