// SPDX-License-Identifier: Apache-2.0

package poolscope

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"fmt"
	"math/rand"
	"net"
	"os"
	"runtime"
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
		Trace: func(context.Context) string { return "4bf92f3577b34da6a3ce929d0e0e4736" }})
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
		if fmt.Sprint(c["tags"]) != "map[route:/cart tenant:früh]" || c["by"] != "worker" || c["expected_us"] != 6e8 ||
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
		return a.pools[0].lentNow == 0 && len(a.pools[0].connections) == db.Stats().OpenConnections
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

// TestRingOverflows: what does not fit is dropped, counted and told; a picture mends it.
func TestRingOverflows(t *testing.T) {
	a := testAgent(t, AgentOptions{ringEvents: 32, drainEvery: 50 * time.Millisecond})
	db := OpenDB(&fakeDriver{}, Options{Name: "small"})
	defer db.Close()
	i := attach(t, a.endpoint.address)
	i.picture()
	for n := 0; n < 200; n++ {
		query(t, db, context.Background())
	}
	i.sync()
	i.send(`{"k":"resync","n":2}`)
	i.picture()
	if i.gaps == 0 || i.lost == 0 || AgentFigures().Dropped == 0 {
		t.Errorf("%d gaps, %v events lost, figures %+v", i.gaps, i.lost, AgentFigures())
	}
	if len(i.open) != 1 || len(i.out) != 0 {
		t.Errorf("%d connections, %d checkouts after the picture", len(i.open), len(i.out))
	}
}

// TestStallingInspector: the application goes on at its own speed, others see everything, and the one
// that reads nothing is closed.
func TestStallingInspector(t *testing.T) {
	a := testAgent(t, AgentOptions{peerBytes: 1 << 16, stallTime: time.Second, Log: func(string) {}})
	db := OpenDB(&fakeDriver{}, Options{Name: "busy"})
	defer db.Close()
	lazy := attach(t, a.endpoint.address)
	lazy.picture()
	i := attach(t, a.endpoint.address)
	i.picture()
	var rounds int64
	stop := make(chan struct{})
	var wait sync.WaitGroup
	wait.Add(1)
	go func() {
		defer wait.Done()
		for {
			select {
			case <-stop:
				return
			default:
				query(t, db, context.Background())
				atomic.AddInt64(&rounds, 1)
			}
		}
	}()
	i.until("the lazy one is let go", func() bool { return atomic.LoadInt64(&a.figures.Attached) == 1 })
	close(stop)
	wait.Wait()
	if rounds < 100 {
		t.Errorf("only %d rounds", rounds)
	}
}

// TestPingFlood: who asks and does not read is not listened to, until it reads.
func TestPingFlood(t *testing.T) {
	a := testAgent(t, AgentOptions{peerBytes: 1 << 16, Log: func(string) {}})
	i := attach(t, a.endpoint.address)
	i.picture()
	const ping = `{"k":"ping","n":1}` + "\n"
	chunk, sent, rest := []byte(strings.Repeat(ping, 1000)), 0, []byte(nil)
	for sent < 8<<20 && rest == nil {
		i.socket.SetWriteDeadline(time.Now().Add(2 * time.Second))
		n, err := i.socket.Write(chunk)
		sent += len(chunk)
		if err != nil {
			rest = chunk[n:]
		}
	}
	if rest == nil {
		t.Fatalf("%d bytes were read, and nothing of the answers", sent)
	}
	i.socket.SetWriteDeadline(time.Time{})
	go i.socket.Write(rest)
	for pongs := 0; pongs < sent/len(ping); {
		m := i.line()
		if m == nil {
			t.Fatal("the agent closed")
		}
		if m["k"] == "pong" {
			pongs++
		}
	}
	i.sync()
}

func TestThousandAttaches(t *testing.T) {
	var logged int64
	a := testAgent(t, AgentOptions{Log: func(string) { atomic.AddInt64(&logged, 1) }})
	db := OpenDB(&fakeDriver{}, Options{Name: "often"})
	defer db.Close()
	tx, err := db.Begin()
	if err != nil {
		t.Fatal(err)
	}
	defer tx.Rollback()
	goroutines := runtime.NumGoroutine()
	for n := 0; n < 1000; n++ {
		socket, err := net.Dial("unix", a.endpoint.path)
		if err != nil {
			t.Fatal(err)
		}
		if n%3 == 0 { // others leave without a word, or in the middle of one
			socket.Write([]byte(`{"k":"pi`))
		} else if n%3 == 1 {
			one := make([]byte, 1)
			socket.Read(one)
		}
		socket.Close()
		if n%8 == 7 { // at most sixteen at a time get in
			eventually(t, "some left", func() bool { return atomic.LoadInt32(&a.endpoint.peers) < 4 })
		}
	}
	eventually(t, "all left", func() bool { return atomic.LoadInt32(&a.endpoint.peers) == 0 && !a.isAttached() })
	eventually(t, "no goroutine stays", func() bool { return runtime.NumGoroutine() <= goroutines })
	i := attach(t, a.endpoint.address)
	i.picture()
	if len(i.out) != 1 {
		t.Errorf("%d checkouts", len(i.out))
	}
	if f := AgentFigures(); f.Accepted != 1001 || f.Faults != 0 {
		t.Errorf("figures are %+v", f)
	}
}

