// SPDX-License-Identifier: Apache-2.0

// A small application with one mistake at a time: leaks DRIVER DSN PATTERN. It does what the pattern
// says, says "ready" on its standard output, and waits until its standard input ends. With PATTERN=MOST,…
// each pattern has a pool of its own, called as it is, of MOST connections, and others want them too.
package main

import (
	"context"
	"database/sql"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"time"

	_ "github.com/go-sql-driver/mysql"
	_ "github.com/jackc/pgx/v5/stdlib"
	_ "github.com/lib/pq"
	"poolscope.org/agent"
)

// pattern does something with a pool. What it must not lose it keeps.
type pattern func(ctx context.Context, db *sql.DB) error

var keep []interface{}

// patterns are in pairs: what is wrong, and its correct twin ("…-right").
var patterns = map[string]pattern{
	"rows":                rowsLeftEarly,
	"rows-right":          rowsLeftEarlyClosed,
	"rows-read":           rowsReadToTheEnd,
	"rows-err":            rowsErrIgnored,
	"failed-query":        failedQuery,
	"panic":               recoveredPanic,
	"panic-right":         recoveredPanicDeferred,
	"conn":                connNeverClosed,
	"conn-right":          connClosed,
	"tx":                  txNeverEnded,
	"tx-right":            txRolledBack,
	"stmt":                stmtNeverClosed,
	"stmt-right":          stmtClosed,
	"stmt-rows":           stmtRowsLeftEarly,
	"stmt-grows":          stmtsAgainAndAgain,
	"goroutine":           goroutineNeverEnds,
	"opener":              openedForAWaiter,
	"broken":              brokenOnReturn,
	"busy":                busyConnection,
	"slow-then-kept":      slowThenKept,
	"queryrow":            queryRowNeverScanned,
	"queryrow-right":      queryRowScanned,
	"cancelled":           contextCancelled,
	"transaction-in-loop": txDeferredInLoop,
}

func main() {
	if len(os.Args) != 4 {
		fail("usage: leaks DRIVER DSN PATTERN")
	}
	defer poolscope.Close()
	if strings.Contains(os.Args[3], "=") {
		for _, each := range strings.Split(os.Args[3], ",") {
			name, most, _ := strings.Cut(each, "=")
			n, _ := strconv.Atoi(most)
			go others(run(name, name, n))
		}
	} else {
		defer run("shop", os.Args[3], 5).Close()
	}
	fmt.Println("ready")
	io.Copy(io.Discard, os.Stdin)
}

func fail(why ...interface{}) {
	fmt.Fprintln(os.Stderr, why...)
	os.Exit(2)
}

// run makes a pool of `most` connections, and the mistake in it.
func run(pool, name string, most int) *sql.DB {
	if patterns[name] == nil {
		fail("no pattern", name)
	}
	db, err := poolscope.Open(os.Args[1], os.Args[2], poolscope.Options{Name: pool})
	if err != nil {
		fail(err)
	}
	poolscope.Configure(db, poolscope.Limits{MaxOpenConns: most, MaxIdleConns: 3, ConnMaxLifetime: time.Hour})
	ctx := poolscope.WithTags(context.Background(), "route", "/"+name, "tenant", "früh")
	ctx = poolscope.WithBy(ctx, "handler")
	if err := patterns[name](ctx, db); err != nil {
		fail(err)
	}
	return db
}

// others take a connection now and then, or wait for one.
func others(db *sql.DB) {
	for {
		time.Sleep(50 * time.Millisecond)
		db.PingContext(context.Background())
	}
}

// many is a statement of a few rows for both databases.
const many = "SELECT 1 UNION ALL SELECT 2 UNION ALL SELECT 3"

func rowsLeftEarly(ctx context.Context, db *sql.DB) error {
	rows, err := db.QueryContext(ctx, many) // leaks: rows
	if err != nil {
		return err
	}
	for rows.Next() {
		break
	}
	keep = append(keep, rows)
	return nil
}

func rowsLeftEarlyClosed(ctx context.Context, db *sql.DB) error {
	rows, err := db.QueryContext(ctx, many)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		break
	}
	return nil
}

func rowsReadToTheEnd(ctx context.Context, db *sql.DB) error {
	rows, err := db.QueryContext(ctx, many)
	if err != nil {
		return err
	}
	keep = append(keep, rows)
	for rows.Next() {
		var n int
		if err := rows.Scan(&n); err != nil {
			return err
		}
	}
	return nil
}

func rowsErrIgnored(ctx context.Context, db *sql.DB) error {
	rows, err := db.QueryContext(ctx, many)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
	}
	return nil
}

func failedQuery(ctx context.Context, db *sql.DB) error {
	if rows, err := db.QueryContext(ctx, "SELECT nothing FROM nowhere"); err == nil {
		rows.Close()
		return fmt.Errorf("that was to fail")
	}
	return nil
}

