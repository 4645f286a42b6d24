// SPDX-License-Identifier: Apache-2.0

//go:build linux && gc

#include "textflag.h"

// func walk(pcs *[64]uintptr) int
//
// Follows the frame pointers, which Go's compiler always keeps here, from the caller's frame on, and
// stays on the goroutine's own stack (g.stack.hi, the second word of g): a chain that leads elsewhere
// ends there. The runtime neither preempts nor moves a stack within assembly.
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
	CMPQ R11, R10
	JLS  done
	CMPQ R11, R9
	JHI  done
	TESTQ $7, R11
	JNE  done
	MOVQ 8(R11), R12
	MOVQ R12, (DI)(CX*8)
	INCQ CX
	MOVQ R11, R10
	MOVQ (R11), R11
	JMP  next

done:
	MOVQ CX, ret+8(FP)
	RET