func TestTooMany(t *testing.T) {
	a := testAgent(t, AgentOptions{Log: func(string) {}})
	for n := 0; n < maxPeers; n++ {
		attach(t, a.endpoint.address).picture()
	}
	if m := attach(t, a.endpoint.address).line(); m != nil {
		t.Errorf("the seventeenth gets %v", m)
	}
	if f := AgentFigures(); f.Refused != 1 || f.Attached != maxPeers {
		t.Errorf("figures are %+v", f)
	}
}

func TestHostileInspector(t *testing.T) {
	a := testAgent(t, AgentOptions{})
	i := attach(t, a.endpoint.address)
	i.picture()
	for _, line := range []string{"hello", "[]", "null", `{"k":"ping"}`, `{"k":"ping","n":-1}`, `{"k":"ping","n":1e0}`,
		`{"K":"ping","n":1}`, `{"k":"ping","n":1,"x":"` + strings.Repeat("A", maxLine) + `"}`, strings.Repeat("[", maxLine-1),
		"\xff\xfe", `{"k":"reclaim","n":1}`, `{"k":"reclaim","n":1,"id":7}`} {
		i.send(line)
	}
	i.send("")
	i.send(`{"k":"dance","n":3}` + "\r") // of a later version
	i.sync()
	if f := AgentFigures(); f.BadLines != 12 {
		t.Errorf("figures are %+v", f)
	}
	i.send(`{"k":"reclaim","n":9,"id":"1"}`)
	if m := i.line(); m["k"] != "result" || m["of"] != 9.0 || m["ok"] != false || m["why"] != "reclaim is not allowed by this process" {
		t.Errorf("the answer is %v", m)
	}
	i.socket.Write([]byte(strings.Repeat("rubbish\n", mostBadLines+1)))
	eventually(t, "it is closed", func() bool { return atomic.LoadInt64(&a.figures.Attached) == 0 })
}

func TestToken(t *testing.T) {
	a := testAgent(t, AgentOptions{Listen: "127.0.0.1:0", Token: "correct horse battery staple", authTime: 5 * time.Second, Log: func(string) {}})
	i := attach(t, a.endpoint.address)
	challenge := i.line()
	if challenge["k"] != "challenge" || challenge["v"] != 1.0 || len(challenge["nonce"].(string)) != 64 {
		t.Fatalf("it begins with %v", challenge)
	}
	i.send(`{"k":"auth","n":1,"mac":"` + macOf("correct horse battery staple", challenge["nonce"].(string)) + `"}`)
	i.picture()
	i.sync()
	for _, answer := range []string{`{"k":"auth","n":5,"mac":"` + macOf("wrong", challenge["nonce"].(string)) + `"}`,
		`{"k":"ping","n":5}`, "rubbish", strings.Repeat("A", 5000)} {
		i := attach(t, a.endpoint.address)
		nonce := i.line()["nonce"]
		if nonce == challenge["nonce"] {
			t.Error("the nonce is used again")
		}
		i.socket.Write([]byte(answer + "\n"))
		m := i.line()
		if wrong := strings.HasPrefix(answer, `{"k":"auth"`); wrong != (m != nil) {
			t.Errorf("%.20q is answered with %v", answer, m)
		}
		if m != nil && (m["why"] != "wrong token" || m["of"] != 5.0 || m["ok"] != false || i.line() != nil) {
			t.Errorf("a wrong token is answered with %v", m)
		}
	}
	var waiting []*inspector
	for n := 0; n < maxChallenged; n++ {
		waiting = append(waiting, attach(t, a.endpoint.address))
		waiting[n].line()
	}
	if m := attach(t, a.endpoint.address).line(); m != nil {
		t.Errorf("the ninth that waits hears %v", m)
	}
}

