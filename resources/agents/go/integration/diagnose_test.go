// SPDX-License-Identifier: Apache-2.0

package integration

import (
	"fmt"
	"sort"
	"strings"
	"testing"
)

// diagnosis is what `poolscope diagnose --json` says of one pool.
type diagnosis struct {
	Pool       string   `json:"pool"`
	Cause      string   `json:"cause"`
	Confidence string   `json:"confidence"`
	Sentence   string   `json:"sentence"`
	Candidates []string `json:"candidates"`
}

// exhausting lists patterns as the application wants them: each in a pool that its leaks exhaust, and the
// others in pools of one connection. What is right comes first, before a row is locked for good.
func exhausting() string {
	var list []string
	for _, pattern := range patterns {
		if pattern.leaks > 0 {
			list = append(list, fmt.Sprintf("%s=%d", pattern.name, pattern.leaks))
		} else if pattern.rests { // else it works for as long as the test looks
			list = append(list, pattern.name+"=1")
		}
	}
	wrong := func(at int) bool { return leaksOf(list[at]) > 0 }
	sort.SliceStable(list, func(a, b int) bool { return !wrong(a) && wrong(b) })
	return strings.Join(list, ",")
}

func leaksOf(pool string) int {
	name, _, _ := strings.Cut(pool, "=")
	for _, pattern := range patterns {
		if pattern.name == name {
			return pattern.leaks
		}
	}
	return 0
}

// TestDiagnoses: each pool that a leak exhausted is told with that cause and the line that is marked; of the
// same code done right, which others want connections of as well, nothing is said.
func TestDiagnoses(t *testing.T) {
	needPoolscope(t)
	for _, target := range targets {
		target := target
		t.Run(target.driver, func(t *testing.T) {
			address, _ := start(t, target.driver, target.open(t), exhausting())
			var told []diagnosis
			ask(t, &told, "diagnose", address, "--leak-after", "2s", "--critical-after", "10m", "--for", "12s")
			want := map[string]bool{}
			for _, pattern := range strings.Split(exhausting(), ",") {
				if leaksOf(pattern) > 0 {
					name, _, _ := strings.Cut(pattern, "=")
					want[name] = true
				}
			}
			if len(want) < 8 {
				t.Fatalf("only %v are tried", want)
			}
			for _, each := range told {
				if !want[each.Pool] {
					t.Errorf("of %s it is said: %s", each.Pool, each.Sentence)
					continue
				}
				delete(want, each.Pool)
				place := fmt.Sprintf(" at main.go:%d ", lineOf(t, each.Pool))
				if each.Cause != "leak" || each.Confidence != "high" || len(each.Candidates) != 0 || !strings.Contains(each.Sentence, place) {
					t.Errorf("%s is not told as a leak%s: %+v", each.Pool, place, each)
				}
			}
			if len(want) != 0 {
				t.Errorf("nothing is said of %v", want)
			}
		})
	}
}

// TestCheck: what database/sql lets a pool do is found by the name of what sets it.
func TestCheck(t *testing.T) {
	needPoolscope(t)
	address, _ := start(t, "pgx", pgxDSN(t), "conn-right=0,tx-right=5") // 0: as many as are asked for
	var found []struct{ Rule, Pool, Setting, Value, Proposed string }
	ask(t, &found, "check", address, "--caller-timeout", "30s")
	unlimited := 0
	for _, each := range found {
		if each.Rule != "unlimited_size" {
			continue
		}
		unlimited++
		if each.Pool != "conn-right" || each.Setting != "SetMaxOpenConns" || each.Value != "0" || each.Proposed != "20" {
			t.Errorf("it finds %+v", each)
		}
	}
	if unlimited != 1 {
		t.Errorf("%d pools have no limit, not one: %+v", unlimited, found)
	}
}
