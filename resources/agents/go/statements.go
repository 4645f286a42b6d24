// SPDX-License-Identifier: Apache-2.0

package poolscope

import (
	"hash/maphash"
	"runtime"
	"strings"
	"sync"
)

const (
	mostPlaces = 1000       // of one pool; statements prepared elsewhere are told together
	mostTexts  = 4096       // whose place is remembered
	youngest   = int64(1e6) // microseconds: what is closed by then is worth no line
	untold     = int64(-1)  // whatever it is now, it is to be told
)

// statements is what the agent notes of the prepared statements of one pool that are open.
type statements struct {
	mu     sync.Mutex // under it nothing else is called
	places map[*stack]*site
	first  map[uint64]*site // where a text was prepared, by the application itself; by hash, as texts are long; nil: at several places
	again  map[*stack]bool  // stacks from which database/sql prepares by itself
	sample uint32           // atomic; apart from the checkouts', which would beat in time with it
}

var textSeed = maphash.MakeSeed()

func hashOfText(text string) uint64 {
	var h maphash.Hash
	h.SetSeed(textSeed)
	h.WriteString(text)
	return h.Sum64()
}

// site is one stack that prepares. Its statements are a list, the oldest first.
type site struct {
	stack          *stack
	oldest, newest *statement
	open           int64
	texts          map[string]int
	last           string // the text prepared last

	told, toldDistinct, toldOldest int64
}

// statement is one that is open on one connection.
type statement struct {
	place      *site
	prev, next *statement
	at         int64
	text       string
	conn       *connection
	isOpen     bool
}

// isAgain tells that a statement is prepared because one that the application holds is used on another
// connection: that is no statement more to the one who reads the application.
func isAgain(s *stack) bool {
	if s == nil {
		return false
	}
	walk := runtime.CallersFrames(s.pcs)
	for more := len(s.pcs) > 0; more; {
		var f runtime.Frame
		f, more = walk.Next()
		if strings.HasPrefix(f.Function, "database/sql.(*Stmt).prepareOnConn") ||
			strings.HasPrefix(f.Function, "database/sql.(*Stmt).connStmt") {
			return true
		}
	}
	return false
}

// prepared notes a statement that was prepared on the connection. nil where the agent is off.
func (c *connection) prepared(text string) (s *statement) {
	a := c.pool.agent
	if a.isOff() {
		return nil
	}
	defer a.guard()
	all := &c.pool.statements
	from, now, hash := a.captureCounted(c.pool, &all.sample), a.now(), hashOfText(text)
	all.mu.Lock()
	again, known := all.again[from]
	all.mu.Unlock()
	if !known {
		again = isAgain(from) // once a stack
	}
	all.mu.Lock()
	defer all.mu.Unlock()
	if !known && from != nil {
		if all.again == nil {
			all.again, all.places, all.first = map[*stack]bool{}, map[*stack]*site{}, map[uint64]*site{}
		}
		all.again[from] = again
	}
	place := all.placeFor(from, again, hash)
	if place == nil {
		return nil
	}
	s = &statement{at: now, text: text, conn: c, isOpen: true}
	place.add(s)
	if c.statements == nil {
		c.statements = map[*statement]struct{}{}
	}
	c.statements[s] = struct{}{}
	return s
}

// placeFor is where a statement belongs; hash is that of its text. nil: it is prepared again, and several
// places prepare that text: whose it is cannot be told, and each counts what it prepared itself.
func (all *statements) placeFor(from *stack, again bool, hash uint64) *site {
	if all.places == nil {
		all.again, all.places, all.first = map[*stack]bool{}, map[*stack]*site{}, map[uint64]*site{}
	}
	if again {
		p, ok := all.first[hash]
		if ok && p == nil {
			return nil
		}
		if p != nil {
			if now := all.places[p.stack]; now != nil {
				return now
			}
			all.places[p.stack] = p // it had none for a while
			return p
		}
	}
	p := all.places[from]
	if p == nil {
		if len(all.places) >= mostPlaces {
			from = nil
			p = all.places[nil]
		}
		if p == nil {
			p = &site{stack: from, texts: map[string]int{}}
			all.places[from] = p
		}
	}
	if !again && from != nil {
		if len(all.first) >= mostTexts {
			all.first = map[uint64]*site{}
		}
		if before, ok := all.first[hash]; ok && (before == nil || before.stack != p.stack) {
			all.first[hash] = nil
		} else {
			all.first[hash] = p
		}
	}
	return p
}