func recovered(work func()) {
	defer func() { _ = recover() }()
	work()
}

func recoveredPanic(ctx context.Context, db *sql.DB) error {
	recovered(func() {
		tx, err := db.BeginTx(ctx, nil) // leaks: panic
		if err != nil {
			return
		}
		var items map[string]int
		items["sold"]++ // panics
		tx.Commit()
	})
	return nil
}

func recoveredPanicDeferred(ctx context.Context, db *sql.DB) error {
	recovered(func() {
		tx, err := db.BeginTx(ctx, nil)
		if err != nil {
			return
		}
		defer tx.Rollback()
		var items map[string]int
		items["sold"]++ // panics
		tx.Commit()
	})
	return nil
}

func connNeverClosed(ctx context.Context, db *sql.DB) error {
	conn, err := db.Conn(ctx) // leaks: conn
	if err != nil {
		return err
	}
	keep = append(keep, conn)
	return conn.PingContext(ctx)
}

func connClosed(ctx context.Context, db *sql.DB) error {
	conn, err := db.Conn(ctx)
	if err != nil {
		return err
	}
	defer conn.Close()
	return conn.PingContext(ctx)
}

func txNeverEnded(ctx context.Context, db *sql.DB) error {
	tx, err := db.BeginTx(ctx, nil) // leaks: tx
	if err != nil {
		return err
	}
	keep = append(keep, tx)
	_, err = tx.ExecContext(ctx, "UPDATE items SET price = 7 WHERE id = 1")
	return err
}

func txRolledBack(ctx context.Context, db *sql.DB) error {
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback()
	_, err = tx.ExecContext(ctx, "UPDATE items SET price = 7 WHERE id = 1")
	return err
}

func stmtNeverClosed(ctx context.Context, db *sql.DB) error {
	for i := 0; i < 20; i++ {
		stmt, err := db.PrepareContext(ctx, fmt.Sprintf("SELECT price + %d FROM items", i))
		if err != nil {
			return err
		}
		keep = append(keep, stmt)
	}
	return nil
}

func stmtClosed(ctx context.Context, db *sql.DB) error {
	for i := 0; i < 20; i++ {
		stmt, err := db.PrepareContext(ctx, fmt.Sprintf("SELECT price + %d FROM items", i))
		if err != nil {
			return err
		}
		stmt.Close()
	}
	return nil
}

// again runs something ten times a second until the application ends.
func again(do func(turn int) error) error {
	go func() {
		for turn := 1; ; turn++ {
			time.Sleep(100 * time.Millisecond)
			if do(turn) != nil {
				return // the database is closed
			}
		}
	}()
	return do(0)
}

// runTwice uses a statement on two connections at once, so that it is prepared on both.
func runTwice(ctx context.Context, db *sql.DB, stmt *sql.Stmt) error {
	for n := 0; n < 2; n++ {
		tx, err := db.BeginTx(ctx, nil)
		if err != nil {
			return err
		}
		defer tx.Rollback()
		var found int
		if err := tx.StmtContext(ctx, stmt).QueryRow(1).Scan(&found); err != nil && err != sql.ErrNoRows {
			return err
		}
	}
	return nil
}

func price() string {
	if os.Args[1] == "mysql" {
		return "SELECT price FROM items WHERE price > ?"
	}
	return "SELECT price FROM items WHERE price > $1"
}

// stmtsAgainAndAgain: what is wrong beside what is right, as in an application.
func stmtsAgainAndAgain(ctx context.Context, db *sql.DB) error {
	db.SetMaxIdleConns(5) // a connection that is closed on return takes its statements with it
	for _, do := range []pattern{stmtClosedAgainAndAgain, stmtKeptForReuse, stmtNeverClosedAgainAndAgain} {
		if err := do(ctx, db); err != nil {
			return err
		}
	}
	return nil
}

func stmtNeverClosedAgainAndAgain(ctx context.Context, db *sql.DB) error {
	query := price()
	return again(func(int) error {
		stmt, err := db.PrepareContext(ctx, query) // leaks: stmt-grows
		if err != nil {
			return err
		}
		return runTwice(ctx, db, stmt)
	})
}

func stmtClosedAgainAndAgain(ctx context.Context, db *sql.DB) error {
	query := price()
	return again(func(int) error {
		stmt, err := db.PrepareContext(ctx, query)
		if err != nil {
			return err
		}
		defer stmt.Close()
		return runTwice(ctx, db, stmt)
	})
}

