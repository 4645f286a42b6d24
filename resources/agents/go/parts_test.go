// SPDX-License-Identifier: Apache-2.0

package poolscope

import (
	"fmt"
	"math"
	"math/rand"
	"regexp"
	"runtime"
	"strings"
	"testing"
	"time"
)

func TestFingerprint(t *testing.T) {
	for _, c := range []struct {
		in, out string
		dialect dialect
	}{
		{"SELECT * FROM t1 WHERE id = 42", "SELECT * FROM t1 WHERE id = ?", anyDialect},
		{"  SELECT\n\t1.5e-3 ,0x1F", "SELECT ? ,?", anyDialect},
		{"SELECT 'it''s', $1 FROM \"Tab\"", "SELECT ?, $1 FROM \"Tab\"", postgresDialect},
		{"SELECT \"secret\"", "SELECT ?", mysqlDialect},
		{"SELECT \"secret\"", "SELECT ?", anyDialect},
		{`SELECT 'a\'secret' FROM t`, "SELECT ?…", mysqlDialect}, // NO_BACKSLASH_ESCAPES may be set
		{`INSERT INTO t VALUES ('C:\', 'secret')`, "INSERT INTO t VALUES (?…", mysqlDialect},
		{`SELECT E'a\'secret' FROM t`, "SELECT ?…", anyDialect},
		{`SELECT 'a\'secret' FROM t`, "SELECT ?…", anyDialect},
		{`SELECT 'a\' FROM t WHERE x = 'secret'`, "SELECT ?…", postgresDialect},
		{`SELECT E'a\'secret' FROM t`, "SELECT ? FROM t", postgresDialect},
		{`SELECT 'C:\\' FROM t`, "SELECT ? FROM t", postgresDialect},
		{"SELECT $$secret$$, $x$se$$cret$x$", "SELECT ?, ?", postgresDialect},
		{"SELECT $x$secret", "SELECT ?…", postgresDialect},
		{"SELECT 1 -- secret\n+ 2 /* secret */ # no", "SELECT ? + ? # no", postgresDialect},
		{"SELECT 1 # secret\n+ 2", "SELECT ? + ?", mysqlDialect},
		{"SELECT 1 # it's\n+ 'secret'", "SELECT ?…", anyDialect},
		{"SELECT 1 --'se\ncret'", "SELECT ? --?", mysqlDialect},
		{"SELECT 1 --'se\ncret'", "SELECT ? -…", anyDialect},
		{"SELECT /* a /* b */ secret */ 1", "SELECT…", postgresDialect},
		{"/*/", "", anyDialect},
		{"/*/ x */ SELECT 1", "SELECT ?", anyDialect},
		{"/*/ secret", "", postgresDialect},
		{"/*/*/ secret */*/ SELECT 1", ellipsis, postgresDialect},
		{"SELECT /*!40001 SQL_NO_CACHE */ 1 /*! + 'a*/secret' */", "SELECT ?…", mysqlDialect},
		{"SELECT $$ ' $$ secret '", "SELECT ?…", anyDialect},
		{"SELECT q'[it's secret]'", "SELECT…", anyDialect},
		{"SELECT [it's], 'secret'", "SELECT…", anyDialect},
		{"SELECT ` 'secret' `", "SELECT ` ? `", postgresDialect},
		{"SELECT 'secret", "SELECT ?", anyDialect},
		{"SELECT /* secret", "SELECT", anyDialect},
		{"SELECT X'ab', N'secret'", "SELECT ?, ?", anyDialect},
		{"", "", anyDialect},
	} {
		if got := fingerprint(c.in, c.dialect); got != c.out {
			t.Errorf("%q is %q, not %q", c.in, got, c.out)
		}
	}
	if got := fingerprint("SELECT "+strings.Repeat("a, ", 5000), anyDialect); len(got) > maxStatement+8 || !strings.HasSuffix(got, ellipsis) {
		t.Errorf("a long one is %d bytes", len(got))
	}
}

// reading is how one server, as it is set up, reads a statement.
type reading struct {
	dialect                                            dialect // what the agent takes it for, if it knows
	backslash, e, quoted, backtick, bracket, dollar    bool
	hash, dashSpace, carriageReturn, nested, executing bool
}

