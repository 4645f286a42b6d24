// SPDX-License-Identifier: Apache-2.0

package integration

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"math/rand"
	"reflect"
	"sync"
	"testing"
	"time"

	_ "github.com/go-sql-driver/mysql"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/lib/pq"
	"poolscope.org/agent"
)

// withAgent starts an agent in the test's own process.
func withAgent(t *testing.T) {
	t.Helper()
	if err := poolscope.Start(poolscope.AgentOptions{Name: "tests", Listen: t.TempDir() + "/a.sock", Log: func(string) {}}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if n := poolscope.AgentFigures().Faults; n != 0 {
			t.Errorf("%d faults of the agent", n)
		}
		poolscope.Close()
	})
}

func each(t *testing.T, test func(t *testing.T, target target, dsn string)) {
	for _, target := range targets {
		target := target
		t.Run(target.driver, func(t *testing.T) { test(t, target, target.open(t)) })
	}
}

var serverPID = map[string]string{
	"postgres": "SELECT pg_backend_pid()", "pgx": "SELECT pg_backend_pid()", "mysql": "SELECT CONNECTION_ID()",
}

// interfaces that database/sql may ask a connection and a statement for.
var interfaces = []reflect.Type{
	reflect.TypeOf((*driver.ConnBeginTx)(nil)).Elem(), reflect.TypeOf((*driver.ConnPrepareContext)(nil)).Elem(),
	reflect.TypeOf((*driver.ExecerContext)(nil)).Elem(), reflect.TypeOf((*driver.QueryerContext)(nil)).Elem(),
	reflect.TypeOf((*driver.Pinger)(nil)).Elem(), reflect.TypeOf((*driver.NamedValueChecker)(nil)).Elem(),
	reflect.TypeOf((*driver.SessionResetter)(nil)).Elem(), reflect.TypeOf((*driver.Validator)(nil)).Elem(),
	reflect.TypeOf((*driver.StmtExecContext)(nil)).Elem(), reflect.TypeOf((*driver.StmtQueryContext)(nil)).Elem(),
	reflect.TypeOf((*driver.ColumnConverter)(nil)).Elem(), //nolint:staticcheck // what a driver may have
}

// TestRealForwarding: what the driver's connection can, the wrapped one can.
func TestRealForwarding(t *testing.T) {
	each(t, func(t *testing.T, target target, dsn string) {
		withAgent(t)
		db, err := poolscope.Open(target.driver, dsn, poolscope.Options{})
		if err != nil {
			t.Fatal(err)
		}
		defer db.Close()
		conn, err := db.Conn(context.Background())
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		conn.Raw(func(c interface{}) error {
			inner := poolscope.Unwrap(c)
			if inner == c {
				t.Error("it is not wrapped")
			}
			compare := func(what string, inner, outer interface{}) {
				for _, i := range interfaces {
					has, had := reflect.TypeOf(outer).Implements(i), reflect.TypeOf(inner).Implements(i)
					if had && !has {
						t.Errorf("the %s has %v no more", what, i)
					}
				}
			}
			compare("connection", inner, c)
			outerStmt, err := c.(driver.Conn).Prepare("SELECT 1")
			if err != nil {
				t.Fatal(err)
			}
			defer outerStmt.Close()
			innerStmt, err := inner.(driver.Conn).Prepare("SELECT 1")
			if err != nil {
				t.Fatal(err)
			}
			defer innerStmt.Close()
			compare("statement", innerStmt, outerStmt)
			return nil
		})
	})
}

