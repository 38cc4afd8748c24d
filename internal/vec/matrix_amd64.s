#include "go_asm.h"
#include "textflag.h"

// Weights of one step along In for 64 columns, at byte offset o.
#define WEIGHTS(o) \
	VMOVDQU32 o(R12), Z24; \
	VMOVDQU32 o(R12)(R13*1), Z25; \
	VMOVDQU32 o(R12)(R13*2), Z26; \
	VMOVDQU32 o(R12)(R14*1), Z27

// Four activations of one row times the weights.
#define ROW(at, t, c0, c1, c2, c3) \
	VPBROADCASTD at, t; \
	VPDPBUSD Z24, t, c0; \
	VPDPBUSD Z25, t, c1; \
	VPDPBUSD Z26, t, c2; \
	VPDPBUSD Z27, t, c3

#define ROWS1(o) ROW(o(R8), Z28, Z0, Z1, Z2, Z3)
#define ROWS2(o) ROWS1(o); ROW(o(R8)(DX*1), Z29, Z4, Z5, Z6, Z7)
#define ROWS3(o) ROWS2(o); ROW(o(R8)(DX*2), Z30, Z8, Z9, Z10, Z11)
#define ROWS4(o) ROWS3(o); ROW(o(R8)(R10*1), Z31, Z12, Z13, Z14, Z15)
#define ROWS5(o) ROWS4(o); ROW(o(R8)(DX*4), Z28, Z16, Z17, Z18, Z19)
#define ROWS6(o) ROWS5(o); ROW(o(R8)(R11*1), Z29, Z20, Z21, Z22, Z23)

// The sums start at -zero * the sum of the column's weights, kept on the stack.
#define START1 \
	VMOVDQU32 0(SP), Z0; \
	VMOVDQU32 64(SP), Z1; \
	VMOVDQU32 128(SP), Z2; \
	VMOVDQU32 192(SP), Z3
#define COPY(c0, c1, c2, c3) \
	VMOVDQA32 Z0, c0; \
	VMOVDQA32 Z1, c1; \
	VMOVDQA32 Z2, c2; \
	VMOVDQA32 Z3, c3
#define START2 START1; COPY(Z4, Z5, Z6, Z7)
#define START3 START2; COPY(Z8, Z9, Z10, Z11)
#define START4 START3; COPY(Z12, Z13, Z14, Z15)
#define START5 START4; COPY(Z16, Z17, Z18, Z19)
#define START6 START5; COPY(Z20, Z21, Z22, Z23)

// A row of sums becomes floats: scales and biases are on the stack.
#define FINISH(c0, c1, c2, c3) \
	VCVTDQ2PS c0, c0; \
	VCVTDQ2PS c1, c1; \
	VCVTDQ2PS c2, c2; \
	VCVTDQ2PS c3, c3; \
	VMULPS 256(SP), c0, c0; \
	VMULPS 320(SP), c1, c1; \
	VMULPS 384(SP), c2, c2; \
	VMULPS 448(SP), c3, c3; \
	VADDPS 512(SP), c0, c0; \
	VADDPS 576(SP), c1, c1; \
	VADDPS 640(SP), c2, c2; \
	VADDPS 704(SP), c3, c3; \
	VMOVUPS c0, (DI); \
	VMOVUPS c1, 64(DI); \
	VMOVUPS c2, 128(DI); \
	VMOVUPS c3, 192(DI); \
	ADDQ BX, DI
#define FINISH1 FINISH(Z0, Z1, Z2, Z3)
#define FINISH2 FINISH1; FINISH(Z4, Z5, Z6, Z7)
#define FINISH3 FINISH2; FINISH(Z8, Z9, Z10, Z11)
#define FINISH4 FINISH3; FINISH(Z12, Z13, Z14, Z15)
#define FINISH5 FINISH4; FINISH(Z16, Z17, Z18, Z19)
#define FINISH6 FINISH5; FINISH(Z20, Z21, Z22, Z23)

// One tile: 16 of In a turn, and 4 cache lines of the panel that comes next.
#define TILE(loop, START, ROWS, FINISH) \
	START; \
	MOVQ SI, R12; \
	MOVQ DX, AX; \
	PCALIGN $32; \
