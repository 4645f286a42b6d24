// SPDX-License-Identifier: Apache-2.0

package poolscope

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"fmt"
	"math/rand"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

func query(t testing.TB, db *sql.DB, ctx context.Context) {
	t.Helper()
	rows, err := db.QueryContext(ctx, "SELECT 7")
	if err != nil {
		t.Fatal(err)
	}
	for rows.Next() {
	}
}

// TestAttachInMidIncident: what is open is there at once, with its stack, tags and state.
func TestAttachInMidIncident(t *testing.T) {
	a := testAgent(t, AgentOptions{Name: "shop"})
	db := OpenDB(&fakeDriver{}, Options{Name: "orders", Database: "fake://host/orders",
		Trace: func(context.Context) (string, string) {
			return "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
		}})
	defer db.Close()
	Configure(db, Limits{MaxOpenConns: 4, MaxIdleConns: 3, ConnMaxLifetime: time.Hour, ConnMaxIdleTime: time.Minute})
	ctx := WithTags(context.Background(), "route", "/orders", "tenant", "früh")
	ctx = WithExpected(WithBy(WithTags(ctx, "route", "/cart"), "worker"), 10*time.Minute)
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		t.Fatal(err)
	}
	query(t, db, ctx)

	i := attach(t, a.endpoint.address)
	i.picture()
	if len(i.open) != 2 || len(i.out) != 1 {
		t.Fatalf("%d connections, %d checkouts", len(i.open), len(i.out))
	}
	for id, c := range i.out {
		if fmt.Sprint(c["tags"]) != "map[route:/cart span_id:00f067aa0ba902b7 tenant:früh]" || c["by"] != "worker" || c["expected_us"] != 6e8 ||
			c["trace_id"] != "4bf92f3577b34da6a3ce929d0e0e4736" || c["busy"] != false || c["pool"] != "orders" {
			t.Errorf("checkout %s is %v", id, c)
		}
		first := i.stacks[c["stack"].(string)][0].(map[string]interface{})
		if !strings.HasPrefix(first["function"].(string), "database/sql.") || first["own"] != nil {
			t.Errorf("the innermost frame is %v", first)
		}
	}
	if h := i.hello; h["agent"] != "poolscope-go" || h["language"] != "Go" || h["process"] != "shop" || h["pid"] != float64(os.Getpid()) || h["v"] != 1.0 {
		t.Errorf("hello is %v", h)
	}
	config := i.hello["pools"].([]interface{})[0].(map[string]interface{})
	if fmt.Sprint(config["config"]) != "map[ConnMaxIdleTime:1m0s ConnMaxLifetime:1h0m0s MaxIdleConns:3 MaxOpenConns:4]" ||
		config["database"] != "fake://host/orders" || config["kind"] != "database/sql" {
		t.Errorf("the pool is %v", config)
	}
	for _, word := range []string{"pending", "timeouts", "reclaim", "thread", "beat", "server_pid"} {
		if i.can(word) {
			t.Errorf("it says that it can tell %s", word)
		}
	}
	s := i.stats["orders"]
	if s["used"] != 1.0 || s["idle"] != 1.0 || s["total"] != 2.0 || s["max"] != 4.0 || s["idle_max"] != 3.0 || s["pending"] != nil {
		t.Errorf("stats are %v", s)
	}
	if use := s["use_time"].(map[string]interface{}); use["count"] != 1.0 {
		t.Errorf("use_time is %v", use)
	}

	// From here on one by one.
	if _, err := tx.ExecContext(ctx, "UPDATE items SET price = 12 WHERE name = 'it''s mine'"); err != nil {
		t.Fatal(err)
	}
	tx.Commit()
	i.until("the checkin", func() bool { return len(i.out) == 0 })
	if got := strings.Join(i.used, "|"); got != "UPDATE items SET price = ? WHERE name = ?|COMMIT" {
		t.Errorf("statements are %s", got)
	}
	query(t, db, ctx)
	i.sync()
	db.Close()
	i.until("the pool is gone", func() bool { return !i.inPicture && len(i.pools()) == 0 })
	if len(i.open) != 0 {
		t.Errorf("%d connections are left", len(i.open))
	}
}

