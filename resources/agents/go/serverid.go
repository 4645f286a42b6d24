// SPDX-License-Identifier: Apache-2.0

package poolscope

import (
	"context"
	"database/sql/driver"
	"net"
	"reflect"
	"strconv"
	"strings"
	"unsafe"
)

// driverKind is a driver of which the agent knows how to ask for the server's process or connection id.
type driverKind struct {
	dialect  dialect
	name     string
	query    string // once a connection; empty: the driver tells without
	pgx      bool
	pq       bool
	hasPorts bool
}

// kindOf looks at the driver's package, so that the agent depends on none.
func kindOf(d driver.Driver) driverKind {
	t := reflect.TypeOf(d)
	for t != nil && t.Kind() == reflect.Ptr {
		t = t.Elem()
	}
	if t == nil {
		return driverKind{}
	}
	path := t.PkgPath()
	switch {
	case strings.Contains(path, "github.com/lib/pq"):
		return driverKind{dialect: postgresDialect, name: "postgres", query: "SELECT pg_backend_pid()", pq: true,
			hasPorts: true}
	case strings.Contains(path, "github.com/jackc/pgx"):
		return driverKind{dialect: postgresDialect, name: "pgx", pgx: true, hasPorts: true}
	case strings.Contains(path, "github.com/go-sql-driver/mysql"):
		return driverKind{dialect: mysqlDialect, name: "mysql", query: "SELECT CONNECTION_ID()"}
	}
	return driverKind{}
}

// identify asks who is at the server's end of a fresh connection. Zero: unknown.
func (k *driverKind) identify(ctx context.Context, conn driver.Conn) (pid, port int64) {
	if k.pgx {
		return pgxIdentity(conn)
	}
	if k.query != "" {
		pid = askNumber(ctx, conn, k.query)
	}
	if k.pq {
		var told int64
		told, port = pqIdentity(conn)
		if told != pid {
			// A pooler shook hands, and another process answers: whose it is with the next statement, nobody
			// knows.
			pid = 0
		}
	}
	return pid, port
}

// pqIdentity is what lib/pq was told at the handshake, and its socket's port. It has no method for either:
// fields of its own are read, and where a version has them no more both are unknown.
func pqIdentity(conn driver.Conn) (pid, port int64) {
	v := reflect.ValueOf(conn)
	if v.Kind() != reflect.Ptr || v.IsNil() || v.Elem().Kind() != reflect.Struct {
		return 0, 0
	}
	v = v.Elem()
	for _, name := range []string{"pid", "processID"} { // since 1.12, and before
		if field := v.FieldByName(name); field.IsValid() && field.CanInt() {
			pid = field.Int()
			break
		}
	}
	if field := v.FieldByName("c"); field.IsValid() && field.Type() == reflect.TypeOf((*net.Conn)(nil)).Elem() {
		port = portOf(*(*net.Conn)(unsafe.Pointer(field.UnsafeAddr())))
	}
	return pid, port
}

// portOf is the local one; zero where it has none.
func portOf(socket net.Conn) int64 {
	if socket == nil {
		return 0
	}
	if address, ok := socket.LocalAddr().(*net.TCPAddr); ok {
		return int64(address.Port)
	}
	return 0
}

// pgxIdentity is conn.Conn().PgConn().PID(), and the same one's Conn().LocalAddr().
func pgxIdentity(conn driver.Conn) (pid, port int64) {
	call := func(v reflect.Value, method string) reflect.Value {
		if m := v.MethodByName(method); m.IsValid() && m.Type().NumIn() == 0 && m.Type().NumOut() == 1 {
			return m.Call(nil)[0]
		}
		return reflect.Value{}
	}
	next := func(v reflect.Value, method string) reflect.Value {
		if !v.IsValid() || (v.Kind() == reflect.Ptr || v.Kind() == reflect.Interface) && v.IsNil() {
			return reflect.Value{}
		}
		return call(v, method)
	}
	pg := next(next(reflect.ValueOf(conn), "Conn"), "PgConn")
	if v := next(pg, "PID"); v.IsValid() && v.Kind() == reflect.Uint32 {
		pid = int64(v.Uint())
	}
	if v := next(pg, "Conn"); v.IsValid() && v.CanInterface() {
		if socket, ok := v.Interface().(net.Conn); ok {
			port = portOf(socket)
		}
	}
	return pid, port
}

// askNumber runs a query without parameters that answers with one number. Zero where it does not.
func askNumber(ctx context.Context, conn driver.Conn, query string) int64 {
	var rows driver.Rows
	var err error
	switch q := conn.(type) {
	case driver.QueryerContext:
		rows, err = q.QueryContext(ctx, query, nil)
	case driver.Queryer: //nolint:staticcheck // old drivers have nothing else
		rows, err = q.Query(query, nil)
	default:
		return 0
	}
	if err != nil || rows == nil {
		return 0
	}
	defer rows.Close()
	values := make([]driver.Value, len(rows.Columns()))
	if len(values) == 0 || rows.Next(values) != nil {
		return 0
	}
	var id int64
	switch v := values[0].(type) {
	case int64:
		id = v
	case uint64:
		id = int64(v)
	case []byte:
		id, _ = strconv.ParseInt(string(v), 10, 64)
	case string:
		id, _ = strconv.ParseInt(v, 10, 64)
	}
	if id < 0 || id > maxNumber {
		return 0
	}
	return id
}
