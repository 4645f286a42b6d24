// SPDX-License-Identifier: Apache-2.0

package poolscope

import "strings"

type dialect uint8

const (
	anyDialect dialect = iota // what both may mean as a literal is taken as one
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
	case strings.HasPrefix(rest, "--") || c == '#' && f.dialect == mysqlDialect:
		f.space = true
		return f.skipTo("\n")
	case strings.HasPrefix(rest, "/*"):
		f.space = true
		if end := strings.Index(rest, "*/"); end >= 0 && strings.Contains(rest[2:end], "/*") {
			return false // nested, for some servers
		}
		return f.skipTo("*/")
	case c == '\'' || c == '"' && f.dialect != postgresDialect:
		return f.literal(c, f.dialect == mysqlDialect)
	case c == '"' || c == '`':
		end := strings.IndexByte(rest[1:], c)
		if end < 0 {
			return false
		}
		f.put(rest[:end+2])
		f.at += end + 2
	case c == '$' && f.dialect != mysqlDialect && !(len(rest) > 1 && isDigit(rest[1])):
		return f.dollarQuoted()
	case isDigit(c) || c == '.' && len(rest) > 1 && isDigit(rest[1]):
		f.number()
	case isWord(c):
		return f.word()
	default:
		f.put(rest[:1])
		f.at++
	}
	return true
}

func (f *fingerprinter) skipTo(end string) bool {
	at := strings.Index(f.in[f.at:], end)
	if at < 0 {
		f.at = len(f.in)
		return end == "\n"
	}
	f.at += at + len(end)
	return true
}

// literal takes one in quotes. A backslash before a quote means different things to different servers
// and settings: only where it certainly escapes the statement goes on behind.
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

func (f *fingerprinter) dollarQuoted() bool {
	rest := f.in[f.at:]
	end := strings.IndexByte(rest[1:], '$')
	if end < 0 {
		f.put("$")
		f.at++
		return true
	}
	tag := rest[:end+2]
	for i := 1; i < len(tag)-1; i++ {
		if !isWord(tag[i]) {
			f.put("$")
			f.at++
			return true
		}
	}
	f.put("?")
	stop := strings.Index(rest[len(tag):], tag)
	if stop < 0 {
		return false
	}
	f.at += 2*len(tag) + stop
	return true
}

func (f *fingerprinter) number() {
	f.put("?")
	for f.at < len(f.in) && (isWord(f.in[f.at]) || f.in[f.at] == '.') {
		exponent := f.in[f.at] == 'e' || f.in[f.at] == 'E'
		f.at++
		if exponent && f.at < len(f.in) && (f.in[f.at] == '-' || f.in[f.at] == '+') {
			f.at++
		}
	}
}

// word takes a name, a keyword or a parameter; a letter before a quote belongs to a literal (E'…').
func (f *fingerprinter) word() bool {
	from := f.at
	for f.at < len(f.in) && isWord(f.in[f.at]) {
		f.at++
	}
	word := f.in[from:f.at]
	if f.at < len(f.in) && f.in[f.at] == '\'' && len(word) == 1 {
		return f.literal('\'', word == "E" || word == "e" || f.dialect == mysqlDialect)
	}
	f.put(word)
	return true
}