// stmtKeptForReuse: one of each text, which database/sql prepares on each connection that uses it.
func stmtKeptForReuse(ctx context.Context, db *sql.DB) error {
	query := price()
	cache := map[int]*sql.Stmt{}
	return again(func(turn int) error {
		which := turn % (1 + turn/20) // new texts now and then
		if cache[which] == nil {
			stmt, err := db.PrepareContext(ctx, fmt.Sprintf("%s + %d", query, which))
			if err != nil {
				return err
			}
			cache[which] = stmt
		}
		return runTwice(ctx, db, cache[which])
	})
}

func stmtRowsLeftEarly(ctx context.Context, db *sql.DB) error {
	stmt, err := db.PrepareContext(ctx, many)
	if err != nil {
		return err
	}
	rows, err := stmt.QueryContext(ctx) // leaks: stmt-rows
	if err != nil {
		return err
	}
	keep = append(keep, stmt, rows)
	rows.Next()
	return nil
}

func goroutineNeverEnds(ctx context.Context, db *sql.DB) error {
	began := make(chan error)
	go func() {
		tx, err := db.BeginTx(ctx, nil) // leaks: goroutine
		began <- err
		if err == nil {
			defer tx.Rollback()
			select {}
		}
	}()
	return <-began
}

// openedForAWaiter has all five connections held, four of them honestly for longer than the test looks:
// the waiter gets one that database/sql's own goroutine opened, because the one returned was broken.
func openedForAWaiter(ctx context.Context, db *sql.DB) error {
	db.SetMaxOpenConns(1)
	first, err := db.Conn(ctx)
	if err != nil {
		return err
	}
	if err := first.PingContext(ctx); err != nil {
		return err
	}
	result := make(chan error)
	go func() {
		tx, err := db.BeginTx(ctx, nil) // leaks: opener
		keep = append(keep, tx)
		result <- err
	}()
	for db.Stats().WaitCount == 0 {
		time.Sleep(time.Millisecond)
	}
	if err := kill(first); err != nil {
		return err
	}
	first.PingContext(ctx) // finds out, so that Close discards it
	first.Close()
	return <-result
}

// kill ends a connection by itself.
func kill(conn *sql.Conn) error {
	return conn.Raw(func(c interface{}) error {
		closer, ok := poolscope.Unwrap(c).(io.Closer)
		if !ok {
			return fmt.Errorf("no driver's connection: %T", c)
		}
		return closer.Close()
	})
}

func brokenOnReturn(ctx context.Context, db *sql.DB) error {
	conn, err := db.Conn(ctx)
	if err != nil {
		return err
	}
	if err := kill(conn); err != nil {
		return err
	}
	conn.PingContext(ctx)
	conn.Close()
	return db.PingContext(ctx)
}

// busyConnection works, and says how long that may take.
func busyConnection(ctx context.Context, db *sql.DB) error {
	began := make(chan struct{})
	ctx = poolscope.WithExpected(ctx, time.Minute)
	statement := "SELECT pg_sleep(30)"
	if strings.HasPrefix(os.Args[1], "mysql") {
		statement = "SELECT SLEEP(30)"
	}
	go func() {
		tx, err := db.BeginTx(ctx, nil)
		close(began)
		if err == nil {
			defer tx.Rollback()
			tx.ExecContext(ctx, statement)
		}
	}()
	<-began
	return nil
}

// slowThenKept works for some seconds, and then no more.
func slowThenKept(ctx context.Context, db *sql.DB) error {
	tx, err := db.BeginTx(ctx, nil) // leaks: slow-then-kept
	if err != nil {
		return err
	}
	keep = append(keep, tx)
	statement := "SELECT pg_sleep(8)"
	if os.Args[1] == "mysql" {
		statement = "SELECT SLEEP(8)"
	}
	go tx.ExecContext(ctx, statement)
	return nil
}

func queryRowNeverScanned(ctx context.Context, db *sql.DB) error {
	keep = append(keep, db.QueryRowContext(ctx, many)) // leaks: queryrow
	return nil
}

func queryRowScanned(ctx context.Context, db *sql.DB) error {
	var n int
	return db.QueryRowContext(ctx, many).Scan(&n)
}

// contextCancelled ends its context, which ends the transaction: database/sql rolls back by itself.
func contextCancelled(ctx context.Context, db *sql.DB) error {
	ctx, cancel := context.WithCancel(ctx)
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		cancel()
		return err
	}
	keep = append(keep, tx)
	cancel()
	return nil
}

// txDeferredInLoop holds every transaction until the function ends, which it never does.
func txDeferredInLoop(ctx context.Context, db *sql.DB) error {
	done := make(chan error)
	go func() {
		for i := 0; i < 3; i++ {
			tx, err := db.BeginTx(ctx, nil) // leaks: transaction-in-loop
			if err != nil {
				done <- err
				return
			}
			defer tx.Rollback()
		}
		done <- nil
		select {}
	}()
	return <-done
}
