// SPDX-License-Identifier: Apache-2.0

package poolscope

import (
	"bufio"
	"encoding/json"
	"fmt"
	"net"
	"strings"
	"testing"
	"time"
)

// inspector reads what an agent sends, as PROTOCOL.md says, and complains of whatever breaks its rules.
type inspector struct {
	t      testing.TB
	socket net.Conn
	reader *bufio.Reader

	hello     map[string]interface{}
	number    float64
	inPicture bool
	holed     bool // something was lost, and no picture came since
	pictures  int
	gaps      int
	lost      float64
	open      map[string]map[string]interface{} // connections
	out       map[string]map[string]interface{} // checkouts
	stacks    map[string][]interface{}
	ids       map[string]bool // ever used
	busy      map[string]bool
	used      []string // statements
	stats     map[string]map[string]interface{}
	prepared  map[string]map[string]interface{} // by stack
}

func attach(t testing.TB, address string) *inspector {
	t.Helper()
	network, where := "unix", strings.TrimPrefix(address, "pool+unix://")
	if strings.HasPrefix(address, "pool://") {
		network, where = "tcp", strings.TrimPrefix(address, "pool://")
	}
	socket, err := net.Dial(network, where)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { socket.Close() })
	return &inspector{t: t, socket: socket, reader: bufio.NewReaderSize(socket, maxLine+1), ids: map[string]bool{}}
}

func (i *inspector) send(line string) {
	i.t.Helper()
	if _, err := i.socket.Write([]byte(line + "\n")); err != nil {
		i.t.Fatal(err)
	}
}

// line reads one line, and takes it into account. nil: the agent closed.
func (i *inspector) line() map[string]interface{} {
	i.t.Helper()
	i.socket.SetReadDeadline(time.Now().Add(10 * time.Second))
	text, err := i.reader.ReadString('\n')
	if err != nil {
		if e, ok := err.(net.Error); ok && e.Timeout() {
			i.t.Fatal("the agent says nothing")
		}
		return nil
	}
	if len(text) > maxLine+1 {
		i.t.Errorf("a line of %d bytes", len(text))
	}
	var m map[string]interface{}
	if err := json.Unmarshal([]byte(text), &m); err != nil {
		i.t.Fatalf("%v in %q", err, text)
	}
	i.take(m, text)
	return m
}

func (i *inspector) take(m map[string]interface{}, text string) {
	i.t.Helper()
	kind, n := m["k"].(string), m["n"].(float64)
	isEvent := false
	switch kind {
	case "open", "checkout":
		isEvent = !i.inPicture
	case "close", "checkin", "use", "wait", "beat", "timeout", "health", "leak":
		isEvent = true
	}
	switch {
	case i.hello == nil || kind == "hello" || kind == "challenge":
	case isEvent && n == i.number+1:
	case isEvent && n <= i.number:
		i.t.Errorf("a duplicate behind %v: %s", i.number, text)
	case kind == "lost" && n == i.number+m["count"].(float64):
		i.gaps++
		i.holed = true
		i.lost += m["count"].(float64)
	case isEvent || n > i.number:
		i.t.Errorf("a gap behind %v that is not told: %s", i.number, text)
	case n < i.number:
		i.t.Errorf("an old number behind %v: %s", i.number, text)
	}
	if i.inPicture && n != i.number && kind != "hello" {
		i.t.Errorf("in the picture of %v: %s", i.number, text)
	}
	i.number = n
	i.fold(kind, m)
}

