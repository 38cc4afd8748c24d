#include "go_asm.h"
#include "textflag.h"

// func transposeAVX2(dst, src *float32, rows, columns, dstStride, srcStride int)
//
// rows and columns of src are multiples of 8 above 0; strides are in bytes.
TEXT ·transposeAVX2(SB), NOSPLIT, $0-48
	MOVQ dst+0(FP), DI
	MOVQ src+8(FP), SI
	MOVQ rows+16(FP), CX
	MOVQ dstStride+32(FP), R8
	MOVQ srcStride+40(FP), R9
	LEAQ (R8)(R8*2), R10
	LEAQ (R9)(R9*2), R11

rows:
	MOVQ columns+24(FP), DX
	MOVQ SI, R12
	MOVQ DI, R13

columns:
	LEAQ        (R12)(R9*4), AX
	VMOVUPS     (R12), X0
	VMOVUPS     (R12)(R9*1), X1
	VMOVUPS     (R12)(R9*2), X2
	VMOVUPS     (R12)(R11*1), X3
	VMOVUPS     16(R12), X4
	VMOVUPS     16(R12)(R9*1), X5
	VMOVUPS     16(R12)(R9*2), X6
	VMOVUPS     16(R12)(R11*1), X7
	VINSERTF128 $1, (AX), Y0, Y0
	VINSERTF128 $1, (AX)(R9*1), Y1, Y1
	VINSERTF128 $1, (AX)(R9*2), Y2, Y2
	VINSERTF128 $1, (AX)(R11*1), Y3, Y3
	VINSERTF128 $1, 16(AX), Y4, Y4
	VINSERTF128 $1, 16(AX)(R9*1), Y5, Y5
	VINSERTF128 $1, 16(AX)(R9*2), Y6, Y6
	VINSERTF128 $1, 16(AX)(R11*1), Y7, Y7
	VUNPCKLPS   Y1, Y0, Y8
	VUNPCKHPS   Y1, Y0, Y9
	VUNPCKLPS   Y3, Y2, Y10
	VUNPCKHPS   Y3, Y2, Y11
	VUNPCKLPS   Y5, Y4, Y12
	VUNPCKHPS   Y5, Y4, Y13
	VUNPCKLPS   Y7, Y6, Y14
	VUNPCKHPS   Y7, Y6, Y15
	VUNPCKLPD   Y10, Y8, Y0
	VUNPCKHPD   Y10, Y8, Y1
	VUNPCKLPD   Y11, Y9, Y2
	VUNPCKHPD   Y11, Y9, Y3
	VUNPCKLPD   Y14, Y12, Y4
	VUNPCKHPD   Y14, Y12, Y5
	VUNPCKLPD   Y15, Y13, Y6
	VUNPCKHPD   Y15, Y13, Y7
	LEAQ        (R13)(R8*4), AX
	VMOVUPS     Y0, (R13)
	VMOVUPS     Y1, (R13)(R8*1)
	VMOVUPS     Y2, (R13)(R8*2)
	VMOVUPS     Y3, (R13)(R10*1)
	VMOVUPS     Y4, (AX)
	VMOVUPS     Y5, (AX)(R8*1)
	VMOVUPS     Y6, (AX)(R8*2)
	VMOVUPS     Y7, (AX)(R10*1)
	LEAQ        (R13)(R8*8), R13
	ADDQ        $32, R12
	SUBQ        $8, DX
	JNZ         columns

	LEAQ (SI)(R9*8), SI
	ADDQ $32, DI
	SUBQ $8, CX
	JNZ  rows
	VZEROUPPER
	RET

// FOUR adds a value of four rows times 32 columns.
#define FOUR(a, c0, c1, c2, c3, c4, c5, c6, c7) \
	VBROADCASTSS (a), Z26; \
	VFMADD231PS Z24, Z26, c0; \
	VFMADD231PS Z25, Z26, c1; \
	VBROADCASTSS (a)(DX*1), Z27; \
	VFMADD231PS Z24, Z27, c2; \
	VFMADD231PS Z25, Z27, c3; \
	VBROADCASTSS (a)(DX*2), Z28; \
	VFMADD231PS Z24, Z28, c4; \
	VFMADD231PS Z25, Z28, c5; \
	VBROADCASTSS (a)(R11*1), Z29; \
	VFMADD231PS Z24, Z29, c6; \
	VFMADD231PS Z25, Z29, c7; \
	ADDQ $4, a

