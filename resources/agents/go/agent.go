// SPDX-License-Identifier: Apache-2.0

package poolscope

import (
	"database/sql/driver"
	"fmt"
	"log"
	"os"
	"path/filepath"
	"runtime"
	"sort"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

const agentVersion = "0.1.0"

// AgentOptions are those of the process's one agent. What is empty says the environment, or a default.
type AgentOptions struct {
	// Name of the process, in hello and in the socket's name. Empty: the program's.
	Name string
	// Listen as POOLSCOPE_LISTEN: "unix:/path", "/path", "host:port", "off". Empty: what that variable
	// says, else a Unix socket in the first usable folder.
	Listen string
	// Token for TCP. Empty: what POOLSCOPE_TOKEN says.
	Token string
	// Group of the operating system whose members may attach to the Unix socket. Empty: only the same
	// user, and root.
	Group string
	// Stacks: what POOLSCOPE_STACKS says where empty, else StacksAlways.
	Stacks Stacks
	// StackDepth is how many frames of a stack are told, 1 to 64. 0: 64.
	StackDepth int
	// Own are prefixes of import paths whose frames are the application's, beside those of its main module.
	Own []string
	// Log gets a sentence for every attach, detach and failure, and at most one in ten seconds for
	// refusals. nil: the standard logger.
	Log func(sentence string)

	ringEvents int           // between the application's goroutines and the agent's
	peerBytes  int           // that may wait for one inspector before its events are dropped
	drainEvery time.Duration // as the others below: for tests
	statsEvery time.Duration
	authTime   time.Duration
	stallTime  time.Duration
}

// agent is the endpoint of a process and what its pools report.
type agent struct {
	options   AgentOptions
	stacks    Stacks
	began     time.Time
	epoch     int64 // the wall clock, microseconds, at began
	table     stackTable
	ownership ownership
	endpoint  *endpoint // nil: listens nowhere
	off       int32     // atomic
	attached  int32     // atomic; written under mu
	sample    uint32    // atomic
	faults    int32     // atomic
	figures   counters
	refusals  struct {
		mu     sync.Mutex
		told   time.Time
		untold int
	}

	mu      sync.Mutex // held for a moment only, and while holding it nothing else is called
	ids     uint64
	number  uint64
	dropped uint64
	ring    []event
	spare   []event
	pools   []*pool

	wake    chan struct{}
	changed chan struct{}
	joining chan *peer
	lines   chan peerLine
	stop    chan struct{}
	stopped chan struct{}
	once    sync.Once
}

// Figures count since the agent was started. Only Attached falls.
type Figures struct {
	Attached int64 // inspectors, now
	Accepted int64
	Refused  int64 // by credentials, token, limits
	Dropped  int64 // events, because the ring was full or a peer read too slowly
	Pictures int64
	BadLines int64 // from inspectors
	Stacks   int64 // distinct ones
	Faults   int64 // of the agent itself
}

// counters are what Figures tells. 64 bits are atomic only if they are aligned, which atomic.Int64 sees to on
// every machine.
type counters struct {
	attached, accepted, refused, dropped, pictures, badLines atomic.Int64
}

var process struct {
	mu    sync.Mutex
	agent *agent
}

// current is the agent of the process, started with what the environment says if nobody did.
func current() *agent {
	process.mu.Lock()
	defer process.mu.Unlock()
	if process.agent == nil {
		a, err := startAgent(AgentOptions{})
		if err != nil {
			a.log(err.Error())
		}
		process.agent = a
	}
	return process.agent
}

// Start starts the agent with other options than the environment's. Call it before Open, OpenDB and
// Wrap; where an agent runs already that is an error. An error says why it cannot listen: pools work all
// the same, without an agent.
func Start(options AgentOptions) error {
	process.mu.Lock()
	defer process.mu.Unlock()
	if process.agent != nil {
		return fmt.Errorf("poolscope: the agent runs already")
	}
	a, err := startAgent(options)
	process.agent = a
	return err
}

// Close lets inspectors go, ends the agent and removes its socket. Pools go on without; those that are
// made after it get a new agent. Call it at the end of main, so that no socket stays behind.
func Close() {
	process.mu.Lock()
	a := process.agent
	process.agent = nil
	process.mu.Unlock()
	if a != nil {
		a.close()
	}
}

// Address is where the agent listens: "pool+unix:///…/4242-shop.sock", "pool://127.0.0.1:7007". Empty
// where it does not.
func Address() string {
	process.mu.Lock()
	defer process.mu.Unlock()
	if process.agent == nil || process.agent.endpoint == nil {
		return ""
	}
	return process.agent.endpoint.address
}

// AgentFigures tell how the agent fares.
func AgentFigures() Figures {
	process.mu.Lock()
	a := process.agent
	process.mu.Unlock()
	if a == nil {
		return Figures{}
	}
	f := &a.figures
	a.table.mu.RLock()
	stacks := int64(a.table.count)
	a.table.mu.RUnlock()
	return Figures{f.attached.Load(), f.accepted.Load(), f.refused.Load(),
		f.dropped.Load(), f.pictures.Load(), f.badLines.Load(), stacks,
		int64(atomic.LoadInt32(&a.faults))}
}

func orElse(value, other string) string {
	if value != "" {
		return value
	}
	return other
}

func orDuration(value, other time.Duration) time.Duration {
	if value > 0 {
		return value
	}
	return other
}

func startAgent(o AgentOptions) (a *agent, err error) {
	if o.Name == "" && len(os.Args) > 0 {
		o.Name = filepath.Base(os.Args[0])
	}
	o.Listen = orElse(o.Listen, os.Getenv("POOLSCOPE_LISTEN"))
	o.Token = orElse(o.Token, os.Getenv("POOLSCOPE_TOKEN"))
	o.Stacks = Stacks(orElse(string(o.Stacks), os.Getenv("POOLSCOPE_STACKS")))
	o.drainEvery = orDuration(o.drainEvery, 10*time.Millisecond)
	o.statsEvery = orDuration(o.statsEvery, time.Second)
	o.authTime = orDuration(o.authTime, 5*time.Second)
	o.stallTime = orDuration(o.stallTime, 30*time.Second)
	if o.ringEvents <= 0 {
		o.ringEvents = 16 << 10
	}
	if o.peerBytes <= 0 {
		o.peerBytes = 8 << 20
	}
	a = &agent{options: o, stacks: o.Stacks, began: time.Now(), ownership: newOwnership(o.Own, o.StackDepth),
		wake: make(chan struct{}, 1), changed: make(chan struct{}, 1), joining: make(chan *peer),
		lines: make(chan peerLine, 64), stop: make(chan struct{}), stopped: make(chan struct{})}
	a.epoch = a.began.UnixNano() / 1000
	switch a.stacks {
	case StacksOff, StacksSampled, StacksAlways, StacksNearExhaustion:
	case "":
		a.stacks = StacksAlways
	default:
		a.log(fmt.Sprintf("POOLSCOPE_STACKS is %q: off, sampled, always or near_exhaustion is meant. Taking always.", a.stacks))
		a.stacks = StacksAlways
	}
	a.endpoint, err = openEndpoint(o)
	if err != nil || a.endpoint == nil {
		a.off = 1
		close(a.stopped)
		return a, err
	}
	go a.accept()
	go a.run()
	if a.stacks == StacksNearExhaustion {
		go a.readLimits()
	}
	return a, nil
}

func (a *agent) close() {
	a.once.Do(func() {
		atomic.StoreInt32(&a.off, 1)
		close(a.stop)
		if a.endpoint != nil {
			a.endpoint.close()
		}
	})
	select {
	case <-a.stopped:
	case <-time.After(500 * time.Millisecond): // the end of main does not wait for the agent
	}
}

func (a *agent) isOff() bool      { return atomic.LoadInt32(&a.off) != 0 }
func (a *agent) isAttached() bool { return atomic.LoadInt32(&a.attached) != 0 }

// now is the protocol's clock, in microseconds.
func (a *agent) now() int64 { return a.epoch + int64(time.Since(a.began)/time.Microsecond) }

func (a *agent) callers() []uintptr {
	pcs := make([]uintptr, maxFrames)
	return pcs[:runtime.Callers(3, pcs)]
}

func (a *agent) log(sentence string) {
	defer func() { _ = recover() }() // what the application's logger throws is not the pool's trouble
	if a.options.Log != nil {
		a.options.Log(sentence)
	} else {
		log.Print("poolscope: " + sentence)
	}
}

// logRefusal writes at most one line in ten seconds: whoever reaches the socket can cause them.
func (a *agent) logRefusal(sentence string) {
	const between = 10 * time.Second
	a.refusals.mu.Lock()
	now := time.Now()
	if last := a.refusals.told; !last.IsZero() && now.Sub(last) < between {
		a.refusals.untold++
		a.refusals.mu.Unlock()
		return
	}
	untold := a.refusals.untold
	a.refusals.told, a.refusals.untold = now, 0
	a.refusals.mu.Unlock()
	if untold > 0 {
		sentence += fmt.Sprintf(" Since the last such line %d more were refused.", untold)
	}
	a.log(sentence)
}

// fault tells of what went wrong in the agent, the first time.
func (a *agent) fault(trouble interface{}) {
	if atomic.AddInt32(&a.faults, 1) == 1 {
		a.log(fmt.Sprintf("The agent failed, and the application goes on without what it missed: %v", trouble))
	}
}

// show makes a pool visible, under a name that no other has.
func (a *agent) show(p *pool) {
	if a.isOff() {
		return
	}
	a.mu.Lock()
	if p.shown || p.closed {
		a.mu.Unlock()
		return
	}
	wanted, _ := cut(orElse(p.wanted, "pool"), maxPoolName-8)
	p.name = wanted
	for i := 2; a.isTakenLocked(p.name); i++ {
		p.name = fmt.Sprintf("%s-%d", wanted, i)
	}
	p.shown = true
	a.pools = append(a.pools, p)
	a.mu.Unlock()
	a.poolsChanged()
}

func (a *agent) isTakenLocked(name string) bool {
	for _, p := range a.pools {
		if p.name == name {
			return true
		}
	}
	return false
}

// hide takes a pool away; connections that are still held go with it.
func (a *agent) hide(p *pool) {
	defer a.guard()
	a.mu.Lock()
	for i, other := range a.pools {
		if other == p {
			a.pools = append(a.pools[:i:i], a.pools[i+1:]...)
			break
		}
	}
	p.shown = false
	p.closed = true // a Connect may still be under way
	p.db = nil
	a.mu.Unlock()
	a.poolsChanged()
}

func (a *agent) poolsChanged() {
	select {
	case a.changed <- struct{}{}:
	default:
	}
}

func (a *agent) shownPools() []*pool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return append([]*pool(nil), a.pools...)
}