// TestExactState: whatever happens, a reader that follows the events has the state that a new picture
// shows, and the pool's own figures.
func TestExactState(t *testing.T) {
	seed := time.Now().UnixNano()
	t.Logf("seed %d", seed)
	a := testAgent(t, AgentOptions{Name: "exact", ringEvents: 1 << 16, Log: func(string) {}})
	d := &fakeDriver{}
	db := OpenDB(d, Options{Name: "exact"})
	defer db.Close()
	db.SetMaxOpenConns(6)
	db.SetMaxIdleConns(3)
	i := attach(t, a.endpoint.address)
	i.picture()
	var wait sync.WaitGroup
	for worker := 0; worker < 8; worker++ {
		random := rand.New(rand.NewSource(seed + int64(worker)))
		wait.Add(1)
		go func() {
			defer wait.Done()
			for n := 0; n < 400; n++ {
				ctx, cancel := context.WithTimeout(context.Background(), time.Duration(1+random.Intn(2000))*time.Microsecond)
				switch random.Intn(5) {
				case 0:
					if tx, err := db.BeginTx(ctx, nil); err == nil {
						tx.ExecContext(ctx, "x")
						tx.Rollback()
					}
				case 1:
					atomic.StoreInt32(&d.failing, int32(random.Intn(2)))
					db.ExecContext(ctx, "y")
					atomic.StoreInt32(&d.failing, 0)
				case 2:
					if c, err := db.Conn(ctx); err == nil {
						c.PingContext(ctx)
						c.Close()
					}
				case 3:
					db.SetMaxIdleConns(random.Intn(4))
				default:
					if rows, err := db.QueryContext(ctx, "z"); err == nil {
						rows.Next()
						rows.Close()
					}
				}
				cancel()
			}
		}()
	}
	for pictures := 0; pictures < 3; pictures++ {
		i.send(`{"k":"resync","n":1}`)
		i.picture()
	}
	wait.Wait()
	// Transactions whose context ended are rolled back by goroutines of database/sql.
	eventually(t, "all are back", func() bool { return db.Stats().InUse == 0 })
	eventually(t, "all are closed or idle", func() bool {
		a.mu.Lock()
		defer a.mu.Unlock()
		return a.pools[0].lentNow.Load() == 0 && len(a.pools[0].connections) == db.Stats().OpenConnections
	})
	i.sync()
	if len(i.out) != 0 || len(i.open) != db.Stats().OpenConnections {
		t.Errorf("%d checkouts, %d connections instead of %d", len(i.out), len(i.open), db.Stats().OpenConnections)
	}
	if int32(len(i.open)) != d.opened-d.closed {
		t.Errorf("the driver has %d open", d.opened-d.closed)
	}
	followed := fmt.Sprint(keys(i.open))
	other := attach(t, a.endpoint.address)
	other.picture()
	if pictured := fmt.Sprint(keys(other.open)); pictured != followed {
		t.Errorf("followed %s, pictured %s", followed, pictured)
	}
	if f := AgentFigures(); f.Faults != 0 || f.Dropped != 0 {
		t.Errorf("figures are %+v", f)
	}
}

func keys(m map[string]map[string]interface{}) map[string]bool {
	set := map[string]bool{}
	for key := range m {
		set[key] = true
	}
	return set
}

// TestFaults: what fails in the agent, or in what the application gave it, never reaches the caller.
func TestFaults(t *testing.T) {
	var logged []string
	var mu sync.Mutex
	a := testAgent(t, AgentOptions{Log: func(sentence string) {
		mu.Lock()
		logged = append(logged, sentence)
		mu.Unlock()
		panic("a logger that panics")
	}})
	var traced int32
	panics := func(context.Context) (string, string) {
		if atomic.AddInt32(&traced, 1) > 1 { // not yet when the connection is made
			panic("a tracer that panics")
		}
		return "", ""
	}
	db := OpenDB(&fakeDriver{}, Options{Trace: panics})
	asks := OpenDB(&fakeDriver{}, Options{ServerPID: func(context.Context, driver.Conn) uint64 { panic("asks") }})
	i := attach(t, a.endpoint.address)
	i.picture()
	for n := 0; n < 3; n++ {
		query(t, db, context.Background())
		query(t, asks, context.Background())
	}
	db.Close()
	asks.Close()
	i.sync()
	if f := AgentFigures(); f.Faults < 3 || traced < 3 {
		t.Errorf("%d faults, traced %d times", f.Faults, traced)
	}
	mu.Lock()
	defer mu.Unlock()
	told := 0
	for _, sentence := range logged {
		if strings.Contains(sentence, "The agent failed") {
			told++
		}
	}
	if told != 1 {
		t.Errorf("told %d times: %q", told, logged)
	}
}