// exercise does what applications do, and writes down what came back.
func exercise(t *testing.T, db *sql.DB, target target) (results []interface{}) {
	ctx := context.Background()
	say := func(what ...interface{}) { results = append(results, fmt.Sprint(what...)) }
	db.SetMaxOpenConns(1) // one session throughout
	mark := func(n int) string {
		if target.driver == "mysql" {
			return "?"
		}
		return fmt.Sprintf("$%d", n)
	}
	say(db.Ping())
	_, err := db.Exec("CREATE TEMPORARY TABLE t (id int PRIMARY KEY, name varchar(20), at timestamp NULL)")
	say(err)
	for _, args := range [][]interface{}{{1, "a", time.Unix(1e9, 0).UTC()}, {int8(2), sql.NullString{}, nil}, {uint64(3), []byte("c"), nil}, {1, "a", nil}, {struct{}{}, "x", nil}, {1}} {
		insert := fmt.Sprintf("INSERT INTO t VALUES (%s, %s, %s)", mark(1), mark(2), mark(3))
		r, err := db.Exec(insert, args...)
		if err == nil {
			n, err := r.RowsAffected()
			say(n, err)
		} else {
			say("failed: ", err)
		}
		if stmt, err := db.Prepare(insert); err == nil {
			_, err := stmt.Exec(args...)
			say(err)
			stmt.Close()
		}
	}
	_, err = db.Exec("SELECT "+mark(1), sql.Named("n", 1))
	say(err)
	rows, err := db.Query("SELECT id, name FROM t ORDER BY id")
	if err != nil {
		t.Fatal(err)
	}
	types, _ := rows.ColumnTypes()
	for _, c := range types {
		length, hasLength := c.Length()
		null, hasNull := c.Nullable()
		say(c.Name(), c.DatabaseTypeName(), c.ScanType(), length, hasLength, null, hasNull)
	}
	for rows.Next() {
		var id int
		var name sql.NullString
		say(rows.Scan(&id, &name), id, name)
	}
	say(rows.Err(), rows.NextResultSet())
	for _, o := range []*sql.TxOptions{nil, {Isolation: sql.LevelSerializable}, {ReadOnly: true}, {Isolation: sql.LevelLinearizable}} {
		tx, err := db.BeginTx(ctx, o)
		say(err)
		if err != nil {
			continue
		}
		_, err = tx.Exec("UPDATE items SET price = 6")
		say(err)
		say(tx.Rollback())
	}
	short, cancel := context.WithTimeout(ctx, 30*time.Millisecond)
	defer cancel()
	_, err = db.ExecContext(short, map[bool]string{true: "SELECT SLEEP(5)", false: "SELECT pg_sleep(5)"}[target.driver == "mysql"])
	say("cancelled: ", err != nil)
	say(db.Ping()) // on another connection, where the driver gave the first up
	say(db.Close())
	return results
}

// TestSameAnswers: an application gets the same from the wrapped pool as from the bare one.
func TestSameAnswers(t *testing.T) {
	each(t, func(t *testing.T, target target, dsn string) {
		withAgent(t)
		plain, err := sql.Open(target.driver, dsn)
		if err != nil {
			t.Fatal(err)
		}
		wrapped, err := poolscope.Open(target.driver, dsn, poolscope.Options{})
		if err != nil {
			t.Fatal(err)
		}
		if reflect.TypeOf(plain.Driver()) != reflect.TypeOf(wrapped.Driver()) {
			t.Errorf("the driver is a %T", wrapped.Driver())
		}
		want, got := exercise(t, plain, target), exercise(t, wrapped, target)
		if len(want) != len(got) || len(want) < 30 {
			t.Fatalf("%d answers instead of %d", len(got), len(want))
		}
		for i := range want {
			if !reflect.DeepEqual(want[i], got[i]) {
				t.Errorf("%v instead of %v", got[i], want[i])
			}
		}
	})
}

type checkout struct {
	Pool      string            `json:"pool"`
	ServerPID int64             `json:"server_pid"`
	Tags      map[string]string `json:"tags"`
}

// TestServerPID: a checkout names the server's own process or connection id.
func TestServerPID(t *testing.T) {
	needPoolscope(t)
	each(t, func(t *testing.T, target target, dsn string) {
		withAgent(t)
		db, err := poolscope.Open(target.driver, dsn, poolscope.Options{Name: "ids"})
		if err != nil {
			t.Fatal(err)
		}
		defer db.Close()
		conn, err := db.Conn(poolscope.WithTags(context.Background(), "a", "b"))
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		var pid int64
		if err := conn.QueryRowContext(context.Background(), serverPID[target.driver]).Scan(&pid); err != nil {
			t.Fatal(err)
		}
		var checkouts []checkout
		ask(t, &checkouts, "checkouts", poolscope.Address())
		if len(checkouts) != 1 || checkouts[0].ServerPID != pid || checkouts[0].Tags["a"] != "b" || checkouts[0].Pool != "ids" {
			t.Errorf("the server's id is %d, the checkouts %+v", pid, checkouts)
		}
	})
}