#define CLEAR8(c0, c1, c2, c3, c4, c5, c6, c7) \
	VPXORD c0, c0, c0; \
	VPXORD c1, c1, c1; \
	VPXORD c2, c2, c2; \
	VPXORD c3, c3, c3; \
	VPXORD c4, c4, c4; \
	VPXORD c5, c5, c5; \
	VPXORD c6, c6, c6; \
	VPXORD c7, c7, c7

#define STORE(c0, c1) \
	VMULPS c0, Z31, c0; \
	VMULPS c1, Z31, c1; \
	VMOVUPS c0, (R12); \
	VMOVUPS c1, 64(R12); \
	ADDQ R13, R12

// func multiplyVNNI(p multiply)
//
// Tiles of 12 rows x 32 columns.
TEXT ·multiplyVNNI(SB), NOSPLIT, $0-120
	MOVQ         p_c+0(FP), DI
	MOVQ         p_b+48(FP), SI
	MOVQ         p_columns+80(FP), CX
	MOVQ         p_cStride+88(FP), R13
	MOVQ         p_aStride+96(FP), DX
	MOVQ         p_bStride+104(FP), BX
	LEAQ         (DX)(DX*2), R11
	VBROADCASTSS p_by+112(FP), Z31

columns:
	MOVQ p_a+24(FP), R8
	LEAQ (R8)(DX*4), R9
	LEAQ (R8)(DX*8), R10
	MOVQ p_inner+72(FP), AX
	MOVQ SI, R12
	CLEAR8(Z0, Z1, Z2, Z3, Z4, Z5, Z6, Z7)
	CLEAR8(Z8, Z9, Z10, Z11, Z12, Z13, Z14, Z15)
	CLEAR8(Z16, Z17, Z18, Z19, Z20, Z21, Z22, Z23)

	PCALIGN $32

loop:
	VMOVUPS (R12), Z24
	VMOVUPS 64(R12), Z25
	FOUR(R8, Z0, Z1, Z2, Z3, Z4, Z5, Z6, Z7)
	FOUR(R9, Z8, Z9, Z10, Z11, Z12, Z13, Z14, Z15)
	FOUR(R10, Z16, Z17, Z18, Z19, Z20, Z21, Z22, Z23)
	ADDQ      BX, R12
	DECQ      AX
	JNZ       loop

	MOVQ DI, R12
	STORE(Z0, Z1)
	STORE(Z2, Z3)
	STORE(Z4, Z5)
	STORE(Z6, Z7)
	STORE(Z8, Z9)
	STORE(Z10, Z11)
	STORE(Z12, Z13)
	STORE(Z14, Z15)
	STORE(Z16, Z17)
	STORE(Z18, Z19)
	STORE(Z20, Z21)
	STORE(Z22, Z23)
	ADDQ $128, SI
	ADDQ $128, DI
	SUBQ $32, CX
	JNZ  columns
	VZEROUPPER
	RET

// TWO adds a value of one row times 16 columns.
#define TWO(at, t, c0, c1) \
	VBROADCASTSS at, t; \
	VFMADD231PS Y12, t, c0; \
	VFMADD231PS Y13, t, c1

#define STOREAVX2(c0, c1) \
	VMULPS c0, Y12, c0; \
	VMULPS c1, Y12, c1; \
	VMOVUPS c0, (R12); \
	VMOVUPS c1, 32(R12); \
	ADDQ R13, R12

// func multiplyAVX2(p multiply)
//
// Two tiles of 6 rows x 16 columns.
TEXT ·multiplyAVX2(SB), NOSPLIT, $0-120
	MOVQ p_c+0(FP), DI
	MOVQ p_b+48(FP), SI
	MOVQ p_columns+80(FP), CX
	MOVQ p_cStride+88(FP), R13
	MOVQ p_aStride+96(FP), DX
	MOVQ p_bStride+104(FP), BX

