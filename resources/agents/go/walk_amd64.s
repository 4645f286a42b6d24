// SPDX-License-Identifier: Apache-2.0

//go:build linux && gc

#include "textflag.h"

// func walk(pcs *[64]uintptr) int
//
// Follows the frame pointers, which Go's compiler always keeps here, from the caller's frame on, and
// stays on the goroutine's own stack (g.stack.hi, the second word of g). A chain that leads elsewhere
// (a callback from C, a clobbered BP) gives nothing: what it lacks may be what tells two callers apart.
// The runtime neither preempts nor moves a stack within assembly.
TEXT ·walk(SB), NOSPLIT|NOFRAME, $0-16
	MOVQ pcs+0(FP), DI
	MOVQ (TLS), R8
	MOVQ 8(R8), R9  // the stack's end
	SUBQ $16, R9    // a frame pointer and a return address must fit
	MOVQ SP, R10    // frames lie above
	MOVQ BP, R11
	XORQ CX, CX

next:
	CMPQ CX, $64
	JGE  done
	TESTQ R11, R11  // the outermost frame's
	JEQ  done
	CMPQ R11, R10
	JLS  astray
	CMPQ R11, R9
	JHI  astray
	TESTQ $7, R11
	JNE  astray
	MOVQ 8(R11), R12
	MOVQ R12, (DI)(CX*8)
	INCQ CX
	MOVQ R11, R10
	MOVQ (R11), R11
	JMP  next

astray:
	XORQ CX, CX

done:
	MOVQ CX, ret+8(FP)
	RET