type pool struct {
	Pool     string            `json:"pool"`
	Kind     string            `json:"kind"`
	Used     *int64            `json:"used"`
	Idle     *int64            `json:"idle"`
	Pending  *int64            `json:"pending"`
	Max      *int64            `json:"max"`
	Timeouts *int64            `json:"timeouts"`
	WaitUS   *int64            `json:"wait_us_total"`
	Waits    *int64            `json:"wait_count"`
	Config   map[string]string `json:"config"`
}

// TestFigures: what database/sql tells is told, waits among it; what it does not is "not reported".
func TestFigures(t *testing.T) {
	needPoolscope(t)
	each(t, func(t *testing.T, target target, dsn string) {
		withAgent(t)
		db, err := poolscope.Open(target.driver, dsn, poolscope.Options{Name: "figures"})
		if err != nil {
			t.Fatal(err)
		}
		defer db.Close()
		poolscope.Configure(db, poolscope.Limits{MaxOpenConns: 2, MaxIdleConns: 1, ConnMaxIdleTime: time.Minute})
		ctx := context.Background()
		for n := 0; n < 2; n++ {
			conn, err := db.Conn(ctx)
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
		}
		short, cancel := context.WithTimeout(ctx, 20*time.Millisecond)
		defer cancel()
		if _, err := db.Conn(short); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("the third acquire: %v", err)
		}
		var pools []pool
		ask(t, &pools, "pools", poolscope.Address())
		if len(pools) != 1 {
			t.Fatalf("%+v", pools)
		}
		p := pools[0]
		if p.Pool != "figures" || p.Kind != "database/sql" || *p.Used != 2 || *p.Idle != 0 || *p.Max != 2 || *p.Waits != 1 || *p.WaitUS < 10000 {
			t.Errorf("the pool is %+v", p)
		}
		if p.Pending != nil || p.Timeouts != nil {
			t.Error("pending and timeouts are reported, and nobody knows them")
		}
		if p.Config["MaxOpenConns"] != "2" || p.Config["MaxIdleConns"] != "1" || p.Config["ConnMaxIdleTime"] != "1m0s" {
			t.Errorf("the settings are %v", p.Config)
		}
	})
}

// TestKilledOnTheServer: the pool replaces a connection as without the agent, and nothing stays open in
// the agent's books.
func TestKilledOnTheServer(t *testing.T) {
	needPoolscope(t)
	each(t, func(t *testing.T, target target, dsn string) {
		withAgent(t)
		db, err := poolscope.Open(target.driver, dsn, poolscope.Options{Name: "killed"})
		if err != nil {
			t.Fatal(err)
		}
		defer db.Close()
		admin, err := sql.Open(target.driver, dsn)
		if err != nil {
			t.Fatal(err)
		}
		defer admin.Close()
		conn, err := db.Conn(context.Background())
		if err != nil {
			t.Fatal(err)
		}
		var pid int64
		if err := conn.QueryRowContext(context.Background(), serverPID[target.driver]).Scan(&pid); err != nil {
			t.Fatal(err)
		}
		kill := fmt.Sprintf("SELECT pg_terminate_backend(%d)", pid)
		if target.driver == "mysql" {
			kill = fmt.Sprintf("KILL %d", pid)
		}
		if _, err := admin.Exec(kill); err != nil {
			t.Fatal(err)
		}
		for n := 0; conn.PingContext(context.Background()) == nil && n < 1000; n++ {
			time.Sleep(time.Millisecond)
		}
		conn.Close()
		if err := db.Ping(); err != nil {
			t.Error(err)
		}
		var checkouts []checkout
		ask(t, &checkouts, "checkouts", poolscope.Address())
		if len(checkouts) != 0 {
			t.Errorf("%+v", checkouts)
		}
		var pools []pool
		ask(t, &pools, "pools", poolscope.Address())
		if len(pools) != 1 || *pools[0].Used != 0 || *pools[0].Idle != 1 {
			t.Errorf("%+v", pools)
		}
	})
}