columns:
	MOVQ p_a+24(FP), R8
	MOVQ DI, R10 // the tile in c
	XORQ R14, R14

rows:
	LEAQ  (R8)(DX*2), R9
	ADDQ  DX, R9 // rows 3 to 5
	MOVQ  p_inner+72(FP), AX
	MOVQ  SI, R12
	VXORPS Y0, Y0, Y0
	VXORPS Y1, Y1, Y1
	VXORPS Y2, Y2, Y2
	VXORPS Y3, Y3, Y3
	VXORPS Y4, Y4, Y4
	VXORPS Y5, Y5, Y5
	VXORPS Y6, Y6, Y6
	VXORPS Y7, Y7, Y7
	VXORPS Y8, Y8, Y8
	VXORPS Y9, Y9, Y9
	VXORPS Y10, Y10, Y10
	VXORPS Y11, Y11, Y11

	PCALIGN $32

loop:
	VMOVUPS (R12), Y12
	VMOVUPS 32(R12), Y13
	TWO((R8), Y14, Y0, Y1)
	TWO((R8)(DX*1), Y15, Y2, Y3)
	TWO((R8)(DX*2), Y14, Y4, Y5)
	TWO((R9), Y15, Y6, Y7)
	TWO((R9)(DX*1), Y14, Y8, Y9)
	TWO((R9)(DX*2), Y15, Y10, Y11)
	ADDQ    $4, R8
	ADDQ    $4, R9
	ADDQ    BX, R12
	DECQ    AX
	JNZ     loop

	VBROADCASTSS p_by+112(FP), Y12
	MOVQ         R10, R12
	STOREAVX2(Y0, Y1)
	STOREAVX2(Y2, Y3)
	STOREAVX2(Y4, Y5)
	STOREAVX2(Y6, Y7)
	STOREAVX2(Y8, Y9)
	STOREAVX2(Y10, Y11)
	MOVQ         R12, R10
	MOVQ         p_a+24(FP), R8
	LEAQ         (R8)(DX*2), R8
	LEAQ         (R8)(DX*4), R8
	XORQ         $1, R14
	JNZ          rows

	ADDQ $64, SI
	ADDQ $64, DI
	SUBQ $16, CX
	JNZ  columns
	VZEROUPPER
	RET

// 2^f = C0 + ... + C5·f⁵ for |f| <= 1/2; an own fit of smallest greatest relative
// error, 7.5e-8. Then the least power taken and 1.
DATA exp2<>+0(SB)/4, $1.0000001192092896
DATA exp2<>+4(SB)/4, $0.6931469440460205
DATA exp2<>+8(SB)/4, $0.24022120237350464
DATA exp2<>+12(SB)/4, $0.05550713464617729
DATA exp2<>+16(SB)/4, $0.009675540961325169
DATA exp2<>+20(SB)/4, $0.0013276457320898771
DATA exp2<>+24(SB)/4, $-125.0
DATA exp2<>+28(SB)/4, $1.0
GLOBL exp2<>(SB), RODATA|NOPTR, $32

// EXP sets p to 2^t for t <= 0; it spoils t and n.
#define EXP(t, n, p) \
	VRNDSCALEPS $0, t, n; \
	VSUBPS n, t, t; \
	VMOVAPS Z13, p; \
	VFMADD213PS Z12, t, p; \
	VFMADD213PS Z11, t, p; \
	VFMADD213PS Z10, t, p; \
	VFMADD213PS Z9, t, p; \
	VFMADD213PS Z8, t, p; \
	VSCALEFPS n, p, p

