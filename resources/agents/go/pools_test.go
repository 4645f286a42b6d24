// SPDX-License-Identifier: Apache-2.0

package poolscope

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"fmt"
	"testing"
)

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
	if broken.pool.opening.Load() != 0 {
		t.Errorf("%d are being opened", broken.pool.opening.Load())
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