func TestSilentPeer(t *testing.T) {
	a := testAgent(t, AgentOptions{Listen: "127.0.0.1:0", Token: "x", authTime: 200 * time.Millisecond, Log: func(string) {}})
	silent := attach(t, a.endpoint.address)
	silent.line()
	if m := silent.line(); m != nil {
		t.Errorf("who says nothing hears %v", m)
	}
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
	panics := func(context.Context) string {
		if atomic.AddInt32(&traced, 1) > 1 { // not yet when the connection is made
			panic("a tracer that panics")
		}
		return ""
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

func TestPoolsComeAndGo(t *testing.T) {
	a := testAgent(t, AgentOptions{})
	i := attach(t, a.endpoint.address)
	i.picture()
	if len(i.pools()) != 0 {
		t.Errorf("there are %v", i.pools())
	}
	names := func(want string) {
		t.Helper()
		i.until(want, func() bool { return !i.inPicture && fmt.Sprint(i.pools()) == want })
	}
	first := OpenDB(&fakeDriver{}, Options{Name: "orders"})
	second := OpenDB(&fakeDriver{}, Options{Name: "orders"})
	names("[orders orders-2]")
	first.Close()
	names("[orders-2]")
	first = OpenDB(&fakeDriver{}, Options{Name: "orders"})
	names("[orders-2 orders]")
	first.Close()
	second.Close()
	names("[]")
	// A connector wrapped twice is one pool; one on a sql.DB of one's own is seen from its first connection.
	c := Wrap(Wrap(&fakeDriver{}, Options{Name: "once"}), Options{Name: "twice"})
	db := sql.OpenDB(c)
	defer db.Close()
	query(t, db, context.Background())
	names("[once]")
	i.sync()
	if s := i.stats["once"]; s["max"] != nil || s["total"] != 1.0 || i.can("wait_time") {
		t.Errorf("not watched, but %v", s)
	}
	if !Watch(db) {
		t.Error("cannot watch it")
	}
	i.until("the limit is told", func() bool { return i.can("wait_time") && !i.inPicture })
	plain := sql.OpenDB(&fakeDriver{})
	defer plain.Close()
	if Watch(plain) {
		t.Error("watches a pool without a wrapper")
	}
}

// slowDriver has a Connect under way until it may go on.
type slowDriver struct {
	*fakeDriver
	begun, goOn chan struct{}
}

func (d slowDriver) Connect(ctx context.Context) (driver.Conn, error) {
	d.begun <- struct{}{}
	<-d.goOn
	return d.fakeDriver.Connect(ctx)
}

// TestCloseDuringConnect: the pool does not come back as a ghost; only with a new DB.
func TestCloseDuringConnect(t *testing.T) {
	a := testAgent(t, AgentOptions{})
	d := slowDriver{&fakeDriver{}, make(chan struct{}, 9), make(chan struct{})}
	c := Wrap(d, Options{Name: "ghost"})
	db := OpenDB(c, Options{})
	done := make(chan error)
	go func() { done <- db.PingContext(context.Background()) }()
	<-d.begun
	db.Close()
	close(d.goOn)
	<-done
	Watch(db)
	if shown := a.shownPools(); len(shown) != 0 || c.pool.db != nil {
		t.Errorf("%d pools are shown", len(shown))
	}
	again := OpenDB(c, Options{})
	defer again.Close()
	if shown := a.shownPools(); len(shown) != 1 {
		t.Errorf("%d pools are shown again", len(shown))
	}
}

// TestDriverPanics: the caller gets the panic, and nothing counts as open that is not.
func TestDriverPanics(t *testing.T) {
	testAgent(t, AgentOptions{})
	panics := func(what string, call func()) {
		t.Helper()
		defer func() {
			if recover() != "the driver" {
				t.Errorf("%s: the panic is lost", what)
			}
		}()
		call()
	}
	broken := Wrap(&fakeDriver{build: func(*fakeConn) driver.Conn { panic("the driver") }}, Options{})
	panics("Connect", func() { broken.Connect(context.Background()) })
	if broken.pool.opening != 0 {
		t.Errorf("%d are being opened", broken.pool.opening)
	}
	c := Wrap(&fakeDriver{build: func(c *fakeConn) driver.Conn { return badEnd{c} }}, Options{})
	opened, err := c.Connect(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	panics("Close", func() { opened.Close() })
	if n := len(c.pool.connections); n != 0 {
		t.Errorf("%d are open", n)
	}
	if f := AgentFigures(); f.Faults != 0 {
		t.Errorf("figures are %+v", f)
	}
}

type badEnd struct{ *fakeConn }

func (badEnd) Close() error { panic("the driver") }

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
	eventually(t, "it attaches", func() bool { return atomic.LoadInt64(&a.figures.Accepted) == 1 })
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
