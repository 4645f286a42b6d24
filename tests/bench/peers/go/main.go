// SPDX-License-Identifier: GPL-3.0-or-later

// The cycle of Go's database/sql: see README.md beside compare.py.
package main

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"os"
	"strconv"
	"sync"
	"syscall"
	"time"
)

var errNothing = errors.New("this connection does nothing")

type connector struct{}

func (connector) Connect(context.Context) (driver.Conn, error) { return &conn{}, nil }
func (connector) Driver() driver.Driver                        { return nil }

type conn struct{}

func (*conn) Prepare(string) (driver.Stmt, error) { return nil, errNothing }
func (*conn) Close() error                        { return nil }
func (*conn) Begin() (driver.Tx, error)           { return nil, errNothing }

//go:noinline
func atDepth(depth, count int, db *sql.DB) {
	if depth > 1 {
		atDepth(depth-1, count, db)
		return
	}
	ctx := context.Background()
	for i := 0; i < count; i++ {
		c, err := db.Conn(ctx)
		if err != nil {
			panic(err)
		}
		if err := c.Close(); err != nil {
			panic(err)
		}
	}
}

// processorTime is of the whole process, what collects its garbage included: goroutines have none
// of their own.
func processorTime() time.Duration {
	var used syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &used); err != nil {
		panic(err)
	}
	return time.Duration(used.Utime.Nano() + used.Stime.Nano())
}

func measure(db *sql.DB, goroutines, cycles int) {
	each := cycles / goroutines
	run := func(count int) {
		var all sync.WaitGroup
		for g := 0; g < goroutines; g++ {
			all.Add(1)
			go func() {
				defer all.Done()
				atDepth(17, count, db)
			}()
		}
		all.Wait()
	}
	run(each/10 + 1)
	used, from := processorTime(), time.Now()
	run(each)
	wall := time.Since(from)
	count := float64(each * goroutines)
	fmt.Printf("result\tGo database/sql\t%d\t%.2f\t%.2f\n", goroutines,
		float64(wall.Nanoseconds())/count, float64((processorTime()-used).Nanoseconds())/count)
}

func main() {
	cycles := 1_000_000
	if len(os.Args) > 1 {
		var err error
		if cycles, err = strconv.Atoi(os.Args[1]); err != nil {
			panic(err)
		}
	}
	db := sql.OpenDB(connector{})
	db.SetMaxOpenConns(10)
	db.SetMaxIdleConns(10)
	for _, goroutines := range []int{1, 2, 8} {
		measure(db, goroutines, cycles)
	}
}
