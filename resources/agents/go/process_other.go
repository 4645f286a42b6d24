// SPDX-License-Identifier: Apache-2.0

//go:build !linux

package poolscope

import "net"

// identifyPeer: without a portable way to ask, the socket's mode and its folder's decide who gets in.
func identifyPeer(net.Conn, int) identity { return identity{uid: -1, allowed: true} }

func processStart() number { return number{} }