// func softmaxVNNI(x *float32, rows, n, stride int)
//
// rows and n are above 0. Rows start stride values apart and have room for n
// rounded up to a multiple of 16.
TEXT ·softmaxVNNI(SB), NOSPLIT, $0-32
	MOVQ         x+0(FP), SI
	MOVQ         rows+8(FP), R9
	MOVQ         n+16(FP), CX
	MOVQ         stride+24(FP), BX
	VBROADCASTSS exp2<>+0(SB), Z8
	VBROADCASTSS exp2<>+4(SB), Z9
	VBROADCASTSS exp2<>+8(SB), Z10
	VBROADCASTSS exp2<>+12(SB), Z11
	VBROADCASTSS exp2<>+16(SB), Z12
	VBROADCASTSS exp2<>+20(SB), Z13

	// K1: the lanes of the last vector that count. R8: its index among values.
	DECQ  CX
	MOVQ  CX, R8
	ANDQ  $-16, R8
	ANDQ  $15, CX
	INCQ  CX
	MOVQ  $1, DX
	SHLQ  CX, DX
	DECQ  DX
	KMOVW DX, K1
	MOVL         $0xff800000, AX // -∞
	VPBROADCASTD AX, Z7

row:
	VMOVAPS Z7, Z0
	VMOVUPS (SI)(R8*4), K1, Z0
	VMOVAPS Z0, Z6
	XORQ    AX, AX
	JMP     maxtest

maxloop:
	VMAXPS (SI)(AX*4), Z0, Z0
	ADDQ   $16, AX

maxtest:
	CMPQ AX, R8
	JLT  maxloop

	VEXTRACTF64X4 $1, Z0, Y1
	VMAXPS        Y1, Y0, Y0
	VEXTRACTF128  $1, Y0, X1
	VMAXPS        X1, X0, X0
	VPERMILPS     $0x4e, X0, X1
	VMAXPS        X1, X0, X0
	VPERMILPS     $0xb1, X0, X1
	VMAXPS        X1, X0, X0
	VBROADCASTSS  X0, Z0

	VSUBPS Z0, Z6, Z1
	EXP(Z1, Z2, Z3)
	VMOVAPS.Z Z3, K1, Z6 // the last vector
	VMOVAPS   Z6, Z5
	XORQ      AX, AX
	JMP       exptest

exploop:
	VMOVUPS (SI)(AX*4), Z1
	VSUBPS  Z0, Z1, Z1
	EXP(Z1, Z2, Z3)
	VMOVUPS Z3, (SI)(AX*4)
	VADDPS  Z3, Z5, Z5
	ADDQ    $16, AX

exptest:
	CMPQ AX, R8
	JLT  exploop

	VEXTRACTF64X4 $1, Z5, Y1
	VADDPS        Y1, Y5, Y5
	VEXTRACTF128  $1, Y5, X1
	VADDPS        X1, X5, X5
	VPERMILPS     $0x4e, X5, X1
	VADDPS        X1, X5, X5
	VPERMILPS     $0xb1, X5, X1
	VADDPS        X1, X5, X5
	VMOVSS        exp2<>+28(SB), X1
	VDIVSS        X5, X1, X5
	VBROADCASTSS  X5, Z5

	VMULPS    Z6, Z5, Z1
	VMOVUPS   Z1, (SI)(R8*4)
	XORQ      AX, AX
	JMP       scaletest

scaleloop:
	VMULPS    (SI)(AX*4), Z5, Z1
	VMOVUPS   Z1, (SI)(AX*4)
	ADDQ      $16, AX

scaletest:
	CMPQ AX, R8
	JLT  scaleloop

	LEAQ (SI)(BX*4), SI
	DECQ R9
	JNZ  row
	VZEROUPPER
	RET

// Eight full lanes, then sixteen empty ones: from lane 8-n on, the first n are full.
DATA lanes<>+0(SB)/8, $-1
DATA lanes<>+8(SB)/8, $-1
DATA lanes<>+16(SB)/8, $-1
DATA lanes<>+24(SB)/8, $-1
DATA lanes<>+32(SB)/8, $0
DATA lanes<>+40(SB)/8, $0
DATA lanes<>+48(SB)/8, $0
DATA lanes<>+56(SB)/8, $0
GLOBL lanes<>(SB), RODATA|NOPTR, $64

