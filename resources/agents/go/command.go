// SPDX-License-Identifier: Apache-2.0

package poolscope

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"strconv"
	"unicode/utf8"
)

// command is a line of an inspector.
type command struct {
	kind          string
	n             uint64
	id, pool, mac string
}

// readCommand reads a line without its newline; false where it cannot be read. What it does not know
// it leaves out.
func readCommand(line []byte) (command, bool) {
	var c command
	if len(line) > maxLine || !utf8.Valid(line) {
		return c, false
	}
	var fields map[string]json.RawMessage
	if json.Unmarshal(line, &fields) != nil || fields == nil {
		return c, false
	}
	if c.kind = textOf(fields["k"]); c.kind == "" {
		return c, false
	}
	n, err := strconv.ParseUint(string(bytes.TrimSpace(fields["n"])), 10, 64)
	if err != nil || n > maxNumber {
		return c, false
	}
	c.n = n
	c.id = textOf(fields["id"])
	c.pool = textOf(fields["pool"])
	c.mac = textOf(fields["mac"])
	if (c.kind == "auth" && c.mac == "") || (c.kind == "reclaim" && (c.id == "" || len(c.id) > maxID)) {
		return c, false
	}
	return c, true
}

func textOf(raw json.RawMessage) string {
	var text string
	if json.Unmarshal(raw, &text) != nil {
		return ""
	}
	return text
}

// macOf is HMAC-SHA256(token, nonce) in lower-case hexadecimal.
func macOf(token, nonce string) string {
	mac := hmac.New(sha256.New, []byte(token))
	mac.Write([]byte(nonce))
	return hex.EncodeToString(mac.Sum(nil))
}

func sameMAC(a, b string) bool { return hmac.Equal([]byte(a), []byte(b)) }
