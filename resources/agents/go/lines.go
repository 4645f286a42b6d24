// SPDX-License-Identifier: Apache-2.0

package poolscope

// The lines that an agent sends, one function a kind; each appends to a buffer.

func encodeHello(b []byte, n uint64, hello *helloLine) []byte {
	start := len(b)
	w := begin(b, "hello", n)
	w.number("v", protocolVersion)
	w.number("now", hello.now)
	w.optionalText("agent", hello.agent, maxBy)
	w.optionalText("agent_version", hello.agentVersion, maxWord)
	w.optionalText("language", hello.language, maxWord)
	w.optionalText("process", hello.process_, maxBy)
	w.optional("pid", unlessZero(hello.pid))
	w.optionalText("host", hello.host, maxHost)
	w.optional("started", hello.started)
	w.open("can", '[')
	for _, word := range hello.can {
		w.comma()
		w.b = appendText(w.b, word, maxWord)
	}
	w.close(']')
	w.open("pools", '[')
	const reserve = 64 // the end of the line
	room := maxLine - (len(w.b) - start) - reserve
	for i, pool := range hello.pools {
		before := len(w.b)
		w.pool(&pool, room/len(hello.pools))
		if i == maxPools || len(w.b)-start+reserve > maxLine {
			w.b = w.b[:before]
			break
		}
	}
	w.close(']')
	return w.end()
}

// pool writes one entry of hello; its settings get what is left of their share of the line.
func (w *lineWriter) pool(pool *poolInfo, room int) {
	from := len(w.b)
	w.comma()
	w.b = append(w.b, '{')
	w.text("pool", pool.pool, maxPoolName)
	w.optionalText("kind", pool.kind, maxWord)
	w.optionalText("database", pool.database, maxDatabase)
	w.open("config", '{')
	for i, entry := range pool.config {
		if i == maxConfig || len(w.b)-from+2*maxWhy+8 > room {
			break
		}
		w.pairs([]pair{entry}, maxWhy, maxWhy)
	}
	w.close('}')
	w.close('}')
}

func encodeStack(b []byte, n uint64, id string, frames []frame) []byte {
	start := len(b)
	w := begin(b, "stack", n)
	w.text("id", id, maxID)
	w.open("frames", '[')
	for i, f := range frames {
		before := len(w.b)
		w.comma()
		w.b = append(w.b, '{')
		w.optionalText("function", f.function, maxFunction)
		w.optionalText("file", f.file, maxFile)
		if f.line > 0 {
			w.number("line", int64(f.line))
		}
		if f.own {
			w.flag("own", true)
		}
		w.close('}')
		if i == maxFrames || len(w.b)-start+4 > maxLine {
			w.b = w.b[:before]
			break
		}
	}
	w.close(']')
	return w.end()
}

func encodeOpen(b []byte, n uint64, pool, conn string, time, pid, port int64) []byte {
	w := begin(b, "open", n)
	w.text("pool", pool, maxPoolName)
	w.text("conn", conn, maxID)
	w.number("t", time)
	w.optional("server_pid", unlessZero(pid))
	w.optional("local_port", unlessZero(port))
	return w.end()
}

func encodeClose(b []byte, n uint64, pool, conn string, time int64, reason string) []byte {
	w := begin(b, "close", n)
	w.text("pool", pool, maxPoolName)
	w.text("conn", conn, maxID)
	w.number("t", time)
	w.optionalText("reason", reason, maxWhy)
	return w.end()
}

func encodeCheckout(b []byte, n uint64, c *checkoutLine) []byte {
	w := begin(b, "checkout", n)
	w.text("pool", c.pool, maxPoolName)
	w.text("id", c.id, maxID)
	w.number("t", c.time)
	w.optionalText("conn", c.connection, maxID)
	w.optional("wait_us", c.wait)
	w.optionalText("by", c.by, maxBy)
	w.optionalText("thread", c.thread, maxThread)
	w.optionalText("stack", c.stack, maxID)
	w.optional("server_pid", unlessZero(c.serverPID))
	w.optional("local_port", unlessZero(c.localPort))
	if len(c.tags) > 0 {
		tags := c.tags
		if len(tags) > maxTags {
			tags = tags[:maxTags]
		}
		w.open("tags", '{')
		w.pairs(tags, maxTagName, maxTagValue)
		w.close('}')
	}
	w.optionalText("trace_id", c.traceID, maxTraceID)
	w.optional("expected_us", c.expected)
	if c.open {
		w.flag("open", true)
	}
	w.optional("beat", c.beat)
	if c.busyK {
		w.flag("busy", c.busy)
	}
	return w.end()
}

func encodeUse(b []byte, n uint64, pool, id string, time int64, busy bool, statement string) []byte {
	w := begin(b, "use", n)
	w.text("pool", pool, maxPoolName)
	w.text("id", id, maxID)
	w.number("t", time)
	w.flag("busy", busy)
	w.optionalText("statement", statement, maxStatement)
	return w.end()
}

func encodeCheckin(b []byte, n uint64, pool, id string, time int64, conn string) []byte {
	w := begin(b, "checkin", n)
	w.text("pool", pool, maxPoolName)
	w.text("id", id, maxID)
	w.number("t", time)
	w.optionalText("conn", conn, maxID)
	return w.end()
}

func (w *lineWriter) durations(key string, d *durations) {
	if !d.known {
		return
	}
	w.open(key, '{')
	w.optional("count", d.count)
	w.optional("total_us", d.total)
	w.optional("p50_us", d.median)
	w.optional("p99_us", d.p99)
	w.close('}')
}

func encodeStats(b []byte, n uint64, s *statsLine) []byte {
	w := begin(b, "stats", n)
	w.text("pool", s.pool, maxPoolName)
	w.number("t", s.time)
	w.optional("used", s.used)
	w.optional("idle", s.idle)
	w.optional("opening", s.opening)
	w.optional("total", s.total)
	if s.unlimited {
		w.key("max")
		w.b = append(w.b, "null"...)
	} else {
		w.optional("max", s.max)
	}
	w.optional("idle_max", s.idleMax)
	w.optional("pending", s.pending)
	w.optional("timeouts", s.timeouts)
	w.durations("wait_time", &s.wait)
	w.durations("use_time", &s.use)
	w.durations("create_time", &s.create)
	w.optional("leaks", s.leaks)
	w.optional("tracked", s.tracked)
	w.optionalText("circuit", s.circuit, maxWord)
	w.optionalText("health", s.health, maxWord)
	return w.end()
}

func encodeLost(b []byte, n, count uint64) []byte {
	w := begin(b, "lost", n)
	w.number("count", int64(count))
	return w.end()
}

func encodeReady(b []byte, n uint64) []byte {
	w := begin(b, "ready", n)
	return w.end()
}

func encodePong(b []byte, n, of uint64, now int64) []byte {
	w := begin(b, "pong", n)
	w.number("of", int64(of))
	w.number("now", now)
	return w.end()
}

func encodeResult(b []byte, n, of uint64, ok bool, why string) []byte {
	w := begin(b, "result", n)
	w.number("of", int64(of))
	w.flag("ok", ok)
	w.optionalText("why", why, maxWhy)
	return w.end()
}

func encodeChallenge(b []byte, nonce string) []byte {
	w := begin(b, "challenge", 0)
	w.number("v", protocolVersion)
	w.text("nonce", nonce, maxID)
	return w.end()
}
