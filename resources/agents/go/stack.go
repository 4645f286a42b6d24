// SPDX-License-Identifier: Apache-2.0

package poolscope

import (
	"net/url"
	"reflect"
	"runtime"
	"runtime/debug"
	"strings"
	"sync"
	"sync/atomic"
)

// Stacks says when the stack of a checkout is taken.
type Stacks string

const (
	StacksOff            Stacks = "off"
	StacksSampled        Stacks = "sampled"         // one checkout in sixteen, and one prepared statement
	StacksAlways         Stacks = "always"          // the default: the line that leaks is what one wants
	StacksNearExhaustion Stacks = "near_exhaustion" // while 80 % of the pool's limit are checked out
)

const (
	sampleEvery = 16
	maxStacks   = 20000 // distinct ones; what comes after is a checkout without a stack
)

// stack is one distinct list of return addresses.
type stack struct {
	id  uint64
	pcs []uintptr
}

// stackTable interns stacks: the same addresses are the same stack, for ever.
type stackTable struct {
	mu     sync.RWMutex
	byHash map[uint64][]*stack
	count  uint64
	byKey  map[uint64][]walked
	keys   int
}

// walked is what walk found for a stack, once.
type walked struct {
	pcs   []uintptr
	stack *stack
}

func hashOf(pcs []uintptr) uint64 {
	h := uint64(14695981039346656037)
	for _, pc := range pcs {
		h = (h ^ uint64(pc)) * 1099511628211
	}
	return h
}

func same(a, b []uintptr) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if a[i] != b[i] {
			return false
		}
	}
	return true
}

func (t *stackTable) intern(pcs []uintptr) *stack {
	hash := hashOf(pcs)
	t.mu.RLock()
	found := t.find(hash, pcs)
	t.mu.RUnlock()
	if found != nil {
		return found
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if found := t.find(hash, pcs); found != nil {
		return found
	}
	if t.count >= maxStacks {
		return nil
	}
	t.count++
	s := &stack{t.count, append([]uintptr(nil), pcs...)}
	if t.byHash == nil {
		t.byHash = make(map[uint64][]*stack)
	}
	t.byHash[hash] = append(t.byHash[hash], s)
	return s
}

func (t *stackTable) find(hash uint64, pcs []uintptr) *stack {
	for _, s := range t.byHash[hash] {
		if same(s.pcs, pcs) {
			return s
		}
	}
	return nil
}

// fromOpener tells database/sql's own goroutine, which opens connections for those who wait, from one
// that asked for a connection itself. That goroutine's entry is the outermost frame.
func fromOpener(pcs []uintptr) bool {
	for i := len(pcs) - 1; i >= 0 && i >= len(pcs)-3; i-- {
		if f := runtime.FuncForPC(pcs[i] - 1); f != nil && f.Name() == "database/sql.(*DB).connectionOpener" {
			return true
		}
	}
	return false
}

// wantsStack decides by the mode, cheaply, for a checkout.
func (a *agent) wantsStack(p *pool) bool {
	return a.wantsStackCounted(p, &a.sample)
}

// wantsStackCounted is for whatever the sample counts.
func (a *agent) wantsStackCounted(p *pool, sample *uint32) bool {
	switch a.stacks {
	case StacksOff:
		return false
	case StacksSampled:
		return atomic.AddUint32(sample, 1)%sampleEvery == 1
	case StacksNearExhaustion:
		max := p.max.Load()
		return max > 0 && p.lentNow.Load()*5 >= max*4
	}
	return true
}

// capture takes the stack of whoever called into database/sql.
func (a *agent) capture(p *pool) *stack {
	if !a.wantsStack(p) {
		return nil
	}
	return a.table.here()
}

// captureCounted is capture for another sample than the checkouts'.
func (a *agent) captureCounted(p *pool, sample *uint32) *stack {
	if !a.wantsStackCounted(p, sample) {
		return nil
	}
	return a.table.here()
}

// outermost is the return address of every goroutine's first function, as initialisation sees it; 0: not
// known, and no stack is looked up by its frame pointers.
var outermost = func() uintptr {
	var pcs [4 * maxFrames]uintptr
	n := runtime.Callers(1, pcs[:])
	if n > 0 {
		if f := runtime.FuncForPC(pcs[n-1]); f != nil && f.Name() == "runtime.goexit" {
			return pcs[n-1]
		}
	}
	return 0
}()

// here is the stack of its caller's caller.
//
//go:noinline
func (t *stackTable) here() *stack {
	var key, pcs [maxFrames]uintptr
	known := key[:walk(&key)]
	if n := len(known); n > 0 && n < maxFrames && known[n-1] != outermost {
		known = nil // it did not come to the goroutine's top
	}
	hash := hashOf(known)
	if len(known) > 0 {
		t.mu.RLock()
		for _, w := range t.byKey[hash] {
			if same(w.pcs, known) {
				t.mu.RUnlock()
				return w.stack
			}
		}
		t.mu.RUnlock()
	}
	s := t.intern(pcs[:runtime.Callers(2, pcs[:])])
	if len(known) > 0 && s != nil {
		t.remember(hash, known, s)
	}
	return s
}

func (t *stackTable) remember(hash uint64, known []uintptr, s *stack) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.keys >= 2*maxStacks {
		return
	}
	if t.byKey == nil {
		t.byKey = make(map[uint64][]walked)
	}
	t.keys++
	t.byKey[hash] = append(t.byKey[hash], walked{append([]uintptr(nil), known...), s})
}