// func softmaxAVX2(x *float32, rows, n, stride int)
//
// The same.
TEXT ·softmaxAVX2(SB), NOSPLIT, $0-32
	MOVQ         x+0(FP), SI
	MOVQ         rows+8(FP), CX
	MOVQ         n+16(FP), DX
	MOVQ         stride+24(FP), BX
	VBROADCASTSS exp2<>+0(SB), Y8
	VBROADCASTSS exp2<>+4(SB), Y9
	VBROADCASTSS exp2<>+8(SB), Y10
	VBROADCASTSS exp2<>+12(SB), Y11
	VBROADCASTSS exp2<>+16(SB), Y12
	VBROADCASTSS exp2<>+20(SB), Y13
	VBROADCASTSS exp2<>+24(SB), Y14

	// Y15: the lanes of the last vector that count. R8: its index among values.
	// DX: the end of the row, in whole sixteens.
	DECQ    DX
	MOVQ    DX, R8
	ANDQ    $-8, R8
	MOVQ    DX, AX
	ANDQ    $7, AX
	NEGQ    AX
	LEAQ    lanes<>+28(SB), R9
	VMOVUPS (R9)(AX*4), Y15
	ANDQ    $-16, DX
	ADDQ    $16, DX

	MOVL         $0xff800000, AX // -∞
	VMOVD        AX, X7
	VBROADCASTSS X7, Y7

row:
	VMOVUPS   (SI)(R8*4), Y0
	VBLENDVPS Y15, Y0, Y7, Y0
	VMOVUPS   Y7, -32(SI)(DX*4)
	VMOVUPS   Y0, (SI)(R8*4)
	XORQ      AX, AX
	JMP       maxtest

maxloop:
	VMAXPS (SI)(AX*4), Y0, Y0
	ADDQ   $8, AX

maxtest:
	CMPQ AX, R8
	JLT  maxloop

	VEXTRACTF128 $1, Y0, X1
	VMAXPS       X1, X0, X0
	VPERMILPS    $0x4e, X0, X1
	VMAXPS       X1, X0, X0
	VPERMILPS    $0xb1, X0, X1
	VMAXPS       X1, X0, X0
	VINSERTF128  $1, X0, Y0, Y0
	VXORPS       Y5, Y5, Y5
	XORQ         AX, AX

exp:
	VMOVUPS     (SI)(AX*4), Y1
	VSUBPS      Y0, Y1, Y1
	VMAXPS      Y14, Y1, Y1
	VROUNDPS    $0, Y1, Y2
	VSUBPS      Y2, Y1, Y1
	VCVTPS2DQ   Y2, Y2
	VMOVAPS     Y13, Y3
	VFMADD213PS Y12, Y1, Y3
	VPSLLD      $23, Y2, Y2
	VFMADD213PS Y11, Y1, Y3
	VFMADD213PS Y10, Y1, Y3
	VFMADD213PS Y9, Y1, Y3
	VFMADD213PS Y8, Y1, Y3
	VPADDD      Y2, Y3, Y3
	VMOVUPS     Y3, (SI)(AX*4)
	VADDPS      Y3, Y5, Y5
	ADDQ        $8, AX
	CMPQ        AX, DX
	JLT         exp

	VEXTRACTF128 $1, Y5, X1
	VADDPS       X1, X5, X5
	VPERMILPS    $0x4e, X5, X1
	VADDPS       X1, X5, X5
	VPERMILPS    $0xb1, X5, X1
	VADDPS       X1, X5, X5
	VMOVSS       exp2<>+28(SB), X1
	VDIVSS       X5, X1, X5
	VBROADCASTSS X5, Y5
	XORQ         AX, AX

scale:
	VMULPS    (SI)(AX*4), Y5, Y1
	VMULPS    32(SI)(AX*4), Y5, Y2
	VMOVUPS   Y1, (SI)(AX*4)
	VMOVUPS   Y2, 32(SI)(AX*4)
	ADDQ      $16, AX
	CMPQ      AX, DX
	JLT       scale

	LEAQ (SI)(BX*4), SI
	DECQ CX
	JNZ  row
	VZEROUPPER
	RET