var readings = map[string]reading{
	"PostgreSQL":                     {dialect: postgresDialect, e: true, dollar: true, carriageReturn: true, nested: true},
	"PostgreSQL, not conforming":     {dialect: postgresDialect, backslash: true, e: true, dollar: true, carriageReturn: true, nested: true},
	"MySQL":                          {dialect: mysqlDialect, backslash: true, quoted: true, backtick: true, hash: true, dashSpace: true, executing: true},
	"MySQL, version too low for /*!": {dialect: mysqlDialect, backslash: true, quoted: true, backtick: true, hash: true, dashSpace: true},
	"MySQL, NO_BACKSLASH_ESCAPES":    {dialect: mysqlDialect, quoted: true, backtick: true, hash: true, dashSpace: true, executing: true},
	"MySQL, ANSI_QUOTES":             {dialect: mysqlDialect, backslash: true, backtick: true, hash: true, dashSpace: true, executing: true},
	"SQLite":                         {backtick: true, bracket: true},
	"SQL Server":                     {bracket: true, nested: true},
}

// hides tells whether the server takes the byte at a position as part of a literal or of a comment.
func (r reading) hides(s string, position int) bool {
	executed := false
	for at := 0; at < len(s) && at <= position; {
		from, rest := at, s[at:]
		hidden := true
		escapes := r.backslash
		if c := rest[0] | 0x20; r.e && c == 'e' && len(rest) > 1 && rest[1] == '\'' {
			at++
			escapes = true
		}
		switch c := s[at]; {
		case c == '\'' || c == '"' || c == '`' && r.backtick:
			hidden = c == '\'' || c == '"' && r.quoted
			for at++; at < len(s) && s[at] != c; at++ { // a doubled one: two, side by side
				if s[at] == '\\' && hidden && escapes {
					at++
				}
			}
			at++
			if at < len(s) && s[at] == c && escapes && !r.backslash { // E'…''…' goes on as it began
				at = r.goesOn(s, at)
			}
		case c == '[' && r.bracket:
			hidden = false
			if end := strings.IndexByte(s[at:], ']'); end >= 0 {
				at += end
			}
			at++
		case c == '#' && r.hash,
			strings.HasPrefix(s[at:], "--") && !(r.dashSpace && len(s) > at+2 && s[at+2] > ' '):
			for at < len(s) && s[at] != '\n' && !(r.carriageReturn && s[at] == '\r') {
				at++
			}
		case r.executing && strings.HasPrefix(s[at:], "/*!"):
			at += 3
			hidden, executed = false, true
		case executed && strings.HasPrefix(s[at:], "*/"):
			at += 2
			hidden, executed = false, false
		case strings.HasPrefix(s[at:], "/*"):
			depth := 1
			for at += 2; at < len(s) && depth > 0; {
				switch {
				case strings.HasPrefix(s[at:], "*/"):
					depth--
					at += 2
				case r.nested && strings.HasPrefix(s[at:], "/*"):
					depth++
					at += 2
				default:
					at++
				}
			}
		case r.dollar && c == '$' && dollarTag.MatchString(s[at:]):
			tag := dollarTag.FindString(s[at:])
			end := strings.Index(s[at+len(tag):], tag)
			if end < 0 {
				return true
			}
			at += 2*len(tag) + end
		case c == '$' && r.dollar:
			hidden = false
			for at++; at < len(s) && isDigit(s[at]); at++ {
			}
		case isWord(c):
			hidden = false
			for at++; at < len(s) && isWord(s[at]) && !(isDigit(c) && s[at] == '$'); at++ {
			}
		default:
			hidden = false
			at++
		}
		if position >= from && position < at {
			return hidden
		}
	}
	return false
}

func (r reading) goesOn(s string, at int) int {
	for at++; at < len(s); at++ {
		if s[at] == '\\' {
			at++
		} else if s[at] == '\'' {
			if at++; at == len(s) || s[at] != '\'' {
				break
			}
		}
	}
	return at
}

var dollarTag = regexp.MustCompile(`^\$([A-Za-z_\x80-\xff][A-Za-z0-9_\x80-\xff]*)?\$`)

