// SPDX-License-Identifier: Apache-2.0

package integration

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

var applicationFolder, application string

// buildApplication builds the one with the mistakes.
func buildApplication() (err error) {
	if applicationFolder, err = os.MkdirTemp("", "pga-"); err != nil {
		return err
	}
	application = filepath.Join(applicationFolder, "leaks")
	if out, err := exec.Command("go", "build", "-o", application, "./leaks").CombinedOutput(); err != nil {
		return fmt.Errorf("go build: %w\n%s", err, out)
	}
	return nil
}

// leak is what `poolscope leaks --json` says of one.
type leak struct {
	Kind       string            `json:"kind"`
	Pool       string            `json:"pool"`
	ServerPID  int64             `json:"server_pid"`
	AcquiredBy string            `json:"acquired_by"`
	Tags       map[string]string `json:"tags"`
	Stack      []struct {
		Function string `json:"function"`
		File     string `json:"file"`
		Line     int    `json:"line"`
		Own      bool   `json:"own"`
	} `json:"stack"`
}

// patterns: how many leaks each is, of which the line is marked in the application; 0: nothing at all.
var patterns = []struct {
	name  string
	leaks int
	rests bool // false where the database may still work on it, and only the checkout's line counts
}{
	{"rows", 1, true},
	{"rows-right", 0, true},
	{"rows-read", 0, true},
	{"rows-err", 0, true},
	{"failed-query", 0, true},
	{"panic", 1, true},
	{"panic-right", 0, true},
	{"conn", 1, true},
	{"conn-right", 0, true},
	{"tx", 1, true},
	{"tx-right", 0, true},
	{"stmt", 0, true}, // holds statements on the server, and no connection of the pool
	{"stmt-right", 0, true},
	{"stmt-rows", 1, true},
	{"goroutine", 1, true},
	{"opener", 1, true},
	{"broken", 0, true},
	{"busy", 0, false},
	{"queryrow", 1, true},
	{"queryrow-right", 0, true},
	{"cancelled", 0, true},
	{"transaction-in-loop", 3, true},
}

// lineOf finds the line that is marked with "// leaks: name".
func lineOf(t *testing.T, name string) int {
	source, err := os.Open("leaks/main.go")
	if err != nil {
		t.Fatal(err)
	}
	defer source.Close()
	scanner := bufio.NewScanner(source)
	for line := 1; scanner.Scan(); line++ {
		if strings.HasSuffix(scanner.Text(), "// leaks: "+name) {
			return line
		}
	}
	t.Fatalf("no line of leaks/main.go is marked with %q", name)
	return 0
}

// start runs the application until it says "ready"; the result is the agent's address, as one finds it
// in the runtime directory.
func start(t *testing.T, driver, dsn, pattern string) (address string, pid int) {
	return startProgram(t, application, driver, dsn, pattern)
}

func startProgram(t *testing.T, program string, arguments ...string) (address string, pid int) {
	runtime := t.TempDir()
	c := exec.Command(program, arguments...)
	c.Env = append(os.Environ(), "XDG_RUNTIME_DIR="+runtime, "RUNTIME_DIRECTORY=", "POOLSCOPE_LISTEN=")
	c.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	var trouble strings.Builder
	c.Stderr = &trouble
	input, err := c.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	output, err := c.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		input.Close()
		patience := time.AfterFunc(5*time.Second, func() { c.Process.Kill() }) // db.Close waits for a statement
		c.Wait()
		patience.Stop()
	})
	line, err := bufio.NewReader(output).ReadString('\n')
	if err != nil || strings.TrimSpace(line) != "ready" {
		t.Fatalf("the application said %q: %v\n%s", line, err, trouble.String())
	}
	sockets, _ := filepath.Glob(filepath.Join(runtime, "poolscope", "*.sock"))
	want := fmt.Sprintf("%d-leaks.sock", c.Process.Pid)
	if len(sockets) != 1 || filepath.Base(sockets[0]) != want {
		t.Fatalf("sockets are %q, where %q was expected\n%s", sockets, want, trouble.String())
	}
	return "pool+unix://" + sockets[0], c.Process.Pid
}

func ask(t *testing.T, result interface{}, verb, address string, more ...string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 90*time.Second)
	defer cancel()
	c := exec.CommandContext(ctx, os.Getenv("POOLSCOPE_BIN"), append([]string{verb, "--json", address}, more...)...)
	c.Env = append(os.Environ(), "QT_QPA_PLATFORM=offscreen", "LC_ALL=C.UTF-8", "TZ=UTC")
	var trouble strings.Builder
	c.Stderr = &trouble
	out, err := c.Output()
	if err != nil {
		t.Fatalf("poolscope %s: %v\n%s%s", verb, err, out, trouble.String())
	}
	if err := json.Unmarshal(out, result); err != nil {
		t.Fatalf("poolscope %s: %v in\n%s", verb, err, out)
	}
}

