#include "neon_arm64.h"
#include "textflag.h"

// DOT32 adds the products of 32 bytes at a row with the query (V16, V17).
#define DOT32(row, c0, c1) \
	FLDPQ.P 32(row), (F18, F19); \
	SDOT(18, 16, c0); \
	SDOT(19, 17, c1)

// func dotsNEON(scores *int32, query, rows *int8, n, stride, d int)
TEXT ·dotsNEON(SB), NOSPLIT, $0-48
	MOVD scores+0(FP), R0
	MOVD query+8(FP), R1
	MOVD rows+16(FP), R2
	MOVD n+24(FP), R3
	MOVD stride+32(FP), R4
	MOVD d+40(FP), R5

four:
	SUBS $4, R3
	BLT  rest
	MOVD R2, R6
	ADD  R4, R6, R7
	ADD  R4, R7, R8
	ADD  R4, R8, R9
	ADD  R4, R9, R2
	MOVD R1, R10
	MOVD R5, R11
	VEOR V0.B16, V0.B16, V0.B16
	VEOR V1.B16, V1.B16, V1.B16
	VEOR V2.B16, V2.B16, V2.B16
	VEOR V3.B16, V3.B16, V3.B16
	VEOR V4.B16, V4.B16, V4.B16
	VEOR V5.B16, V5.B16, V5.B16
	VEOR V6.B16, V6.B16, V6.B16
	VEOR V7.B16, V7.B16, V7.B16

fourloop:
	FLDPQ.P 32(R10), (F16, F17)
	DOT32(R6, 0, 4)
	DOT32(R7, 1, 5)
	DOT32(R8, 2, 6)
	DOT32(R9, 3, 7)
	SUBS    $32, R11
	BNE     fourloop

	VADD   V4.S4, V0.S4, V0.S4
	VADD   V5.S4, V1.S4, V1.S4
	VADD   V6.S4, V2.S4, V2.S4
	VADD   V7.S4, V3.S4, V3.S4
	VADDP  V1.S4, V0.S4, V0.S4
	VADDP  V3.S4, V2.S4, V2.S4
	VADDP  V2.S4, V0.S4, V0.S4
	VST1.P [V0.S4], 16(R0)
	B      four

rest:
	ADDS $4, R3
	BEQ  done

one:
	MOVD R2, R6
	ADD  R4, R2
	MOVD R1, R10
	MOVD R5, R11
	VEOR V0.B16, V0.B16, V0.B16
	VEOR V1.B16, V1.B16, V1.B16

oneloop:
	FLDPQ.P 32(R10), (F16, F17)
	DOT32(R6, 0, 1)
	SUBS    $32, R11
	BNE     oneloop

	VADD    V1.S4, V0.S4, V0.S4
	VADDV   V0.S4, V0
	FMOVS.P F0, 4(R0)
	SUBS    $1, R3
	BNE     one

done:
	RET
