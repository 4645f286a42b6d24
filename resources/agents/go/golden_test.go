// SPDX-License-Identifier: Apache-2.0

package poolscope

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// The transcripts stand with the protocol's page, beside this folder in the source tree.
const golden = "../../protocol/golden"

type goldenLine struct {
	mark   byte // > < ~ ! #
	text   string
	reason string
}

var (
	escapedByte = regexp.MustCompile(`\\x([0-9a-f]{2})`)
	escapedRun  = regexp.MustCompile(`\\\*(\d+)x(.)`)
)

func unescaped(text string) string {
	text = escapedRun.ReplaceAllStringFunc(text, func(m string) string {
		parts := escapedRun.FindStringSubmatch(m)
		n, _ := strconv.Atoi(parts[1])
		return strings.Repeat(parts[2], n)
	})
	return escapedByte.ReplaceAllStringFunc(text, func(m string) string {
		n, _ := strconv.ParseUint(m[2:], 16, 8)
		return string([]byte{byte(n)})
	})
}

func transcripts(t *testing.T) map[string][]goldenLine {
	names, _ := filepath.Glob(golden + "/*.jsonl")
	if len(names) == 0 {
		t.Skip("the protocol's transcripts are not beside this folder")
	}
	all := map[string][]goldenLine{}
	for _, name := range names {
		data, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		for _, line := range strings.Split(strings.TrimSuffix(string(data), "\n"), "\n") {
			g := goldenLine{mark: line[0], text: line[2:]}
			if g.mark == '!' {
				parts := strings.SplitN(g.text, "\t", 2)
				g.reason, g.text = parts[0], parts[1]
			}
			if g.mark == '!' || g.mark == '~' {
				g.text = unescaped(g.text)
			}
			all[filepath.Base(name)] = append(all[filepath.Base(name)], g)
		}
	}
	if len(all) < 8 {
		t.Errorf("%d transcripts", len(all))
	}
	return all
}

// ordered reads an object without losing the order of its members.
func ordered(t *testing.T, raw json.RawMessage) (list []pair, values map[string]json.RawMessage) {
	values = map[string]json.RawMessage{}
	d := json.NewDecoder(bytes.NewReader(raw))
	d.Token()
	for d.More() {
		key, _ := d.Token()
		var value json.RawMessage
		if err := d.Decode(&value); err != nil {
			t.Fatal(err)
		}
		values[key.(string)] = value
		text := string(value)
		if value[0] == '"' {
			json.Unmarshal(value, &text)
		}
		list = append(list, pair{key.(string), text})
	}
	return list, values
}

type goldenFields struct {
	t *testing.T
	m map[string]json.RawMessage
}

func (f goldenFields) text(key string) (s string) { json.Unmarshal(f.m[key], &s); return s }
func (f goldenFields) flag(key string) (b bool)   { json.Unmarshal(f.m[key], &b); return b }
func (f goldenFields) number(key string) number {
	raw, ok := f.m[key]
	if !ok || string(raw) == "null" {
		return number{}
	}
	n, err := strconv.ParseInt(string(raw), 10, 64)
	if err != nil {
		f.t.Errorf("%s is %s", key, raw)
	}
	return known(n)
}
func (f goldenFields) durations(key string) durations {
	raw, ok := f.m[key]
	if !ok {
		return durations{}
	}
	_, m := ordered(f.t, raw)
	g := goldenFields{f.t, m}
	return durations{true, g.number("count"), g.number("total_us"), g.number("p50_us"), g.number("p99_us")}
}