// TestManyGoroutines: a busy pool with somebody attached, for the race detector.
func TestManyGoroutines(t *testing.T) {
	needPoolscope(t)
	each(t, func(t *testing.T, target target, dsn string) {
		withAgent(t)
		db, err := poolscope.Open(target.driver, dsn, poolscope.Options{Name: "busy"})
		if err != nil {
			t.Fatal(err)
		}
		defer db.Close()
		db.SetMaxOpenConns(4)
		db.SetConnMaxLifetime(50 * time.Millisecond)
		var wait sync.WaitGroup
		for worker := 0; worker < 8; worker++ {
			random := rand.New(rand.NewSource(int64(worker)))
			wait.Add(1)
			go func() {
				defer wait.Done()
				for n := 0; n < 60; n++ {
					ctx, cancel := context.WithTimeout(context.Background(), time.Duration(1+random.Intn(20))*time.Millisecond)
					if tx, err := db.BeginTx(ctx, nil); err == nil {
						tx.ExecContext(ctx, "UPDATE items SET price = price + 1 WHERE id = 1")
						tx.Rollback()
					}
					if rows, err := db.QueryContext(ctx, many); err == nil {
						rows.Next()
						rows.Close()
					}
					cancel()
				}
			}()
		}
		var checkouts []checkout
		ask(t, &checkouts, "checkouts", poolscope.Address(), "--for", "200ms")
		wait.Wait()
		for deadline := time.Now().Add(5 * time.Second); db.Stats().InUse > 0 && time.Now().Before(deadline); {
			time.Sleep(time.Millisecond)
		}
		ask(t, &checkouts, "checkouts", poolscope.Address())
		if len(checkouts) != 0 || db.Stats().InUse != 0 {
			t.Errorf("%d in use, checkouts %+v", db.Stats().InUse, checkouts)
		}
	})
}

const many = "SELECT 1 UNION ALL SELECT 2 UNION ALL SELECT 3"

// TestRaw: who reaches for the driver's own connection finds it behind Unwrap.
func TestRaw(t *testing.T) {
	withAgent(t)
	t.Run("pgx", func(t *testing.T) {
		db, err := poolscope.Open("pgx", targets[1].open(t), poolscope.Options{})
		if err != nil {
			t.Fatal(err)
		}
		defer db.Close()
		conn, err := db.Conn(context.Background())
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		conn.Raw(func(c interface{}) error {
			inner, ok := poolscope.Unwrap(c).(*stdlib.Conn)
			if !ok || inner.Conn().PgConn().PID() == 0 {
				t.Errorf("a %T", poolscope.Unwrap(c))
			}
			return nil
		})
	})
	t.Run("lib/pq copies", func(t *testing.T) {
		db, err := poolscope.Open("postgres", targets[0].open(t), poolscope.Options{})
		if err != nil {
			t.Fatal(err)
		}
		defer db.Close()
		tx, err := db.Begin()
		if err != nil {
			t.Fatal(err)
		}
		defer tx.Rollback()
		copied, err := tx.Prepare(pq.CopyIn("items", "id", "price"))
		if err != nil {
			t.Fatal(err)
		}
		for id := 100; id < 200; id++ {
			if _, err := copied.Exec(id, id); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := copied.Exec(); err != nil {
			t.Fatal(err)
		}
		if err := copied.Close(); err != nil {
			t.Fatal(err)
		}
		var n int
		if err := tx.QueryRow("SELECT count(*) FROM items WHERE id >= 100").Scan(&n); err != nil || n != 100 {
			t.Errorf("%d rows, %v", n, err)
		}
	})
}
