// SPDX-License-Identifier: Apache-2.0

package poolscope

import (
	"context"
	"net"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

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
	var rounds atomic.Int64
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
				rounds.Add(1)
			}
		}
	}()
	i.until("the lazy one is let go", func() bool { return a.figures.attached.Load() == 1 })
	close(stop)
	wait.Wait()
	if rounds.Load() < 100 {
		t.Errorf("only %d rounds", rounds.Load())
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
	var logged atomic.Int64
	a := testAgent(t, AgentOptions{Log: func(string) { logged.Add(1) }})
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
	eventually(t, "it is closed", func() bool { return a.figures.attached.Load() == 0 })
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