// TestRefusalsInLog: one line in ten seconds.
func TestRefusalsInLog(t *testing.T) {
	var logged []string
	a := &agent{options: AgentOptions{Log: func(sentence string) { logged = append(logged, sentence) }}}
	for n := 0; n < 1000; n++ {
		a.logRefusal("No.")
	}
	a.refusals.told = a.refusals.told.Add(-11 * time.Second)
	a.logRefusal("No.")
	if got := strings.Join(logged, "|"); got != "No.|No. Since the last such line 999 more were refused." {
		t.Errorf("logged %s", got)
	}
}

// TestCloseDoesNotHang: where the application's logger hangs the end of main does not.
func TestCloseDoesNotHang(t *testing.T) {
	hangs := make(chan struct{})
	defer close(hangs)
	a := testAgent(t, AgentOptions{Log: func(string) { <-hangs }})
	attach(t, a.endpoint.address)
	eventually(t, "it attaches", func() bool { return a.figures.accepted.Load() == 1 })
	time.Sleep(20 * time.Millisecond)
	began := time.Now()
	a.close()
	if took := time.Since(began); took > 5*time.Second {
		t.Errorf("it took %v", took)
	}
}

func TestWaits(t *testing.T) {
	a := testAgent(t, AgentOptions{})
	d := &fakeDriver{}
	db := OpenDB(d, Options{Name: "narrow"})
	defer db.Close()
	db.SetMaxOpenConns(1)
	conn, err := db.Conn(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(WithTags(context.Background(), "who", "waits"))
	defer cancel()
	done := make(chan error)
	go func() {
		tx, err := db.BeginTx(ctx, nil)
		if err == nil {
			defer tx.Rollback()
			<-ctx.Done()
		}
		done <- err
	}()
	eventually(t, "somebody waits", func() bool { return db.Stats().WaitCount == 1 })
	// The connection turns out broken: the waiter gets one that database/sql opens by itself.
	atomic.StoreInt32(&d.failing, 1)
	conn.PingContext(context.Background())
	atomic.StoreInt32(&d.failing, 0)
	conn.Close()
	i := attach(t, a.endpoint.address)
	i.picture()
	i.until("the waiter has it", func() bool {
		i.sync()
		return len(i.out) == 1
	})
	for _, c := range i.out {
		if fmt.Sprint(c["tags"]) != "map[who:waits]" {
			t.Errorf("the waiter's checkout is %v", c)
		}
	}
	if len(i.open) != 1 || d.opened != 2 {
		t.Errorf("%d connections, %d were opened", len(i.open), d.opened)
	}
	if wait := i.stats["narrow"]["wait_time"].(map[string]interface{}); wait["count"] != 1.0 {
		t.Errorf("wait_time is %v", wait)
	}
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
}

func TestStackModes(t *testing.T) {
	for mode, want := range map[Stacks]int{StacksOff: 0, StacksSampled: 2, StacksAlways: 32, StacksNearExhaustion: 0, "sometimes": 32} {
		a := testAgent(t, AgentOptions{Stacks: mode, Log: func(string) {}})
		db := OpenDB(&fakeDriver{}, Options{Name: string(mode)})
		db.SetMaxOpenConns(100)
		taken := 0
		for n := 0; n < 32; n++ {
			conn, err := db.Conn(context.Background())
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
		}
		a.mu.Lock()
		for c := range a.pools[0].connections {
			if c.lend.stack != nil {
				taken++
			}
		}
		a.mu.Unlock()
		if taken != want {
			t.Errorf("%s: %d stacks, not %d", mode, taken, want)
		}
		if mode == StacksNearExhaustion { // 32 of 40 are out now
			db.SetMaxOpenConns(40)
			a.refreshLimits()
			conn, err := db.Conn(context.Background())
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			if count := a.table.count; count != 1 {
				t.Errorf("near exhaustion %d stacks are known", count)
			}
		}
		i := attach(t, a.endpoint.address)
		i.picture()
		if i.can("stacks") != (mode != StacksOff) {
			t.Errorf("%s: can is %v", mode, i.hello["can"])
		}
	}
}
