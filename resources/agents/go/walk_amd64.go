// SPDX-License-Identifier: Apache-2.0

//go:build linux && gc

package poolscope

// walk lists the return addresses above its caller, and says how many. It is a hundred times faster than
// runtime.Callers, but what it finds is only a key to look up what that found for the same addresses
// before: function names and lines never come from it.
//
//go:noescape
func walk(pcs *[maxFrames]uintptr) int