// rewritten writes the values of a line anew. "" for kinds that this agent never sends.
func rewritten(t *testing.T, text string) string {
	_, m := ordered(t, json.RawMessage(text))
	f := goldenFields{t, m}
	n, of := uint64(f.number("n").value), uint64(f.number("of").value)
	at := f.number("t").value
	switch f.text("k") {
	case "hello":
		hello := helloLine{now: f.number("now").value, agent: f.text("agent"), agentVersion: f.text("agent_version"),
			language: f.text("language"), process_: f.text("process"), pid: f.number("pid").value, host: f.text("host"),
			started: f.number("started")}
		json.Unmarshal(m["can"], &hello.can)
		var pools []json.RawMessage
		json.Unmarshal(m["pools"], &pools)
		for _, raw := range pools {
			_, p := ordered(t, raw)
			g := goldenFields{t, p}
			config, _ := ordered(t, p["config"])
			hello.pools = append(hello.pools, poolInfo{g.text("pool"), g.text("kind"), g.text("database"), config})
		}
		return string(encodeHello(nil, n, &hello))
	case "stack":
		var frames []struct {
			Function, File string
			Line           int
			Own            bool
		}
		json.Unmarshal(m["frames"], &frames)
		var list []frame
		for _, f := range frames {
			list = append(list, frame{f.Function, f.File, f.Line, f.Own})
		}
		return string(encodeStack(nil, n, f.text("id"), list))
	case "open":
		return string(encodeOpen(nil, n, f.text("pool"), f.text("conn"), at, f.number("server_pid").value, f.number("local_port").value))
	case "close":
		return string(encodeClose(nil, n, f.text("pool"), f.text("conn"), at, f.text("reason")))
	case "checkout":
		c := checkoutLine{pool: f.text("pool"), id: f.text("id"), time: at, connection: f.text("conn"), wait: f.number("wait_us"),
			by: f.text("by"), thread: f.text("thread"), stack: f.text("stack"), serverPID: f.number("server_pid").value,
			localPort: f.number("local_port").value, traceID: f.text("trace_id"), expected: f.number("expected_us"),
			open: f.flag("open"), beat: f.number("beat"), busy: f.flag("busy"), busyK: m["busy"] != nil}
		if m["tags"] != nil {
			c.tags, _ = ordered(t, m["tags"])
		}
		return string(encodeCheckout(nil, n, &c))
	case "use":
		return string(encodeUse(nil, n, f.text("pool"), f.text("id"), at, f.flag("busy"), f.text("statement")))
	case "checkin":
		return string(encodeCheckin(nil, n, f.text("pool"), f.text("id"), at, f.text("conn")))
	case "stats":
		return string(encodeStats(nil, n, &statsLine{pool: f.text("pool"), time: at, used: f.number("used"), idle: f.number("idle"),
			opening: f.number("opening"), total: f.number("total"), max: f.number("max"), unlimited: string(m["max"]) == "null",
			idleMax: f.number("idle_max"), pending: f.number("pending"), timeouts: f.number("timeouts"),
			wait: f.durations("wait_time"), use: f.durations("use_time"), create: f.durations("create_time"),
			leaks: f.number("leaks"), tracked: f.number("tracked"), circuit: f.text("circuit"), health: f.text("health")}))
	case "prepared":
		return string(encodePrepared(nil, n, &preparedLine{pool: f.text("pool"), time: at, count: f.number("count").value,
			oldest: f.number("oldest"), distinct: f.number("distinct"), statement: f.text("statement")}, f.text("stack")))
	case "lost":
		return string(encodeLost(nil, n, uint64(f.number("count").value)))
	case "ready":
		return string(encodeReady(nil, n))
	case "pong":
		return string(encodePong(nil, n, of, f.number("now").value))
	case "result":
		return string(encodeResult(nil, n, of, f.flag("ok"), f.text("why")))
	case "challenge":
		return string(encodeChallenge(nil, f.text("nonce")))
	}
	return ""
}

// TestGoldenWriter: a writer with the values of a line writes that line.
func TestGoldenWriter(t *testing.T) {
	count := map[string]int{}
	for name, lines := range transcripts(t) {
		if name == "forward.jsonl" || name == "hostile.jsonl" {
			continue // not what this writer would write
		}
		for _, line := range lines {
			if line.mark != '>' {
				continue
			}
			kind := regexp.MustCompile(`"k":"(\w+)"`).FindStringSubmatch(line.text)[1]
			if written := rewritten(t, line.text); written != "" {
				count[kind]++
				if written != line.text+"\n" {
					t.Errorf("%s:\n%s instead of\n%s", name, written, line.text)
				}
			}
		}
	}
	for _, kind := range []string{"hello", "stack", "open", "close", "checkout", "use", "checkin", "stats", "prepared", "lost", "ready", "pong", "result", "challenge"} {
		if count[kind] == 0 {
			t.Errorf("no line of kind %s", kind)
		}
	}
}

// TestGoldenReader: what an inspector sends is read; a reader of commands refuses what the protocol says
// cannot be read.
func TestGoldenReader(t *testing.T) {
	for name, lines := range transcripts(t) {
		for _, line := range lines {
			_, readable := readCommand([]byte(line.text))
			switch line.mark {
			case '<':
				if !readable {
					t.Errorf("%s: cannot read %s", name, line.text)
				}
			case '!':
				if readable && line.reason != "bad_field" { // those are of kinds that an agent ignores
					t.Errorf("%s: %s is read: %.80s", name, line.reason, line.text)
				}
			}
		}
	}
}

func TestGoldenMACs(t *testing.T) {
	nonce, right, wrong := "", 0, 0
	for _, line := range transcripts(t)["token.jsonl"] {
		if m := regexp.MustCompile(`"nonce":"(\w+)"`).FindStringSubmatch(line.text); m != nil {
			nonce = m[1]
		}
		if c, ok := readCommand([]byte(line.text)); line.mark == '<' && ok {
			if sameMAC(macOf("correct horse battery staple", nonce), c.mac) {
				right++
			} else {
				wrong++
			}
		}
	}
	if right != 1 || wrong != 1 {
		t.Errorf("%d right, %d wrong", right, wrong)
	}
}
