// SPDX-License-Identifier: Apache-2.0

package integration

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// pasted is a small application around the lines that users paste, which it gets.
const pasted = `package main

import (
	"context"
	"fmt"
	"io"
	"os"

	_ "github.com/jackc/pgx/v5/stdlib"
	%s
)

func main() {
	dsn := os.Args[1]
%s
	if err != nil {
		panic(err)
	}
	conn, err := db.Conn(context.Background()) // leaks: pasted
	if err != nil {
		panic(err)
	}
	fmt.Println("ready")
	io.Copy(io.Discard, os.Stdin)
	conn.Close()
}
`

// buildPasted makes it from the very file that the attach dialog shows; line is the one that leaks.
func buildPasted(t *testing.T) (program string, line int) {
	t.Helper()
	text, err := os.ReadFile("../lines/database-sql.txt")
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.ReplaceAll(strings.TrimSpace(string(text)), "@POOL@", "orders")
	head, rest, _ := strings.Cut(lines, "\n")
	source := fmt.Sprintf(pasted, strings.TrimPrefix(head, "import "), rest)
	for i, each := range strings.Split(source, "\n") {
		if strings.HasSuffix(each, "// leaks: pasted") {
			line = i + 1
		}
	}
	// Built as if it stood in this module: nothing is written there.
	folder := t.TempDir()
	file := filepath.Join(folder, "main.go")
	here, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	overlay, _ := json.Marshal(map[string]map[string]string{"Replace": {filepath.Join(here, "pasted", "main.go"): file}})
	for name, content := range map[string]string{file: source, filepath.Join(folder, "overlay"): string(overlay)} {
		if err := os.WriteFile(name, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	program = filepath.Join(folder, "leaks") // what start expects its socket to be called after
	if out, err := exec.Command("go", "build", "-overlay", filepath.Join(folder, "overlay"), "-o", program, "./pasted").CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, out)
	}
	return program, line
}

// pgxDSN is where the pasted application's database is.
func pgxDSN(t *testing.T) string {
	t.Helper()
	for _, target := range targets {
		if target.driver == "pgx" {
			return target.open(t)
		}
	}
	t.Fatal("no target uses pgx")
	return ""
}

// TestPastedLines: they find the leak, in an application that has nothing else of the agent.
func TestPastedLines(t *testing.T) {
	needPoolscope(t)
	program, line := buildPasted(t)
	address, _ := startProgram(t, program, pgxDSN(t))
	var leaks []leak
	ask(t, &leaks, "leaks", address, "--leak-after", "200ms", "--for", "700ms")
	if len(leaks) != 1 || leaks[0].Pool != "orders" || leaks[0].Kind != "checkout" {
		t.Fatalf("leaks are %+v", leaks)
	}
	for _, frame := range leaks[0].Stack {
		if frame.Own {
			if at := fmt.Sprintf("%s:%d", filepath.Base(frame.File), frame.Line); at != fmt.Sprintf("main.go:%d", line) {
				t.Errorf("comes from %s, not from line %d", at, line)
			}
			return
		}
	}
	t.Errorf("no frame is the application's: %+v", leaks[0].Stack)
}

// TestInstallLines: they are lines of a go.mod, for this very module.
func TestInstallLines(t *testing.T) {
	text, err := os.ReadFile("../lines/install.txt")
	if err != nil {
		t.Fatal(err)
	}
	folder, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "go.mod")
	content := "module shop\n\ngo 1.19\n\n" + strings.ReplaceAll(string(text), "@AGENTS@", folder)
	if err := os.WriteFile(file, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	c := exec.Command("go", "list", "-m", "-modfile", file, "-f", "{{.Dir}}", "poolscope.org/agent")
	c.Dir = filepath.Dir(file)
	c.Env = append(os.Environ(), "GOFLAGS=-mod=mod", "GOWORK=off")
	out, err := c.CombinedOutput()
	if here := filepath.Join(folder, "go"); err != nil || strings.TrimSpace(string(out)) != here {
		t.Fatalf("the module is found in %q, not in %q: %v", strings.TrimSpace(string(out)), here, err)
	}
}
