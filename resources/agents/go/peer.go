// SPDX-License-Identifier: Apache-2.0

package poolscope

import (
	"bufio"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"io"
	"net"
	"os"
	"sync"
	"time"
)

// peer is one inspector: a goroutine reads from it, one writes to it; what it is told is decided by the
// agent's loop alone.
type peer struct {
	agent  *agent
	socket net.Conn
	who    string
	reader *bufio.Reader

	mu      sync.Mutex
	out     []byte // waits to be sent
	writing int    // bytes that are being sent
	wake    chan struct{}
	room    chan struct{} // something was sent
	ended   chan struct{}
	once    sync.Once

	// The loop's.
	number     uint64 // of the last event that it was told of
	lost       uint64
	known      map[uint64]bool // stacks
	pictureDue bool
	notBefore  time.Time
	badLines   int
}

// peerLine is what a peer said, or that it is gone.
type peerLine struct {
	peer     *peer
	command  command
	readable bool
	gone     bool
}

const (
	mostBeforeAuth  = 4096
	mostBadLines    = 1000 // then it is no inspector
	betweenPictures = 100 * time.Millisecond
)

func newPeer(a *agent, socket net.Conn, who string) *peer {
	return &peer{agent: a, socket: socket, who: who, reader: bufio.NewReaderSize(socket, mostBeforeAuth),
		wake: make(chan struct{}, 1), room: make(chan struct{}, 1), ended: make(chan struct{})}
}

// end lets the peer go. Any goroutine, any number of times.
func (p *peer) end() {
	p.once.Do(func() {
		close(p.ended)
		p.socket.Close()
		p.agent.endpoint.leave()
	})
}

// challenge is what a peer on TCP meets first: 4 KiB, one line, some seconds, and a token to know.
func (p *peer) challenge() {
	defer p.agent.guard()
	a := p.agent
	if !a.endpoint.enterChallenged() {
		a.figures.refused.Add(1)
		a.logRefusal(p.who + " cannot attach: too many are attached.")
		p.end()
		return
	}
	known := p.knowsToken()
	a.endpoint.leaveChallenged()
	if !known {
		a.figures.refused.Add(1)
		p.end()
		return
	}
	p.serve()
}

func (p *peer) knowsToken() bool {
	a := p.agent
	var random [32]byte
	if _, err := rand.Read(random[:]); err != nil {
		return false // no randomness, no entry
	}
	nonce := hex.EncodeToString(random[:])
	p.socket.SetDeadline(time.Now().Add(a.options.authTime))
	if _, err := p.socket.Write(encodeChallenge(nil, nonce)); err != nil {
		return false
	}
	line, err := p.reader.ReadSlice('\n')
	if err != nil {
		return false
	}
	c, readable := readCommand(line[:len(line)-1])
	if !readable || c.kind != "auth" {
		return false
	}
	if !sameMAC(macOf(a.options.Token, nonce), c.mac) {
		p.socket.Write(encodeResult(nil, 0, c.n, false, "wrong token"))
		a.logRefusal(p.who + " had a wrong token.")
		return false
	}
	p.socket.SetDeadline(time.Time{})
	return true
}

// serve joins the loop and reads until the peer is gone.
func (p *peer) serve() {
	defer p.agent.guard()
	defer p.end()
	a := p.agent
	select {
	case a.joining <- p:
	case <-a.stop:
		return
	}
	go p.write()
	p.reader = bufio.NewReaderSize(io.MultiReader(p.reader, p.socket), maxLine+2)
	for p.hasRoom() {
		line, err := p.readLine()
		if err != nil {
			p.say(peerLine{peer: p, gone: true})
			return
		}
		if len(line) == 0 {
			continue
		}
		c, readable := readCommand(line)
		if !p.say(peerLine{peer: p, command: c, readable: readable}) {
			return
		}
	}
}

// hasRoom waits while much is to be sent: who asks and does not read is not listened to. false: it is over.
func (p *peer) hasRoom() bool {
	for p.waiting() > p.agent.options.peerBytes/2 {
		select {
		case <-p.room:
		case <-p.ended:
			return false
		case <-p.agent.stop:
			return false
		}
	}
	return true
}

// readLine gives a line without its end; one that is too long comes as one that cannot be read.
func (p *peer) readLine() ([]byte, error) {
	line, err := p.reader.ReadSlice('\n')
	for errors.Is(err, bufio.ErrBufferFull) {
		line = nil
		if _, err = p.reader.ReadSlice('\n'); err == nil {
			return []byte("too long"), nil
		}
	}
	if err != nil {
		return nil, err
	}
	line = line[:len(line)-1]
	if n := len(line); n > 0 && line[n-1] == '\r' {
		line = line[:n-1]
	}
	return line, nil
}

func (p *peer) say(line peerLine) bool {
	select {
	case p.agent.lines <- line:
		return true
	case <-p.ended:
	case <-p.agent.stop:
	}
	return false
}

// write sends what waits. A peer that takes nothing at all for a while is let go.
func (p *peer) write() {
	defer p.agent.guard()
	for {
		select {
		case <-p.ended:
			return
		case <-p.wake:
		}
		for {
			p.mu.Lock()
			chunk := p.out
			p.out = nil
			p.writing = len(chunk)
			p.mu.Unlock()
			if len(chunk) == 0 {
				break
			}
			if !p.writeAll(chunk) {
				p.say(peerLine{peer: p, gone: true})
				p.end()
				return
			}
		}
	}
}

func (p *peer) writeAll(chunk []byte) bool {
	const piece = 64 << 10
	for len(chunk) > 0 {
		part := chunk
		if len(part) > piece {
			part = part[:piece]
		}
		p.socket.SetWriteDeadline(time.Now().Add(p.agent.options.stallTime))
		n, err := p.socket.Write(part)
		if err != nil && !(n > 0 && errors.Is(err, os.ErrDeadlineExceeded)) {
			return false
		}
		chunk = chunk[n:]
		p.mu.Lock()
		p.writing = len(chunk)
		p.mu.Unlock()
		select {
		case p.room <- struct{}{}:
		default:
		}
	}
	return true
}

func (p *peer) waiting() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.out) + p.writing
}

// send appends lines to what waits.
func (p *peer) send(lines []byte) {
	if len(lines) == 0 {
		return
	}
	p.mu.Lock()
	p.out = append(p.out, lines...)
	p.mu.Unlock()
	select {
	case p.wake <- struct{}{}:
	default:
	}
}

func (p *peer) isGone() bool {
	select {
	case <-p.ended:
		return true
	default:
		return false
	}
}
