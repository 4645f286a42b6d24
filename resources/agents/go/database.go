// SPDX-License-Identifier: Apache-2.0

package poolscope

import (
	"net/url"
	"regexp"
	"strings"
)

var (
	mysqlDSN = regexp.MustCompile(`^(?:.*@)?(?:([a-zA-Z0-9]*)(?:\(([^()]*)\))?)?/([^/?]*)(?:\?.*)?$`)
	keyword  = regexp.MustCompile(`(?:^|\s)([a-z_]+)\s*=\s*('(?:[^'\\]|\\.)*'|[^'\s]\S*)`)
)

// databaseOf is the scheme, host, port and database of a data source name: never its user, password or
// parameters. Empty where the name is of no form that it knows.
func databaseOf(driverName, dsn string) string {
	if strings.Contains(dsn, "://") {
		u, err := url.Parse(dsn)
		if err != nil || u.Host == "" {
			return ""
		}
		return (&url.URL{Scheme: u.Scheme, Host: u.Host, Path: u.Path}).String()
	}
	switch driverName {
	case "mysql":
		m := mysqlDSN.FindStringSubmatch(dsn)
		if m == nil {
			return ""
		}
		host := m[2]
		if m[1] == "unix" {
			host = "localhost"
		} else if host == "" {
			host = "127.0.0.1:3306"
		}
		return (&url.URL{Scheme: "mysql", Host: host, Path: "/" + m[3]}).String()
	case "postgres", "pgx":
		return postgresKeywords(dsn)
	}
	return ""
}

func postgresKeywords(dsn string) string {
	values := map[string]string{}
	for _, m := range keyword.FindAllStringSubmatch(dsn, -1) {
		values[m[1]] = strings.Trim(m[2], "'")
	}
	host := values["host"]
	if host == "" || strings.HasPrefix(host, "/") {
		host = "localhost"
	}
	if port := values["port"]; port != "" {
		host += ":" + port
	}
	if len(values) == 0 {
		return ""
	}
	return (&url.URL{Scheme: "postgresql", Host: host, Path: "/" + values["dbname"]}).String()
}