// complain of a marker that comes through though some server takes it for a literal's or a comment's.
func complain(t *testing.T, before, after string) {
	const marker = "zqjw"
	s := before + marker + after
	for name, r := range readings {
		if strings.IndexByte(s, 0) >= 0 || !r.hides(s, len(before)) {
			continue
		}
		for _, d := range []dialect{anyDialect, r.dialect} {
			if got := fingerprint(s, d); strings.Contains(got, marker) {
				t.Errorf("%s: %q is %q (%d)", name, s, got, d)
			}
		}
	}
}

// TestNothingComesThrough: whatever surrounds it.
func TestNothingComesThrough(t *testing.T) {
	seed := time.Now().UnixNano()
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewSource(seed))
	pieces := []string{"'", "'", "'", `\`, `\`, `"`, "`", "$", "$$", "$x$", "$1", "#", "--", "-- ", "/*", "*/", "/*!", "/", "*", "[", "]",
		"\n", "\r", " ", "E", "e", "N", "q", "a", "1", "1e-", ".", "é", ";", "(", "1$"}
	some := func() string {
		var b strings.Builder
		for n := random.Intn(10); n > 0; n-- {
			b.WriteString(pieces[random.Intn(len(pieces))])
		}
		return b.String()
	}
	for n := 0; n < 30000 && !t.Failed(); n++ {
		complain(t, some(), some())
	}
}

// FuzzFingerprint: the same, with what the fuzzer finds.
func FuzzFingerprint(f *testing.F) {
	f.Add("SELECT '", "' FROM t")
	f.Add("'", `\`)
	f.Add("/*/", "")
	f.Add("/*/ ", " */ SELECT 1")
	f.Add("/*/*/ ", "")
	f.Add(`'C:\', '`, "'")
	f.Add("# it's\n'", "'")
	f.Fuzz(complain)
}

// TestTextFails: what it cannot shorten has no text, and nobody else notices.
func TestTextFails(t *testing.T) {
	a := &agent{options: AgentOptions{Log: func(string) {}}}
	if got := a.textOf(func(string, dialect) string { panic("no") }, "SELECT 1", anyDialect); got != "" || a.faults != 1 {
		t.Errorf("%q, %d faults", got, a.faults)
	}
}

func TestDatabaseOf(t *testing.T) {
	for _, c := range []struct{ driver, dsn, want string }{
		{"pgx", "postgres://ann:secret@db.example.org:5433/shop?sslmode=disable&password=secret", "postgres://db.example.org:5433/shop"},
		{"postgres", "host=db port=5433 user=ann password='se cret' dbname=shop", "postgresql://db:5433/shop"},
		{"postgres", "user=ann password=secret host=/run/postgresql", "postgresql://localhost/"},
		{"mysql", "ann:secret@tcp(db:3306)/shop?parseTime=true", "mysql://db:3306/shop"},
		{"mysql", "ann:se/cr@et@tcp(db:3306)/shop", "mysql://db:3306/shop"},
		{"mysql", "ann:secret@unix(/run/mysqld.sock)/shop", "mysql://localhost/shop"},
		{"mysql", "/shop", "mysql://127.0.0.1:3306/shop"},
		{"mysql", "secret", ""},
		{"postgres", "secret", ""},
		{"other", "ann:secret@db", ""},
		{"pgx", "postgres://%zz:secret@", ""},
	} {
		if got := databaseOf(c.driver, c.dsn); got != c.want || strings.Contains(got, "secret") {
			t.Errorf("%s %q is %q, not %q", c.driver, c.dsn, got, c.want)
		}
	}
}

func TestHistogram(t *testing.T) {
	var h histogram
	if h.percentile(0.5).known {
		t.Error("a percentile of nothing")
	}
	for us := int64(1); us <= 100000; us++ {
		h.add(us)
	}
	for share, want := range map[float64]float64{0.5: 50000, 0.99: 99000, 0.001: 100} {
		if got := float64(h.percentile(share).value); math.Abs(got-want) > want*0.04 {
			t.Errorf("%v is %v, not %v", share, got, want)
		}
	}
	h.add(-5)
	h.add(math.MaxInt64)
	for _, us := range []int64{0, 1, 15, 16, 17, 31, 32, 1000, 1 << 40} {
		if got := valueOf(bucketOf(us)); math.Abs(float64(got-us)) > float64(us)/16 {
			t.Errorf("%d comes back as %d", us, got)
		}
	}
}

func TestOwnership(t *testing.T) {
	o := ownership{prefixes: []string{"example.org/shop"}, depth: maxFrames, agent: "poolscope.org/agent"}
	for function, want := range map[string]bool{
		"main.main":                               true,
		"main.(*server).handle.func1":             true,
		"example.org/shop.Run":                    true,
		"example.org/shop/orders.(*Repo).Load":    true,
		"example.org/shop/orders%2ev2.Load":       true,
		"example.org/shop_test.TestRun":           true,
		"example.org/shopping.Run":                false,
		"database/sql.(*DB).conn":                 false,
		"net/http.HandlerFunc.ServeHTTP":          false,
		"github.com/lib/pq.(*conn).query":         false,
		"poolscope.org/agent.(*conn).BeginTx":     false,
		"example.org/lib.Map[example.org/shop.T]": false,
	} {
		if o.isOwn(function) != want {
			t.Errorf("%s (package %s): %v", function, packageOf(function), !want)
		}
	}
}

func TestTextsAreCut(t *testing.T) {
	line := string(encodeClose(nil, 1, "p\x01\"\\\xff", strings.Repeat("ü", 100), -5, "a\nb"))
	want := `{"k":"close","n":1,"pool":"p\u0001\"\\` + "\uFFFD" + `","conn":"` + strings.Repeat("ü", 62) + `…","t":0,"reason":"a\u000ab"}` + "\n"
	if line != want {
		t.Errorf("%s instead of\n%s", line, want)
	}
	var frames []frame
	for n := 0; n < 100; n++ {
		frames = append(frames, frame{strings.Repeat("\x01", 1000), strings.Repeat("\x01", 1000), 1, true})
	}
	if line := encodeStack(nil, 1, "1", frames); len(line) > maxLine+1 {
		t.Errorf("a stack of %d bytes", len(line))
	}
	hello := helloLine{}
	for n := 0; n < 2000; n++ {
		hello.pools = append(hello.pools, poolInfo{strings.Repeat("p", 200), "k", "d", []pair{{"a", strings.Repeat("v", 500)}}})
	}
	if line := encodeHello(nil, 1, &hello); len(line) > maxLine+1 {
		t.Errorf("a hello of %d bytes", len(line))
	}
}

// TestStackDepth: so many frames are told, the innermost; and what cannot be is the most there is.
func TestStackDepth(t *testing.T) {
	s := &stack{pcs: make([]uintptr, maxFrames)}
	s.pcs = s.pcs[:runtime.Callers(1, s.pcs)]
	for depth, want := range map[int]int{1: 1, 2: 2, 0: len(s.pcs) - 1, -3: len(s.pcs) - 1, 1000: len(s.pcs) - 1} {
		o := newOwnership([]string{"testing"}, depth)
		o.agent = "nobody's"
		list := o.frames(s)
		if len(list) != want || !strings.HasSuffix(list[0].function, "TestStackDepth") {
			t.Errorf("depth %d: %d frames, not %d: %v", depth, len(list), want, list)
		}
		if want > 1 && !list[1].own {
			t.Errorf("%s is of a package that is own", list[1].function)
		}
	}
}

// TestSpanTag: the span's id is a tag; one that the application calls so is the application's.
func TestSpanTag(t *testing.T) {
	many := make([]pair, maxTags)
	for n := range many {
		many[n] = pair{fmt.Sprint(n), "x"}
	}
	for _, each := range []struct {
		tags []pair
		span string
		want string
	}{
		{nil, "", "[]"},
		{nil, "00f067aa0ba902b7", "[{span_id 00f067aa0ba902b7}]"},
		{[]pair{{"a", "b"}}, "1", "[{a b} {span_id 1}]"},
		{[]pair{{"span_id", "mine"}}, "1", "[{span_id mine}]"},
		{many, "1", fmt.Sprint(append(append([]pair(nil), many[:maxTags-1]...), pair{"span_id", "1"}))},
	} {
		before := fmt.Sprint(each.tags)
		l := lend{scope: &scope{tags: each.tags}, span: each.span}
		if got := fmt.Sprint(l.tags()); got != each.want {
			t.Errorf("tags are %s, not %s", got, each.want)
		}
		if after := fmt.Sprint(each.tags); after != before {
			t.Errorf("the scope's tags became %s", after)
		}
	}
}
