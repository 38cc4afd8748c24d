#include "neon_arm64.h"
#include "textflag.h"

// LOAD gets the next 16 activations of a row as signed bytes: the top bit flipped
// (V24) takes 128 away.
#define LOAD(row, v, f) \
	FMOVQ.P 16(row), f; \
	VEOR    V24.B16, v.B16, v.B16

// ROW adds four activations of a row (lane i of a) times the weights of 16 columns.
#define ROW(i, a, c) \
	SDOTLANE(i, a, 16, c); \
	SDOTLANE(i, a, 17, c+1); \
	SDOTLANE(i, a, 18, c+2); \
	SDOTLANE(i, a, 19, c+3)

#define STEP(i) \
	VLD1.P 64(R12), [V16.B16, V17.B16, V18.B16, V19.B16]; \
	ROW(i, 20, 0); \
	ROW(i, 21, 4); \
	ROW(i, 22, 8); \
	ROW(i, 23, 12)

// FLOAT makes floats of four sums: scale and bias are registers.
#define FLOAT(c, scale, bias) \
	SCVTF(c, c); \
	FMUL(scale, c, c); \
	FADD(bias, c, c)

#define FINISH(c) \
	FLOAT(c, 16, 20); \
	FLOAT(c+1, 17, 21); \
	FLOAT(c+2, 18, 22); \
	FLOAT(c+3, 19, 23)

// NEXTROW sets next to the row after last; where not more than n rows (R3) are
// left, to last again.
#define NEXTROW(n, stride, last, next) \
	ADD  stride, last, next; \
	CMP  n, R3; \
	CSEL GT, next, last, next

// func productNEON(p product)
//
// Tiles of 4 rows x 16 columns. Where fewer rows are left, the last one is
// computed again in their place. SDOT takes signed bytes only: the activations
// become signed by taking 128 away, so the sums start at (128 - zero) times the
// sum of the column's weights.
TEXT ·productNEON(SB), NOSPLIT, $0-80
	MOVD  p_w+16(FP), R1
	MOVD  p_in+56(FP), R2
	MOVD  p_stride+64(FP), R4
	VMOVI $0x80, V24.B16
	MOVW  p_zero+72(FP), R5
	ADDW  $128, R5
	VDUP  R5, V25.S4
	FMOVS p_by+76(FP), F26
	MOVD  ZR, R5                 // byte offset of the group in sums, scales, biases, and in a row of dst

columns:
	MOVD p_a+8(FP), R8
	MOVD p_dst+0(FP), R7
	ADD  R5, R7
	MOVD p_rows+48(FP), R3

rows:
	NEXTROW($1, R2, R8, R9)
	NEXTROW($2, R2, R9, R10)
	NEXTROW($3, R2, R10, R11)
	MOVD p_sums+24(FP), R12
	ADD  R5, R12
	VLD1 (R12), [V0.S4, V1.S4, V2.S4, V3.S4]
	MUL(25, 0, 0)
	MUL(25, 1, 1)
	MUL(25, 2, 2)
	MUL(25, 3, 3)
	VMOV V0.B16, V4.B16
	VMOV V1.B16, V5.B16
	VMOV V2.B16, V6.B16
	VMOV V3.B16, V7.B16
	VMOV V0.B16, V8.B16
	VMOV V1.B16, V9.B16
	VMOV V2.B16, V10.B16
	VMOV V3.B16, V11.B16
	VMOV V0.B16, V12.B16
	VMOV V1.B16, V13.B16
	VMOV V2.B16, V14.B16
	VMOV V3.B16, V15.B16
	MOVD R1, R12
	MOVD R2, R13

loop:
	LOAD(R8, V20, F20)
	LOAD(R9, V21, F21)
	LOAD(R10, V22, F22)
	LOAD(R11, V23, F23)
	STEP(0)
	STEP(1)
	STEP(2)
	STEP(3)
	SUBS $16, R13
	BNE  loop

	MOVD R11, R8                 // just behind the last row
	MOVD p_scale+32(FP), R12
	ADD  R5, R12
	VLD1 (R12), [V16.S4, V17.S4, V18.S4, V19.S4]
	MOVD p_bias+40(FP), R12
	ADD  R5, R12
	VLD1 (R12), [V20.S4, V21.S4, V22.S4, V23.S4]
	FMULLANE(0, 26, 16, 16)
	FMULLANE(0, 26, 17, 17)
	FMULLANE(0, 26, 18, 18)
	FMULLANE(0, 26, 19, 19)
	FINISH(0)
	FINISH(4)
	FINISH(8)
	FINISH(12)
	NEXTROW($1, R4, R7, R9)
	NEXTROW($2, R4, R9, R10)
	NEXTROW($3, R4, R10, R11)
	VST1 [V0.S4, V1.S4, V2.S4, V3.S4], (R7)
	VST1 [V4.S4, V5.S4, V6.S4, V7.S4], (R9)
	VST1 [V8.S4, V9.S4, V10.S4, V11.S4], (R10)
	VST1 [V12.S4, V13.S4, V14.S4, V15.S4], (R11)
	ADD  R4<<2, R7
	SUBS $4, R3
	BGT  rows

	ADD R2<<4, R1
	ADD $64, R5
	CMP $256, R5
	BLT columns
	RET