func (p *site) add(s *statement) {
	s.place = p
	s.prev = p.newest
	if p.newest != nil {
		p.newest.next = s
	} else {
		p.oldest = s
	}
	p.newest = s
	p.open++
	p.texts[s.text]++
	p.last = s.text
}

// closed notes the end of a statement. Any number of times.
func (s *statement) closed() {
	if s == nil {
		return
	}
	defer s.conn.pool.agent.guard()
	all := &s.conn.pool.statements
	all.mu.Lock()
	defer all.mu.Unlock()
	all.remove(s)
}

func (all *statements) remove(s *statement) {
	if !s.isOpen {
		return
	}
	s.isOpen = false
	delete(s.conn.statements, s)
	p := s.place
	if s.prev != nil {
		s.prev.next = s.next
	} else {
		p.oldest = s.next
	}
	if s.next != nil {
		s.next.prev = s.prev
	} else {
		p.newest = s.prev
	}
	s.prev, s.next = nil, nil
	p.open--
	if p.texts[s.text]--; p.texts[s.text] == 0 {
		delete(p.texts, s.text)
	}
	if p.open == 0 {
		p.last = "" // the site may be remembered for long
	}
	if p.open == 0 && p.told == 0 { // nobody has heard of it
		delete(all.places, p.stack)
	}
}

// gone ends what was open on a connection that is.
func (all *statements) gone(c *connection) {
	all.mu.Lock()
	defer all.mu.Unlock()
	for s := range c.statements {
		all.remove(s)
	}
}

// preparedLine is what one place is told as.
type preparedLine struct {
	pool      string
	time      int64
	count     int64
	stack     *stack
	oldest    number
	distinct  number
	statement string
}

// lines are those of the places that changed since they were told; of all that have any, for a picture:
// then each is told once more after it.
func (all *statements) lines(pool string, now int64, picture bool) (list []preparedLine) {
	all.mu.Lock()
	defer all.mu.Unlock()
	for key, p := range all.places {
		line := preparedLine{pool: pool, time: now, stack: p.stack}
		if p.oldest != nil && now-p.oldest.at >= youngest {
			line.count, line.oldest = p.open, known(p.oldest.at)
			line.distinct, line.statement = known(int64(len(p.texts))), p.last
		}
		changed := line.count != p.told || line.distinct.value != p.toldDistinct || line.oldest.value != p.toldOldest
		if picture && line.count > 0 || !picture && changed {
			list = append(list, line)
		}
		p.told, p.toldDistinct, p.toldOldest = line.count, line.distinct.value, line.oldest.value
		if picture {
			p.told = untold
		} else if p.open == 0 {
			delete(all.places, key)
		}
	}
	return list
}

// tellStatements sends what changed to those who read fast enough, and all of it later to the others.
func (l *loop) tellStatements(of *pool) {
	var changed []preparedLine
	asked := false
	for _, p := range l.peers {
		if p.known == nil || p.pictureDue {
			continue // its picture tells
		}
		if p.waiting() >= l.options.peerBytes/2 {
			p.pictureDue = true
			continue
		}
		if !asked {
			changed, asked = of.statements.lines(of.nameNow(), l.now(), false), true
		}
		for i := range changed {
			p.send(l.stackFor(p, changed[i].stack))
			p.send(l.prepared(nil, p.number, &changed[i], of.kind.dialect))
		}
	}
}

func (l *loop) prepared(b []byte, n uint64, line *preparedLine, d dialect) []byte {
	told := *line
	told.statement = l.textOf(fingerprint, line.statement, d)
	id := ""
	if line.stack != nil {
		id = digits(line.stack.id)
	}
	return encodePrepared(b, n, &told, id)
}

func (p *pool) nameNow() string {
	p.agent.mu.Lock()
	defer p.agent.mu.Unlock()
	return p.name
}

func encodePrepared(b []byte, n uint64, p *preparedLine, stack string) []byte {
	w := begin(b, "prepared", n)
	w.text("pool", p.pool, maxPoolName)
	w.number("t", p.time)
	w.number("count", p.count)
	w.optionalText("stack", stack, maxID)
	w.optional("oldest", p.oldest)
	w.optional("distinct", p.distinct)
	w.optionalText("statement", p.statement, maxStatement)
	return w.end()
}
