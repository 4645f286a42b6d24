// SPDX-License-Identifier: Apache-2.0

package integration

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestWindow attaches Poolscope's window, by its dialog, to an application of the pasted lines.
func TestWindow(t *testing.T) {
	window := os.Getenv("POOLSCOPE_WINDOW")
	if window == "" {
		return // a build without a window
	}
	program, line := buildPasted(t)
	dsn, folder := pgxDSN(t), t.TempDir()
	ctx, cancel := context.WithTimeout(context.Background(), 3*time.Minute)
	defer cancel()
	c := exec.CommandContext(ctx, program, dsn)
	c.Env = append(os.Environ(), "XDG_RUNTIME_DIR="+folder, "RUNTIME_DIRECTORY=", "POOLSCOPE_LISTEN=")
	c.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
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
	defer func() {
		input.Close()
		c.Wait()
	}()
	if said, err := bufio.NewReader(output).ReadString('\n'); strings.TrimSpace(said) != "ready" {
		t.Fatalf("the application said %q: %v", said, err)
	}
	w := exec.CommandContext(ctx, window, fmt.Sprint(c.Process.Pid), fmt.Sprintf("main.go:%d", line))
	w.Env = append(os.Environ(), "XDG_RUNTIME_DIR="+folder, "RUNTIME_DIRECTORY=", "QT_QPA_PLATFORM=offscreen")
	if out, err := w.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
}