loop: \
	WEIGHTS(0); \
	ROWS(0); \
	PREFETCHT1 (R15); \
	WEIGHTS(64); \
	ROWS(4); \
	PREFETCHT1 64(R15); \
	WEIGHTS(128); \
	ROWS(8); \
	PREFETCHT1 128(R15); \
	WEIGHTS(192); \
	ROWS(12); \
	PREFETCHT1 192(R15); \
	ADDQ R9, R15; \
	ADDQ $16, R8; \
	ADDQ $256, R12; \
	SUBQ $16, AX; \
	JNZ loop; \
	FINISH

// FOLD prepares 16 columns on the stack: starting sums, scales, biases.
#define FOLD(o) \
	VPMULLD o(R8), Z16, Z0; \
	VMULPS o(R9), Z17, Z1; \
	VMOVUPS o(R10), Z2; \
	VMOVDQU32 Z0, (0+o)(SP); \
	VMOVUPS Z1, (256+o)(SP); \
	VMOVUPS Z2, (512+o)(SP)

// func productVNNI(p product)
//
// Tiles of 6 rows x 64 columns: 24 sums, 4 registers of weights, 4 of activations.
TEXT ·productVNNI(SB), 0, $768-80
	LEAQ         p+0(FP), AX
	MOVQ         product_sums(AX), R8
	MOVQ         product_scale(AX), R9
	MOVQ         product_bias(AX), R10
	VPBROADCASTD product_zero(AX), Z16
	VBROADCASTSS product_by(AX), Z17
	FOLD(0)
	FOLD(64)
	FOLD(128)
	FOLD(192)
	MOVQ         product_dst(AX), DI
	MOVQ         product_a(AX), R8
	MOVQ         product_w(AX), SI
	MOVQ         product_rows(AX), CX
	MOVQ         product_in(AX), DX
	MOVQ         product_stride(AX), BX
	LEAQ         (DX)(DX*2), R10
	LEAQ         (DX)(DX*4), R11
	MOVQ         DX, R13
	SHLQ         $4, R13
	LEAQ         (R13)(R13*2), R14
	LEAQ         (SI)(R13*4), R15
	MOVQ         $256, R9

six:
	CMPQ CX, $6
	JLT  rest
	TILE(loop6, START6, ROWS6, FINISH6)
	ADDQ R11, R8 // the loop has taken it one row further
	SUBQ $6, CX

	// When the next panel has been asked for, stay on its last lines.
	LEAQ (SI)(R13*8), AX
	CMPQ R15, AX
	JLT  six
	XORQ R9, R9
	JMP  six

rest:
	CMPQ CX, $3
	JEQ  three
	JGT  more
	CMPQ CX, $1
	JEQ  one
	JLT  done
	TILE(loop2, START2, ROWS2, FINISH2)
	JMP  done

one:
	TILE(loop1, START1, ROWS1, FINISH1)
	JMP done

three:
	TILE(loop3, START3, ROWS3, FINISH3)
	JMP done

more:
	CMPQ CX, $5
	JEQ  five
	TILE(loop4, START4, ROWS4, FINISH4)
	JMP  done

five:
	TILE(loop5, START5, ROWS5, FINISH5)

done:
	VZEROUPPER
	RET

// PAIR adds four activations of one row times the weights of 16 columns. Pairs
// of products stay below 2^15 because the weights are at most 64.
#define PAIR(at, c0, c1) \
	VPBROADCASTD at, Y10; \
	VPMADDUBSW Y8, Y10, Y11; \
	VPMADDUBSW Y9, Y10, Y12; \
	VPMADDWD Y15, Y11, Y11; \
	VPMADDWD Y15, Y12, Y12; \
	VPADDD Y11, c0, c0; \
	VPADDD Y12, c1, c1

#define STEP(o, w) \
	VMOVDQU w(R12), Y8; \
	VMOVDQU (w+32)(R12), Y9; \
	PAIR(o(R8), Y0, Y1); \
	PAIR(o(R9), Y2, Y3); \
	PAIR(o(R10), Y4, Y5); \
	PAIR(o(R11), Y6, Y7)

// END makes floats of two sums; the scales are in Y8 and Y9, the biases in Y10 and Y11.
#define END(c0, c1, at0, at1) \
	VCVTDQ2PS c0, c0; \
	VCVTDQ2PS c1, c1; \
	VMULPS Y8, c0, c0; \
	VMULPS Y9, c1, c1; \
	VADDPS Y10, c0, c0; \
	VADDPS Y11, c1, c1; \
	VMOVUPS c0, at0; \
	VMOVUPS c1, at1

