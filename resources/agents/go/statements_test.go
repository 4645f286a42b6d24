// SPDX-License-Identifier: Apache-2.0

package poolscope

import (
	"database/sql"
	"fmt"
	"runtime"
	"strings"
	"testing"
	"time"
)

//go:noinline
func prepareAndKeep(t *testing.T, db *sql.DB, query string) *sql.Stmt {
	s, err := db.Prepare(query)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// only is the one place that the inspector knows of.
func (i *inspector) only() map[string]interface{} {
	for _, m := range i.prepared {
		if len(i.prepared) == 1 {
			return m
		}
	}
	return nil
}

func count(m map[string]interface{}) float64 {
	n, _ := m["count"].(float64)
	return n
}

// TestStatementsNeverClosed: they are in the picture of whoever comes later, then told when they change.
func TestStatementsNeverClosed(t *testing.T) {
	a := testAgent(t, AgentOptions{statsEvery: 20 * time.Millisecond})
	db := OpenDB(&fakeDriver{}, Options{Name: "shop", NoServerPID: true})
	defer db.Close()
	db.SetMaxOpenConns(1)
	var kept []*sql.Stmt
	for n := 0; n < 20; n++ {
		kept = append(kept, prepareAndKeep(t, db, fmt.Sprintf("SELECT %d + price", n/10)))
	}
	for n := 0; n < 50; n++ {
		prepareAndKeep(t, db, "SELECT closed").Close()
	}
	time.Sleep(time.Duration(youngest)*time.Microsecond + 10*time.Millisecond) // that old they must be
	i := attach(t, a.endpoint.address)
	i.picture()
	m := i.only()
	if count(m) != 20 || m["distinct"].(float64) != 2 || m["pool"] != "shop" || m["statement"] != "SELECT ? + price" {
		t.Fatalf("told %v", i.prepared)
	}
	if !i.can("statements") {
		t.Error("hello does not promise it")
	}
	frames := i.stacks[m["stack"].(string)]
	own := ""
	for _, f := range frames {
		if f := f.(map[string]interface{}); own == "" && f["own"] == true {
			own = f["function"].(string)
		}
	}
	if own != "poolscope.org/agent.prepareAndKeep" && own != "" { // the agent's own package is left out
		t.Errorf("prepared in %q", own)
	}
	for _, s := range kept[5:] {
		s.Close()
	}
	i.until("fifteen were closed", func() bool { return count(i.only()) == 5 })
	db.SetMaxIdleConns(-1) // the connection goes, and what is open on it
	i.until("none is open", func() bool { return len(i.prepared) == 0 })
	a.mu.Lock()
	pool := a.pools[0]
	a.mu.Unlock()
	eventually(t, "nothing is remembered", func() bool {
		pool.statements.mu.Lock()
		defer pool.statements.mu.Unlock()
		return len(pool.statements.places) == 0
	})
}

// TestStatementsPreparedAgain: one that is used on several connections belongs to who prepared it.
func TestStatementsPreparedAgain(t *testing.T) {
	a := testAgent(t, AgentOptions{statsEvery: 20 * time.Millisecond})
	db := OpenDB(&fakeDriver{}, Options{Name: "shop", NoServerPID: true})
	defer db.Close()
	s := prepareAndKeep(t, db, "SELECT 1")
	var transactions []*sql.Tx
	for n := 0; n < 4; n++ { // each has a connection of its own
		tx, err := db.Begin()
		if err != nil {
			t.Fatal(err)
		}
		transactions = append(transactions, tx)
		if _, err := tx.Stmt(s).Exec(); err != nil {
			t.Fatal(err)
		}
	}
	i := attach(t, a.endpoint.address)
	i.picture()
	i.until("the statement of four connections", func() bool { return count(i.only()) == 4 })
	if m := i.only(); m["distinct"].(float64) != 1 {
		t.Errorf("told %v", m)
	}
	for _, tx := range transactions {
		tx.Rollback()
	}
	s.Close()
	i.until("none is open", func() bool { return len(i.prepared) == 0 })
}

// TestStatementPlacesAreBounded: what is prepared at too many places is told together.
//
//go:noinline
func prepareElsewhere(t *testing.T, db *sql.DB, query string) *sql.Stmt {
	s, err := db.Prepare(query)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// TestTextOfTwoPlaces: whose it is when it is prepared again cannot be told, so it counts for neither.
func TestTextOfTwoPlaces(t *testing.T) {
	a := testAgent(t, AgentOptions{})
	db := OpenDB(&fakeDriver{}, Options{Name: "shop", NoServerPID: true})
	defer db.Close()
	kept, other := prepareAndKeep(t, db, "SELECT 1"), prepareElsewhere(t, db, "SELECT 1")
	var all []*sql.Tx
	for n := 0; n < 3; n++ { // each on a connection of its own
		tx, err := db.Begin()
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, tx)
		for _, s := range []*sql.Stmt{kept, other} {
			if _, err := tx.Stmt(s).Exec(); err != nil {
				t.Fatal(err)
			}
		}
	}
	a.mu.Lock()
	places := a.pools[0].statements.places
	a.mu.Unlock()
	if len(places) != 2 {
		t.Fatalf("%d places, not two", len(places))
	}
	for _, p := range places {
		if p.open != 1 {
			t.Errorf("%d are open at one place, not the one that it prepared", p.open)
		}
	}
	for _, tx := range all {
		tx.Rollback()
	}
}

func TestStatementPlacesAreBounded(t *testing.T) {
	var all statements
	c := &connection{pool: &pool{}, statements: map[*statement]struct{}{}}
	var kept []*statement
	for n := 0; n < 3*mostPlaces; n++ {
		s := &statement{conn: c, text: fmt.Sprint(n), isOpen: true}
		all.placeFor(&stack{id: uint64(n + 1)}, false, hashOfText(s.text)).add(s)
		kept = append(kept, s)
	}
	if len(all.places) > mostPlaces+1 || len(all.first) > mostTexts {
		t.Errorf("%d places, %d texts", len(all.places), len(all.first))
	}
	sum := int64(0)
	for _, line := range all.lines("shop", youngest, true) {
		sum += line.count
	}
	if sum != 3*mostPlaces {
		t.Errorf("%d statements are told", sum)
	}
	for _, s := range kept {
		all.remove(s)
		all.remove(s)
	}
	all.lines("shop", youngest, false)
	if len(all.places) != 0 {
		t.Errorf("%d places are left", len(all.places))
	}
}

// TestStatementSampling: a program that takes a connection and prepares, over and over, has stacks of both.
func TestStatementSampling(t *testing.T) {
	a := testAgent(t, AgentOptions{Stacks: StacksSampled})
	db := OpenDB(&fakeDriver{}, Options{Name: "shop", NoServerPID: true})
	defer db.Close()
	for n := 0; n < 4*sampleEvery; n++ {
		prepareAndKeep(t, db, "SELECT 1")
	}
	a.mu.Lock()
	p := a.pools[0]
	a.mu.Unlock()
	p.statements.mu.Lock()
	defer p.statements.mu.Unlock()
	with := int64(0)
	for from, at := range p.statements.places {
		if from != nil {
			with += at.open
		}
	}
	if with != 4 {
		t.Errorf("%d of %d have a stack", with, 4*sampleEvery)
	}
}

// TestStatementTextsAreLetGo: what was prepared and closed is not kept, however long it is.
func TestStatementTextsAreLetGo(t *testing.T) {
	var all statements
	c := &connection{pool: &pool{}, statements: map[*statement]struct{}{}}
	const texts, size = 200, 100 << 10
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	for n := 0; n < texts; n++ {
		text := strings.Repeat(fmt.Sprintf("%07d,", n), size/8)
		s := &statement{conn: c, text: text, isOpen: true}
		all.placeFor(&stack{id: uint64(n + 1)}, false, hashOfText(text)).add(s)
		all.remove(s)
	}
	runtime.GC()
	runtime.ReadMemStats(&after)
	if kept := int64(after.HeapAlloc) - int64(before.HeapAlloc); kept > texts*size/4 {
		t.Errorf("%d bytes are kept", kept)
	}
	if len(all.first) != texts || len(all.places) != 0 {
		t.Errorf("%d texts, %d places", len(all.first), len(all.places))
	}
	runtime.KeepAlive(&all)
}
