// SPDX-License-Identifier: Apache-2.0

package poolscope

import (
	"net"
	"time"
)

// accept lets inspectors in, or asks them who they are first.
func (a *agent) accept() {
	for {
		socket, err := a.endpoint.listener.Accept()
		if err != nil {
			select {
			case <-a.stop:
				return
			case <-time.After(100 * time.Millisecond): // too many open files, perhaps
				continue
			}
		}
		a.admit(socket)
	}
}

const maxPeers, maxChallenged = 16, 8

func (a *agent) admit(socket net.Conn) {
	defer a.guard()
	who := "A peer"
	allowed := a.endpoint.enter()
	full := !allowed
	if !a.endpoint.needsToken {
		identity := identifyPeer(socket, a.endpoint.group)
		who = identity.String()
		allowed = allowed && identity.allowed
	}
	if !allowed {
		socket.Close()
		if !full {
			a.endpoint.leave()
		}
		a.figures.refused.Add(1)
		if full {
			a.logRefusal(who + " cannot attach: too many are attached.")
		} else {
			a.logRefusal(who + " may not attach.")
		}
		return
	}
	a.figures.accepted.Add(1)
	p := newPeer(a, socket, who)
	if a.endpoint.needsToken {
		go p.challenge()
	} else {
		go p.serve()
	}
}
