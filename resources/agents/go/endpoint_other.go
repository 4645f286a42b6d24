// SPDX-License-Identifier: Apache-2.0

//go:build !unix

package poolscope

import "fmt"

func groupOf(string) (int, error) { return -1, nil }

func usableFolder(place) bool { return false }

func listenUnix(path string, _ int) (*endpoint, error) {
	return nil, fmt.Errorf("The agent cannot listen on %s: there are no Unix sockets here. Set POOLSCOPE_LISTEN to 127.0.0.1:port, and POOLSCOPE_TOKEN.", path)
}