// ownership tells the application's frames from others'.
type ownership struct {
	prefixes []string // packages, of the application
	depth    int      // frames that are told
	agent    string   // this package
}

func newOwnership(packages []string, depth int) ownership {
	if depth <= 0 || depth > maxFrames {
		depth = maxFrames
	}
	o := ownership{prefixes: packages, depth: depth, agent: reflect.TypeOf(Connector{}).PkgPath()}
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Path != "" && info.Main.Path != "command-line-arguments" {
		o.prefixes = append(o.prefixes[:len(o.prefixes):len(o.prefixes)], info.Main.Path)
	}
	return o
}

// packageOf is the package of a function as the runtime names it: "example.com/shop/orders.(*Repo).Load".
func packageOf(function string) string {
	from := strings.LastIndexByte(function, '/') + 1
	if generic := strings.IndexByte(function, '['); generic >= 0 && generic < from {
		from = strings.LastIndexByte(function[:generic], '/') + 1
	}
	if dot := strings.IndexByte(function[from:], '.'); dot >= 0 {
		function = function[:from+dot]
	}
	if plain, err := url.PathUnescape(function); err == nil { // dots of the last element are escaped
		return plain
	}
	return function
}

func (o *ownership) isOwn(function string) bool {
	name := packageOf(function)
	if name == "main" {
		return true
	}
	for _, prefix := range o.prefixes {
		if name == prefix || strings.HasPrefix(name, prefix+"/") || name == prefix+"_test" {
			return true
		}
	}
	return false
}

// isLibrary is for frames of which nothing is known but that they are not the application's main module.
func isLibrary(function, file string) bool {
	name := packageOf(function)
	if first := strings.SplitN(name, "/", 2)[0]; !strings.Contains(first, ".") && name != "main" {
		return true // the standard library
	}
	return strings.Contains(file, "/pkg/mod/") || strings.Contains(file, "@v") || strings.Contains(file, "/vendor/")
}

// isDriver tells the packages between the application and the server.
func isDriver(function string) bool {
	name := packageOf(function)
	for _, driver := range []string{"github.com/lib/pq", "github.com/go-sql-driver/mysql", "github.com/jackc/"} {
		if strings.HasPrefix(name, driver) {
			return true
		}
	}
	return false
}

// frames are those of a stack, innermost first, without the agent's own.
func (o *ownership) frames(s *stack) []frame {
	var list []frame
	any := false
	walk := runtime.CallersFrames(s.pcs)
	for more := len(s.pcs) > 0; more && len(list) < o.depth; {
		var f runtime.Frame
		f, more = walk.Next()
		if f.Function == "" || strings.HasPrefix(f.Function, o.agent+".") || f.Function == "runtime.goexit" {
			continue
		}
		own := o.isOwn(f.Function)
		any = any || own
		list = append(list, frame{f.Function, f.File, f.Line, own})
	}
	// A binary that does not know its main module, or an application that is all modules.
	for i := range list {
		f := &list[i]
		if !any && !isLibrary(f.function, f.file) && !isDriver(f.function) {
			f.own = true
		}
	}
	return list
}
