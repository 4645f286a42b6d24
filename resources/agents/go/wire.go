// SPDX-License-Identifier: Apache-2.0

package poolscope

import "unicode/utf8"

// What the protocol allows (PROTOCOL.md). Lengths are in bytes of UTF-8.
const (
	protocolVersion = 1
	maxLine         = 65536
	maxNumber       = 1<<53 - 1

	maxID        = 128
	maxPoolName  = 128
	maxPools     = 1024
	maxDatabase  = 512
	maxConfig    = 64
	maxFrames    = 64
	maxFunction  = 384
	maxFile      = 384
	maxTags      = 16
	maxTagName   = 64
	maxTagValue  = 256
	maxBy        = 128
	maxThread    = 64
	maxTraceID   = 64
	maxStatement = 1024
	maxWhy       = 256
	maxWord      = 64
	maxHost      = 255
)

// number is a count, a time or a duration that may be unknown.
type number struct {
	value int64
	known bool
}

func known(value int64) number { return number{value, true} }

func unlessZero(value int64) number { return number{value, value != 0} }

type pair struct{ name, value string }

type poolInfo struct {
	pool, kind, database string
	config               []pair
}

type helloLine struct {
	now                                     int64
	agent, agentVersion, language, process_ string
	pid                                     int64
	host                                    string
	started                                 number
	can                                     []string
	pools                                   []poolInfo
}

type frame struct {
	function, file string
	line           int
	own            bool
}

type checkoutLine struct {
	pool, id    string
	time        int64
	connection  string
	wait        number
	by, thread  string
	stack       string
	serverPID   int64
	localPort   int64
	tags        []pair
	traceID     string
	expected    number
	open        bool
	beat        number
	busy, busyK bool // busyK: busy is known
}

type durations struct {
	known                     bool
	count, total, median, p99 number
}

type statsLine struct {
	pool                       string
	time                       int64
	used, idle, opening, total number
	max                        number
	unlimited                  bool
	idleMax                    number
	pending, timeouts          number
	wait, use, create          durations
	leaks, tracked             number
	circuit, health            string
}

// lineWriter appends one line of JSON to a buffer. It never fails; texts are cut, bytes that are no
// UTF-8 and control characters are replaced or escaped.
type lineWriter struct{ b []byte }

func begin(b []byte, kind string, n uint64) lineWriter {
	w := lineWriter{append(b, `{"k":"`...)}
	w.b = append(w.b, kind...)
	w.b = append(w.b, `","n":`...)
	w.b = appendInt(w.b, int64(n))
	return w
}

func (w *lineWriter) end() []byte { return append(w.b, '}', '\n') }

func (w *lineWriter) comma() {
	if last := w.b[len(w.b)-1]; last != '{' && last != '[' {
		w.b = append(w.b, ',')
	}
}

func (w *lineWriter) key(key string) {
	w.comma()
	w.b = append(w.b, '"')
	w.b = append(w.b, key...)
	w.b = append(w.b, '"', ':')
}

func (w *lineWriter) text(key, value string, max int) {
	w.key(key)
	w.b = appendText(w.b, value, max)
}

func (w *lineWriter) optionalText(key, value string, max int) {
	if value != "" {
		w.text(key, value, max)
	}
}

func (w *lineWriter) number(key string, value int64) {
	w.key(key)
	w.b = appendInt(w.b, value)
}

func (w *lineWriter) optional(key string, value number) {
	if value.known {
		w.number(key, value.value)
	}
}

func (w *lineWriter) flag(key string, value bool) {
	w.key(key)
	if value {
		w.b = append(w.b, "true"...)
	} else {
		w.b = append(w.b, "false"...)
	}
}

func (w *lineWriter) open(key string, bracket byte) {
	w.key(key)
	w.b = append(w.b, bracket)
}

func (w *lineWriter) close(bracket byte) { w.b = append(w.b, bracket) }

// appendInt writes what the protocol can carry: 0 to 2^53 - 1.
func appendInt(b []byte, value int64) []byte {
	if value < 0 {
		value = 0
	}
	if value > maxNumber {
		value = maxNumber
	}
	var digits [20]byte
	i := len(digits)
	for {
		i--
		digits[i] = byte('0' + value%10)
		value /= 10
		if value == 0 {
			return append(b, digits[i:]...)
		}
	}
}

const ellipsis = "…"

// cut shortens a text to max bytes, at a character's edge, with an ellipsis where that fits.
func cut(text string, max int) (string, bool) {
	if len(text) <= max {
		return text, false
	}
	end := max - len(ellipsis)
	for end > 0 && !utf8.RuneStart(text[end]) {
		end--
	}
	if end < 0 {
		end = 0
	}
	return text[:end], true
}

func appendText(b []byte, text string, max int) []byte {
	const hex = "0123456789abcdef"
	text, short := cut(text, max)
	b = append(b, '"')
	for i := 0; i < len(text); {
		c := text[i]
		switch {
		case c == '"' || c == '\\':
			b = append(b, '\\', c)
			i++
		case c < 0x20 || c == 0x7f:
			b = append(b, '\\', 'u', '0', '0', hex[c>>4], hex[c&15])
			i++
		case c < utf8.RuneSelf:
			b = append(b, c)
			i++
		default:
			r, size := utf8.DecodeRuneInString(text[i:])
			if r == utf8.RuneError && size == 1 {
				b = append(b, "\uFFFD"...)
			} else {
				b = append(b, text[i:i+size]...)
			}
			i += size
		}
	}
	if short {
		b = append(b, ellipsis...)
	}
	return append(b, '"')
}

func (w *lineWriter) pairs(list []pair, maxName, maxValue int) {
	for _, p := range list {
		w.comma()
		w.b = appendText(w.b, p.name, maxName)
		w.b = append(w.b, ':')
		w.b = appendText(w.b, p.value, maxValue)
	}
}