func needPoolscope(t *testing.T) {
	if os.Getenv("POOLSCOPE_BIN") == "" {
		t.Skip("POOLSCOPE_BIN does not name the program")
	}
}

// TestLeaks runs every pattern in the real pool against the real server, attaches Poolscope, and expects
// what is wrong by line and what is right in silence.
func TestLeaks(t *testing.T) {
	needPoolscope(t)
	for _, target := range targets {
		for _, pattern := range patterns {
			target, pattern := target, pattern
			t.Run(target.driver+"/"+pattern.name, func(t *testing.T) {
				t.Parallel()
				address, _ := start(t, target.driver, target.open(t), pattern.name)
				var leaks []leak
				ask(t, &leaks, "leaks", address, "--leak-after", "200ms", "--for", "700ms")
				if len(leaks) != pattern.leaks {
					t.Fatalf("%d leaks, not %d: %+v", len(leaks), pattern.leaks, leaks)
				}
				for _, found := range leaks {
					checkLeak(t, pattern.name, found)
				}
			})
		}
	}
}

func checkLeak(t *testing.T, pattern string, found leak) {
	t.Helper()
	if found.Kind != "checkout" || found.Pool != "shop" || found.AcquiredBy != "handler" {
		t.Errorf("is a %q of pool %q by %q", found.Kind, found.Pool, found.AcquiredBy)
	}
	if found.Tags["route"] != "/"+pattern || found.Tags["tenant"] != "früh" || len(found.Tags) != 2 {
		t.Errorf("has tags %v", found.Tags)
	}
	if found.ServerPID == 0 {
		t.Error("has no server pid")
	}
	checkLine(t, pattern, found)
}

// checkLine: the innermost frame of the application is the one that is marked.
func checkLine(t *testing.T, pattern string, found leak) {
	t.Helper()
	for _, frame := range found.Stack {
		if !frame.Own {
			continue
		}
		if filepath.Base(frame.File) != "main.go" || frame.Line != lineOf(t, pattern) {
			t.Errorf("comes from %s:%d, not from line %d", frame.File, frame.Line, lineOf(t, pattern))
		}
		return
	}
	t.Errorf("no frame is the application's: %+v", found.Stack)
}

// TestStatements: of three lines that prepare again and again the one that never closes is named; the one
// that closes and the one that keeps each text to use it again are not.
func TestStatements(t *testing.T) {
	needPoolscope(t)
	for _, target := range targets {
		target := target
		t.Run(target.driver, func(t *testing.T) {
			t.Parallel()
			address, _ := start(t, target.driver, target.open(t), "stmt-grows")
			var leaks []leak
			ask(t, &leaks, "leaks", address, "--leak-after", "10s", "--for", "30s")
			if len(leaks) != 1 {
				t.Fatalf("%d leaks, not one: %+v", len(leaks), leaks)
			}
			if leaks[0].Kind != "statement" || leaks[0].Pool != "shop" {
				t.Errorf("is a %q of pool %q", leaks[0].Kind, leaks[0].Pool)
			}
			checkLine(t, "stmt-grows", leaks[0])
		})
	}
}

// TestBusyIsNoLeak: a statement that takes its time is slow; the connection that is kept after it leaks.
func TestBusyIsNoLeak(t *testing.T) {
	needPoolscope(t)
	for _, target := range targets {
		target := target
		t.Run(target.driver, func(t *testing.T) {
			t.Parallel()
			address, _ := start(t, target.driver, target.open(t), "slow-then-kept")
			var leaks []leak
			ask(t, &leaks, "leaks", address, "--leak-after", "200ms", "--for", "700ms")
			var held []leak
			if ask(t, &held, "checkouts", address); len(held) != 1 {
				t.Fatalf("%d are held, not one: %+v", len(held), held)
			}
			checkLine(t, "slow-then-kept", held[0])
			if len(leaks) != 0 {
				t.Errorf("what works is called a leak: %+v", leaks)
			}
			for end := time.Now().Add(60 * time.Second); len(leaks) == 0 && time.Now().Before(end); {
				ask(t, &leaks, "leaks", address, "--leak-after", "200ms", "--for", "700ms")
			}
			if len(leaks) != 1 {
				t.Fatalf("%d leaks, not one: %+v", len(leaks), leaks)
			}
			checkLeak(t, "slow-then-kept", leaks[0])
		})
	}
}