#define SCALES \
	MOVQ product_scale(R15), R14; \
	VBROADCASTSS product_by(R15), Y9; \
	VMULPS (R14)(R13*1), Y9, Y8; \
	VMULPS 32(R14)(R13*1), Y9, Y9; \
	MOVQ product_bias(R15), R14; \
	VMOVUPS (R14)(R13*1), Y10; \
	VMOVUPS 32(R14)(R13*1), Y11

// func productAVX2(p product)
//
// Tiles of 4 rows x 16 columns. Where 2 or 3 rows are left, the last one is
// computed again in place of the others.
TEXT ·productAVX2(SB), NOSPLIT, $0-80
	LEAQ         p+0(FP), R15
	MOVQ         product_w(R15), SI
	MOVQ         product_in(R15), DX
	MOVQ         product_stride(R15), BX
	VPCMPEQW     Y15, Y15, Y15
	VPSRLW       $15, Y15, Y15 // 1 in all 16-bit lanes
	XORQ         R13, R13      // byte offset of the group in sums, scales, biases, and in a row of dst

columns:
	MOVQ product_a(R15), R8
	MOVQ product_dst(R15), DI
	ADDQ R13, DI
	MOVQ product_rows(R15), CX

rows:
	// R9, R10, R11: the next rows, or the last again.
	MOVQ    R8, R9
	LEAQ    (R8)(DX*1), R14
	CMPQ    CX, $1
	CMOVQGT R14, R9
	MOVQ    R9, R10
	LEAQ    (R8)(DX*2), R14
	CMPQ    CX, $2
	CMOVQGT R14, R10
	MOVQ    R10, R11
	ADDQ    DX, R14
	CMPQ    CX, $3
	CMOVQGT R14, R11

	MOVQ         product_sums(R15), R14
	VPBROADCASTD product_zero(R15), Y8
	VPMULLD      (R14)(R13*1), Y8, Y0
	VPMULLD      32(R14)(R13*1), Y8, Y1
	CMPQ         CX, $1
	JEQ          lone
	VMOVDQA      Y0, Y2
	VMOVDQA      Y1, Y3
	VMOVDQA      Y0, Y4
	VMOVDQA      Y1, Y5
	VMOVDQA      Y0, Y6
	VMOVDQA      Y1, Y7
	MOVQ         SI, R12
	MOVQ         DX, AX

	PCALIGN $32

loop:
	STEP(0, 0)
	STEP(4, 64)
	STEP(8, 128)
	STEP(12, 192)
	ADDQ $16, R8
	ADDQ $16, R9
	ADDQ $16, R10
	ADDQ $16, R11
	ADDQ $256, R12
	SUBQ $16, AX
	JNZ  loop

	SCALES

	// AX, R12, R14: the next rows of dst, or the last again.
	MOVQ    DI, R12
	LEAQ    (DI)(BX*1), AX
	CMPQ    CX, $1
	CMOVQGT AX, R12
	MOVQ    R12, R14
	ADDQ    BX, AX
	CMPQ    CX, $2
	CMOVQGT AX, R14
	ADDQ    BX, AX
	CMPQ    CX, $3
	CMOVQLE R14, AX
	END(Y0, Y1, (DI), 32(DI))
	END(Y2, Y3, (R12), 32(R12))
	END(Y4, Y5, (R14), 32(R14))
	END(Y6, Y7, (AX), 32(AX))

	MOVQ R11, R8 // just behind the last row
	LEAQ (DI)(BX*4), DI
	SUBQ $4, CX
	JGT  rows

next:
	MOVQ DX, AX
	SHLQ $4, AX
	ADDQ AX, SI
	ADDQ $64, R13
	CMPQ R13, $256
	JLT  columns
	VZEROUPPER
	RET

	// A last row alone: of 21 rows, a seventh of the time is saved.
lone:
	MOVQ SI, R12
	MOVQ DX, AX

loneloop:
	VMOVDQU (R12), Y8
	VMOVDQU 32(R12), Y9
	PAIR((R8), Y0, Y1)
	ADDQ    $4, R8
	ADDQ    $64, R12
	SUBQ    $4, AX
	JNZ     loneloop
	SCALES
	END(Y0, Y1, (DI), 32(DI))
	JMP     next
