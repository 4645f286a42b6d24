// SPDX-License-Identifier: Apache-2.0

package poolscope

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"net"
	"syscall"
	"testing"
)

// quietDriver answers at once and allocates nothing, so that what is measured is database/sql and the
// agent. Stack depth as in a small handler.
type quietDriver struct{}

func (quietDriver) Connect(context.Context) (driver.Conn, error) { return quietConn{}, nil }
func (d quietDriver) Driver() driver.Driver                      { return d }
func (quietDriver) Open(string) (driver.Conn, error)             { return quietConn{}, nil }

type quietConn struct{}

func (quietConn) Prepare(string) (driver.Stmt, error)                          { return nil, driver.ErrSkip }
func (quietConn) Close() error                                                 { return nil }
func (quietConn) Begin() (driver.Tx, error)                                    { return quietTx{}, nil }
func (quietConn) BeginTx(context.Context, driver.TxOptions) (driver.Tx, error) { return quietTx{}, nil }
func (quietConn) ResetSession(context.Context) error                           { return nil }
func (quietConn) IsValid() bool                                                { return true }
func (quietConn) ExecContext(context.Context, string, []driver.NamedValue) (driver.Result, error) {
	return driver.ResultNoRows, nil
}

type quietTx struct{}

func (quietTx) Commit() error   { return nil }
func (quietTx) Rollback() error { return nil }

// deep calls work below a stack of some depth.
//
//go:noinline
func deep(depth int, work func()) {
	if depth == 0 {
		work()
	} else {
		deep(depth-1, work)
	}
}

// processorTime is that of the whole process, in nanoseconds: what else runs on the machine is not in it.
func processorTime() int64 {
	var used syscall.Rusage
	syscall.Getrusage(syscall.RUSAGE_SELF, &used)
	return used.Utime.Nano() + used.Stime.Nano()
}

// cycle measures a checkout, a statement and a return.
func cycle(b *testing.B, db *sql.DB) {
	ctx := context.Background()
	b.ReportAllocs()
	began := int64(0)
	deep(10, func() {
		db.ExecContext(ctx, "x")
		b.ResetTimer()
		began = processorTime()
		for n := 0; n < b.N; n++ {
			db.ExecContext(ctx, "x")
		}
	})
	b.StopTimer()
	b.ReportMetric(float64(processorTime()-began)/float64(b.N), "cpu-ns/op")
	db.Close()
}

func BenchmarkBare(b *testing.B) { cycle(b, sql.OpenDB(quietDriver{})) }

func benchmarkMode(b *testing.B, mode Stacks) {
	testAgent(b, AgentOptions{Stacks: mode})
	cycle(b, OpenDB(quietDriver{}, Options{Name: "bench"}))
}

func BenchmarkStacksOff(b *testing.B)     { benchmarkMode(b, StacksOff) }
func BenchmarkStacksSampled(b *testing.B) { benchmarkMode(b, StacksSampled) }
func BenchmarkStacksAlways(b *testing.B)  { benchmarkMode(b, StacksAlways) }

// BenchmarkAttached has an inspector that reads all it gets.
func BenchmarkAttached(b *testing.B) {
	a := testAgent(b, AgentOptions{Log: func(string) {}})
	socket, err := net.Dial("unix", a.endpoint.path)
	if err != nil {
		b.Fatal(err)
	}
	defer socket.Close()
	go func() {
		buffer := make([]byte, 1<<20)
		for {
			if _, err := socket.Read(buffer); err != nil {
				return
			}
		}
	}()
	eventually(b, "it is attached", a.isAttached)
	cycle(b, OpenDB(quietDriver{}, Options{Name: "bench"}))
}
