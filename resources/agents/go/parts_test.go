// SPDX-License-Identifier: Apache-2.0

package poolscope

import (
	"math"
	"strings"
	"testing"
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
		{`SELECT 'a\'secret' FROM t`, "SELECT ? FROM t", mysqlDialect},
		{`SELECT 'a\'secret' FROM t`, "SELECT ?…", anyDialect},
		{`SELECT 'a\' FROM t WHERE x = 'secret'`, "SELECT ?…", postgresDialect},
		{`SELECT E'a\'secret' FROM t`, "SELECT ? FROM t", postgresDialect},
		{`SELECT 'C:\\' FROM t`, "SELECT ? FROM t", postgresDialect},
		{"SELECT $$secret$$, $x$se$$cret$x$", "SELECT ?, ?", postgresDialect},
		{"SELECT $x$secret", "SELECT ?…", postgresDialect},
		{"SELECT 1 -- secret\n+ 2 /* secret */ # no", "SELECT ? + ? # no", postgresDialect},
		{"SELECT 1 # secret\n+ 2", "SELECT ? + ?", mysqlDialect},
		{"SELECT /* a /* b */ secret */ 1", "SELECT…", postgresDialect},
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

// FuzzFingerprint: no literal that is certainly one comes through.
func FuzzFingerprint(f *testing.F) {
	f.Add("SELECT ", " FROM t")
	f.Add("'", `\`)
	f.Fuzz(func(t *testing.T, before, after string) {
		for _, d := range []dialect{anyDialect, postgresDialect, mysqlDialect} {
			fingerprint(before+after, d)
			if got := fingerprint("SELECT 'hidden' "+after, d); strings.HasPrefix(got, "SELECT 'h") || !strings.HasPrefix(got, "SELECT ?") {
				t.Errorf("%q", got)
			}
		}
	})
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
	o := ownership{prefixes: []string{"example.org/shop"}, agent: "poolscope.org/agent"}
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