func (i *inspector) fold(kind string, m map[string]interface{}) {
	i.t.Helper()
	id, _ := m["id"].(string)
	conn, _ := m["conn"].(string)
	switch kind {
	case "hello":
		i.hello, i.inPicture = m, true
		i.open, i.out = map[string]map[string]interface{}{}, map[string]map[string]interface{}{}
		i.prepared = map[string]map[string]interface{}{}
		i.stacks, i.stats, i.busy = map[string][]interface{}{}, map[string]map[string]interface{}{}, map[string]bool{}
	case "ready":
		if !i.inPicture {
			i.t.Error("ready without a picture")
		}
		i.inPicture, i.holed = false, false
		i.pictures++
	case "stack":
		if _, known := i.stacks[id]; known {
			i.t.Errorf("stack %s is sent twice", id)
		}
		i.stacks[id] = m["frames"].([]interface{})
	case "open":
		if _, known := i.open[conn]; known || !i.inPicture && i.ids["c"+conn] {
			i.t.Errorf("connection %s is opened twice", conn)
		}
		i.open[conn] = m
		i.ids["c"+conn] = true
	case "close":
		if _, known := i.open[conn]; !known && !i.holed {
			i.t.Errorf("connection %s closed, and was not open", conn)
		}
		delete(i.open, conn)
	case "checkout":
		if _, known := i.out[id]; known || !i.inPicture && i.ids["x"+id] {
			i.t.Errorf("checkout %s twice", id)
		}
		if _, known := i.open[conn]; !known && !i.holed {
			i.t.Errorf("checkout %s of connection %s, which is not open", id, conn)
		}
		if open, _ := m["open"].(bool); open != i.inPicture {
			i.t.Errorf("checkout %s: open is %v", id, open)
		}
		i.out[id] = m
		i.ids["x"+id] = true
		i.busy[id], _ = m["busy"].(bool)
	case "checkin":
		if out, known := i.out[id]; !i.holed && (!known || out["conn"] != m["conn"]) {
			i.t.Errorf("checkin of %s, which is not out", id)
		}
		delete(i.out, id)
	case "use":
		if _, known := i.out[id]; !known && !i.holed {
			i.t.Errorf("use of %s, which is not out", id)
		}
		i.busy[id] = m["busy"].(bool)
		if statement, ok := m["statement"].(string); ok {
			i.used = append(i.used, statement)
		}
	case "prepared":
		stack, _ := m["stack"].(string)
		if _, told := i.stacks[stack]; stack != "" && !told && !i.inPicture {
			i.t.Errorf("statements of stack %s, which was not sent", stack)
		}
		i.prepared[stack] = m
		if m["count"].(float64) == 0 {
			delete(i.prepared, stack)
		}
	case "stats":
		i.stats[m["pool"].(string)] = m
	}
}

// picture reads until the next picture is complete.
func (i *inspector) picture() {
	i.t.Helper()
	for before := i.pictures; i.pictures == before; {
		if i.line() == nil {
			i.t.Fatal("the agent closed")
		}
	}
}

// until reads until something holds.
func (i *inspector) until(what string, holds func() bool) {
	i.t.Helper()
	for lines := 0; !holds(); lines++ {
		if i.line() == nil || lines > 2000000 {
			i.t.Fatal("the agent closed before: " + what)
		}
	}
}

// sync reads until the agent has answered a ping: what happened before is here then.
func (i *inspector) sync() {
	i.t.Helper()
	process.mu.Lock()
	a := process.agent
	process.mu.Unlock()
	eventually(i.t, "a round", func() bool {
		a.mu.Lock()
		defer a.mu.Unlock()
		return len(a.ring) == 0
	})
	i.send(`{"k":"ping","n":77}`)
	for {
		m := i.line()
		if m == nil {
			i.t.Fatal("the agent closed")
		}
		if m["k"] == "pong" {
			return
		}
	}
}

func (i *inspector) can(word string) bool {
	for _, w := range i.hello["can"].([]interface{}) {
		if w == word {
			return true
		}
	}
	return false
}

func (i *inspector) pools() (names []string) {
	for _, p := range i.hello["pools"].([]interface{}) {
		names = append(names, fmt.Sprint(p.(map[string]interface{})["pool"]))
	}
	return names
}

// eventually is for what other goroutines do in their own time.
func eventually(t testing.TB, what string, holds func() bool) {
	t.Helper()
	for deadline := time.Now().Add(10 * time.Second); !holds(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("never: " + what)
		}
	}
}
