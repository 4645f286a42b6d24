// SPDX-License-Identifier: Apache-2.0

package poolscope

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"time"
)

// endpoint is where an agent listens.
type endpoint struct {
	listener   net.Listener
	address    string // as an inspector writes it
	path       string // of a Unix socket: removed at the end
	needsToken bool
	group      int   // whose members may attach too; -1: none
	peers      int32 // atomics
	challenged int32
}

func (e *endpoint) enter() bool { return enterAtMost(&e.peers, maxPeers) }
func (e *endpoint) leave()      { atomic.AddInt32(&e.peers, -1) }

func (e *endpoint) enterChallenged() bool { return enterAtMost(&e.challenged, maxChallenged) }
func (e *endpoint) leaveChallenged()      { atomic.AddInt32(&e.challenged, -1) }

func enterAtMost(count *int32, most int32) bool {
	if atomic.AddInt32(count, 1) <= most {
		return true
	}
	atomic.AddInt32(count, -1)
	return false
}

func (e *endpoint) close() {
	if e.path != "" { // first: once it is closed, another may take the path over
		os.Remove(e.path)
	}
	e.listener.Close()
}

type identity struct {
	pid, uid int
	allowed  bool
}

func (i identity) String() string {
	if i.uid < 0 {
		return "A process"
	}
	return fmt.Sprintf("Process %d of user %d", i.pid, i.uid)
}

const maxSocketPath = 107

var betweenProbes = 20 * time.Millisecond // of a socket that seems to be left over

// openEndpoint opens it by the rules of PROTOCOL.md, sections 2 and 3. nil: listening is switched off.
func openEndpoint(o AgentOptions) (*endpoint, error) {
	text := o.Listen
	if text == "off" {
		return nil, nil
	}
	group, err := groupOf(o.Group)
	if err != nil {
		return nil, err
	}
	if text == "" {
		return listenAnywhere(o.Name, group)
	}
	text = strings.TrimPrefix(text, "unix:")
	if strings.HasPrefix(text, "/") && len(text) <= maxSocketPath {
		return listenUnix(text, group)
	}
	host, port, ok := splitAddress(strings.TrimPrefix(text, "tcp:"))
	if !ok || strings.HasPrefix(text, "/") {
		return nil, fmt.Errorf("The agent cannot listen on %q. Write /path, unix:/path, host:port or off.", o.Listen)
	}
	return listenTCP(host, port, o.Token != "")
}

func splitAddress(text string) (host string, port int, ok bool) {
	colon := strings.LastIndexByte(text, ':')
	if colon <= 0 {
		return "", 0, false
	}
	number, err := strconv.ParseUint(text[colon+1:], 10, 16)
	host = text[:colon]
	if strings.HasPrefix(host, "[") && strings.HasSuffix(host, "]") {
		host = host[1 : len(host)-1]
	}
	return host, int(number), err == nil && host != ""
}

func listenTCP(host string, port int, hasToken bool) (*endpoint, error) {
	where := fmt.Sprintf("%s:%d", host, port)
	if !hasToken {
		return nil, fmt.Errorf("The agent cannot listen on %s: TCP needs a token. Set POOLSCOPE_TOKEN, or listen on a Unix socket.", where)
	}
	if host == "localhost" { // whatever a resolver says
		host = "127.0.0.1"
	}
	ip := net.ParseIP(host)
	if ip == nil || !ip.IsLoopback() {
		return nil, fmt.Errorf("The agent cannot listen on %s: it is not a loopback address. Listen on 127.0.0.1 or ::1, and attach from elsewhere with --ssh.", where)
	}
	listener, err := net.Listen("tcp", net.JoinHostPort(host, strconv.Itoa(port)))
	if err != nil {
		return nil, fmt.Errorf("The agent cannot listen on %s: %w.", where, err)
	}
	return &endpoint{listener: listener, address: "pool://" + listener.Addr().String(), needsToken: true, group: -1}, nil
}

// place is a folder where the socket may be.
type place struct {
	folder string
	create bool
	exact  bool // must be the user's own, and nobody else's
}

func runtimePlaces() []place {
	var places []place
	runtime := strings.SplitN(os.Getenv("RUNTIME_DIRECTORY"), ":", 2)[0]
	if filepath.IsAbs(runtime) {
		places = append(places, place{runtime, false, false})
	}
	if session := os.Getenv("XDG_RUNTIME_DIR"); filepath.IsAbs(session) {
		places = append(places, place{session + "/poolscope", true, false})
	}
	places = append(places, place{"/run/poolscope", false, false})
	temporary := os.Getenv("TMPDIR")
	if !filepath.IsAbs(temporary) {
		temporary = os.TempDir()
	}
	if filepath.IsAbs(temporary) {
		places = append(places, place{filepath.Join(temporary, "poolscope-"+strconv.Itoa(os.Geteuid())), true, true})
	}
	return places
}

// socketName is "<pid>-<name>.sock", with "-2" and so on for further agents of a process.
func socketName(pid int, name string, index int) string {
	if len(name) > 32 {
		name = name[:32]
	}
	plain := []byte(name)
	for i, c := range plain {
		if !(c >= 'A' && c <= 'Z' || c >= 'a' && c <= 'z' || isDigit(c) || c == '.' || c == '_' || c == '-') {
			plain[i] = '_'
		}
	}
	if len(plain) == 0 {
		plain = []byte("pool")
	}
	suffix := ""
	if index > 1 {
		suffix = "-" + strconv.Itoa(index)
	}
	return strconv.Itoa(pid) + "-" + string(plain) + suffix + ".sock"
}

func listenAnywhere(name string, group int) (*endpoint, error) {
	var tried []string
	for _, place := range runtimePlaces() {
		tried = append(tried, place.folder)
		if !usableFolder(place) {
			continue
		}
		for index := 1; index <= 8; index++ {
			path := place.folder + "/" + socketName(os.Getpid(), name, index)
			if len(path) > maxSocketPath {
				break
			}
			if e, err := listenUnix(path, group); err == nil {
				return e, nil
			}
		}
	}
	return nil, fmt.Errorf("The agent finds no folder for its socket. It tried: %s. Set POOLSCOPE_LISTEN, or XDG_RUNTIME_DIR.",
		strings.Join(tried, ", "))
}
