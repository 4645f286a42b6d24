// SPDX-License-Identifier: Apache-2.0

package poolscope

import "strings"

type dialect uint8

const (
	anyDialect dialect = iota // what servers read differently ends the text
	postgresDialect
	mysqlDialect
)

// fingerprint is a statement without its literals, comments and superfluous space. Where it cannot be
// sure what a literal is, it ends.
func fingerprint(statement string, d dialect) string {
	f := fingerprinter{in: statement, dialect: d}
	const most = 16 << 10
	if len(f.in) > most {
		f.in = f.in[:most]
	}
	if zero := strings.IndexByte(f.in, 0); zero >= 0 { // ends comments on some servers
		f.in = f.in[:zero]
	}
	for f.at < len(f.in) && f.out.Len() < maxStatement && f.step() {
	}
	text := strings.TrimSpace(f.out.String())
	if f.at < len(f.in) || len(f.in) < len(statement) {
		text += ellipsis
	}
	return text
}

type fingerprinter struct {
	in      string
	at      int
	out     strings.Builder
	dialect dialect
	space   bool
}

func (f *fingerprinter) put(text string) {
	if f.space && f.out.Len() > 0 {
		f.out.WriteByte(' ')
	}
	f.space = false
	f.out.WriteString(text)
}

func isWord(c byte) bool {
	return c == '_' || c == '$' || c >= 0x80 || c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
}

func isDigit(c byte) bool { return c >= '0' && c <= '9' }

// step takes one piece; false where the rest is not to be trusted.
func (f *fingerprinter) step() bool {
	rest := f.in[f.at:]
	c := rest[0]
	switch {
	case c <= ' ':
		f.space = true
		f.at++
	case c == '#' && f.dialect == anyDialect:
		return false // a comment, an operator, or part of a name
	case c == '#' && f.dialect == mysqlDialect:
		return f.lineComment()
	case strings.HasPrefix(rest, "--"):
		// Without a space behind it is no comment for MySQL.
		if f.dialect == postgresDialect || len(rest) == 2 || rest[2] <= ' ' || rest[2] == 0x7f {
			return f.lineComment()
		}
		f.put("-")
		f.at++
		return f.dialect == mysqlDialect
	case strings.HasPrefix(rest, "/*"):
		return f.blockComment()
	case c == '\'' || c == '"' && f.dialect != postgresDialect:
		return f.literal(c, false)
	case c == '"' || c == '`' && f.dialect != postgresDialect: // an operator, for PostgreSQL
		end := strings.IndexByte(rest[1:], c)
		if end < 0 || f.dialect == anyDialect && (isDigit(rest[1]) || !allWord(rest[1:end+1]) || opens(rest[1:end+1])) {
			return false
		}
		f.put(rest[:end+2])
		f.at += end + 2
	case c == '[' && f.dialect == anyDialect: // a name in brackets may hold a quote
		end := strings.IndexByte(rest, ']')
		if end < 0 || opens(rest[1:end]) {
			return false
		}
		f.put("[")
		f.at++
	case c == '$' && f.dialect != mysqlDialect:
		return f.dollar()
	case isDigit(c) || c == '.' && len(rest) > 1 && isDigit(rest[1]):
		return f.number()
	case isWord(c):
		return f.word()
	default:
		f.put(rest[:1])
		f.at++
	}
	return true
}

func allWord(text string) bool {
	for i := 0; i < len(text); i++ {
		if !isWord(text[i]) {
			return false
		}
	}
	return true
}

// opens: something may begin in the text that reaches beyond it.
func opens(text string) bool { return strings.ContainsAny(text, "'\"`$\\/#[-") }

// lineComment skips one. PostgreSQL ends it at a carriage return too, others do not.
func (f *fingerprinter) lineComment() bool {
	f.space = true
	rest := f.in[f.at:]
	end := strings.IndexByte(rest, '\n')
	if f.dialect == postgresDialect {
		end = strings.IndexAny(rest, "\r\n")
	} else if at := strings.IndexByte(rest, '\r'); at >= 0 && at != end-1 && f.dialect == anyDialect {
		return false
	}
	if end < 0 {
		end = len(rest) - 1
	}
	f.at += end + 1
	return true
}

// blockComment skips one. Nested ones end, for some servers, later than for others; "/*!" is a comment
// only for some.
func (f *fingerprinter) blockComment() bool {
	f.space = true
	inside := f.in[f.at+2:]
	end := strings.Index(inside, "*/")
	if end < 0 {
		f.at = len(f.in)
		return false
	}
	if strings.Contains(inside[:end+1], "/*") { // in "/*/*/" too
		return false
	}
	inside = inside[:end]
	executed := strings.HasPrefix(inside, "!") || strings.HasPrefix(inside, "M!")
	if f.dialect != postgresDialect && executed && opens(inside) {
		return false
	}
	f.at += end + 4
	return true
}

// literal takes one in quotes. A backslash before a quote means different things to different servers
// and settings (standard_conforming_strings, NO_BACKSLASH_ESCAPES): only where it certainly escapes the
// statement goes on behind.
func (f *fingerprinter) literal(quote byte, escapes bool) bool {
	f.put("?")
	for f.at++; f.at < len(f.in); f.at++ {
		switch c := f.in[f.at]; {
		case c == '\\' && f.at+1 < len(f.in):
			f.at++
			if f.in[f.at] == quote && !escapes {
				return false
			}
		case c == quote:
			f.at++
			if f.at == len(f.in) || f.in[f.at] != quote {
				return true
			}
		}
	}
	return true
}

// dollar takes a parameter ($1) or a literal ($tag$…$tag$).
func (f *fingerprinter) dollar() bool {
	rest := f.in[f.at:]
	size := 1
	for size < len(rest) && isDigit(rest[size]) {
		size++
	}
	end := strings.IndexByte(rest[1:], '$')
	if size > 1 || end < 0 || !allWord(rest[1:end+1]) {
		f.put(rest[:size])
		f.at += size
		return true
	}
	f.put("?")
	tag := rest[:end+2]
	stop := strings.Index(rest[len(tag):], tag)
	if stop < 0 || f.dialect == anyDialect {
		return false
	}
	f.at += 2*len(tag) + stop
	return true
}

// number takes one, and what is written to it. Whether "$" behind belongs to it is not the same everywhere.
func (f *fingerprinter) number() bool {
	f.put("?")
	for f.at < len(f.in) && (isWord(f.in[f.at]) && f.in[f.at] != '$' || f.in[f.at] == '.') {
		exponent := f.in[f.at] == 'e' || f.in[f.at] == 'E'
		f.at++
		if exponent && f.at+1 < len(f.in) && (f.in[f.at] == '-' || f.in[f.at] == '+') && isDigit(f.in[f.at+1]) {
			f.at++
		}
	}
	return f.at == len(f.in) || f.in[f.at] != '$'
}

// word takes a name, a keyword or a parameter; a letter before a quote belongs to a literal (E'…').
func (f *fingerprinter) word() bool {
	from := f.at
	for f.at < len(f.in) && isWord(f.in[f.at]) {
		f.at++
	}
	word := f.in[from:f.at]
	quoted := f.at < len(f.in) && f.in[f.at] == '\''
	if f.dialect == anyDialect && (strings.Count(word, "$") > 1 || quoted && strings.HasSuffix(strings.ToLower(word), "q")) {
		return false // $tag$ right behind a name; Oracle's q'[…]'
	}
	if quoted && len(word) == 1 {
		return f.literal('\'', f.dialect == postgresDialect && (word == "E" || word == "e"))
	}
	f.put(word)
	return true
}
