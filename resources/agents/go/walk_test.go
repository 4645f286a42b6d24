// SPDX-License-Identifier: Apache-2.0

package poolscope

import (
	"math/rand"
	"reflect"
	"runtime"
	"sync"
	"testing"
	"unsafe"
)

// shaper calls down in many ways, so that stacks of every form come about.
type shaper struct {
	random *rand.Rand
	last   func()
}

type caller interface{ call(int) }

func (s *shaper) call(depth int) {
	if depth == 0 {
		s.last()
		return
	}
	switch s.random.Intn(8) {
	case 0:
		s.call(depth - 1)
	case 1:
		inlined(s, depth)
	case 2:
		func() { defer s.call(depth - 1) }()
	case 3:
		reflect.ValueOf(s.call).Call([]reflect.Value{reflect.ValueOf(depth - 1)})
	case 4:
		caller(s).call(depth - 1)
	case 5:
		var large [4096]byte // grows, and so moves, the stack
		large[s.random.Intn(len(large))] = 1
		s.call(depth - 1)
		runtime.KeepAlive(&large)
	case 6:
		func() {
			defer func() { recover(); s.call(depth - 1) }()
			panic("on the way")
		}()
	default:
		var once sync.Once
		once.Do(func() { s.call(depth - 1) })
	}
}

func inlined(s *shaper, depth int) { s.call(depth - 1) }

//go:noinline
func both(t *stackTable) (quick, slow *stack) {
	quick = func() *stack { return t.here() }() // here() names its caller's caller
	var pcs [maxFrames]uintptr
	slow = t.intern(pcs[:runtime.Callers(1, pcs[:])])
	return quick, slow
}

// TestWalk: a stack that is looked up by its frame pointers is the one that runtime.Callers finds.
func TestWalk(t *testing.T) {
	var table stackTable
	var wait sync.WaitGroup
	for worker := int64(0); worker < 4; worker++ {
		wait.Add(1)
		go func(seed int64) {
			defer wait.Done()
			for n := int64(0); n < 3000; n++ {
				s := &shaper{random: rand.New(rand.NewSource(seed*1000 + n%500))} // each shape several times
				s.last = func() {
					quick, slow := both(&table)
					if quick == nil || slow == nil {
						t.Error("no stack")
						return
					}
					// They are taken on two lines of both(): what is above must be the same.
					a, b := above(quick), above(slow)
					if len(a) == 0 || !same(a, b) {
						t.Errorf("seed %d: %d frames, %d frames", n, len(a), len(b))
					}
				}
				s.call(int(n % 40))
			}
		}(worker)
	}
	wait.Wait()
	if runtime.GOOS == "linux" && runtime.GOARCH == "amd64" && table.keys == 0 {
		t.Error("frame pointers were not followed")
	}
}

// above is the part of a stack above both().
func above(s *stack) []uintptr {
	for i, pc := range s.pcs {
		f := runtime.FuncForPC(pc - 1)
		if f != nil && f.Name() == reflect.TypeOf(shaper{}).PkgPath()+".both" {
			rest := s.pcs[i+1:]
			if len(rest) > maxFrames-8 { // the depth is bounded, and one of the two has a frame more
				rest = rest[:maxFrames-8]
			}
			return rest
		}
	}
	return nil
}

// bent calls with the frame pointer of its caller's frame changed, as C code may leave it.
//
//go:noinline
//go:nocheckptr
func bent(to uintptr, call func()) bool {
	var caller [1]uintptr
	runtime.Callers(2, caller[:])
	var here [64]uintptr
	above := (*[128]uintptr)(unsafe.Pointer(&here))
	for n := 1; n < len(above); n++ {
		at, saved := uintptr(unsafe.Pointer(above)), above[n-1]
		if above[n] == caller[0] && saved > at && saved-at < 1<<12 { // what this function saved, and where it returns to
			above[n-1] = to
			call()
			above[n-1] = saved
			return true
		}
	}
	return false
}

//go:noinline
func oneCaller(to uintptr, call func()) bool { ok := bent(to, call); return ok }

//go:noinline
func otherCaller(to uintptr, call func()) bool { ok := bent(to, call); return ok }

// TestWalkAstray: two callers whose chain ends early do not share a stack.
func TestWalkAstray(t *testing.T) {
	if runtime.GOOS != "linux" || runtime.GOARCH != "amd64" {
		return
	}
	for _, to := range []uintptr{0, 8, ^uintptr(7)} {
		var table stackTable
		var found []*stack
		take := func() { found = append(found, table.here()) }
		deep(30, take) // the stack has grown
		found = nil
		table.keys, table.byKey = 0, nil
		if !oneCaller(to, take) || !otherCaller(to, take) {
			t.Fatal("the frame is not found")
		}
		if found[0] == found[1] || table.keys != 0 {
			t.Errorf("%#x: both are stack %d, %d keys", to, found[0].id, table.keys)
		}
	}
	if outermost == 0 {
		t.Error("the outermost return address is not known")
	}
}

func BenchmarkStack(b *testing.B) {
	var table stackTable
	deep(20, func() {
		for n := 0; n < b.N; n++ {
			table.here()
		}
	})
}