// readLimits is for StacksNearExhaustion, which needs them also with nobody attached.
func (a *agent) readLimits() {
	ticker := time.NewTicker(time.Second)
	defer ticker.Stop()
	for {
		select {
		case <-a.stop:
			return
		case <-ticker.C:
			a.refreshLimits()
		}
	}
}

func (a *agent) refreshLimits() {
	defer a.guard()
	for _, p := range a.shownPools() {
		p.figures()
	}
}

// hello says who this is and what it can tell.
func (a *agent) hello(pools []*pool) *helloLine {
	host, _ := os.Hostname()
	line := &helloLine{now: a.now(), agent: "poolscope-go", agentVersion: agentVersion, language: "Go",
		process_: a.options.Name, pid: int64(os.Getpid()), host: host, started: processStart()}
	can := map[string]bool{}
	for _, p := range pools {
		line.pools = append(line.pools, p.info())
		for _, word := range p.can() {
			can[word] = true
		}
	}
	for word := range can {
		line.can = append(line.can, word)
	}
	sort.Strings(line.can)
	return line
}

var _ driver.Connector = (*Connector)(nil)

func plainLine(text string, max int) string {
	text = strings.Map(func(r rune) rune {
		if r < 0x20 || r == 0x7f {
			return ' '
		}
		return r
	}, text)
	text, _ = cut(text, max)
	return text
}
