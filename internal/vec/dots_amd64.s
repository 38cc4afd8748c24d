#include "textflag.h"

// func dotsVNNI(scores *int32, query, rows *int8, n, stride, d int)
//
// VPDPBUSD multiplies unsigned by signed bytes. The rows become unsigned by
// adding 128 (flipping the top bit), so the sums start at -128 * sum(query).
TEXT ·dotsVNNI(SB), NOSPLIT, $0-48
	MOVQ scores+0(FP), DI
	MOVQ query+8(FP), SI
	MOVQ rows+16(FP), BX
	MOVQ n+24(FP), CX
	MOVQ stride+32(FP), R8
	MOVQ d+40(FP), DX

	MOVL         $0x80808080, AX
	VPBROADCASTD AX, Z31

	// Z30: sum over the query of 128 * query, by lane.
	VPXORD Z30, Z30, Z30
	XORQ   AX, AX

sum:
	VMOVDQU32 (SI)(AX*1), Z0
	VPDPBUSD  Z0, Z31, Z30 // 0x80 is the unsigned 128
	ADDQ      $64, AX
	CMPQ      AX, DX
	JLT       sum

	LEAQ (R8)(R8*2), R9 // 3 strides

four:
	SUBQ   $4, CX
	JLT    rest
	VPXORD Z0, Z0, Z0
	VPXORD Z1, Z1, Z1
	VPXORD Z2, Z2, Z2
	VPXORD Z3, Z3, Z3
	MOVQ   BX, R10
	XORQ   AX, AX

fourloop:
	VMOVDQU32   (SI)(AX*1), Z4
	VPXORD      (R10), Z31, Z5
	VPXORD      (R10)(R8*1), Z31, Z6
	VPXORD      (R10)(R8*2), Z31, Z7
	VPXORD      (R10)(R9*1), Z31, Z8
	PREFETCHT0  4096(R10)
	PREFETCHT0  4096(R10)(R8*1)
	PREFETCHT0  4096(R10)(R8*2)
	PREFETCHT0  4096(R10)(R9*1)
	VPDPBUSD    Z4, Z5, Z0
	VPDPBUSD    Z4, Z6, Z1
	VPDPBUSD    Z4, Z7, Z2
	VPDPBUSD    Z4, Z8, Z3
	ADDQ        $64, R10
	ADDQ        $64, AX
	CMPQ        AX, DX
	JLT         fourloop

	VPSUBD        Z30, Z0, Z0
	VPSUBD        Z30, Z1, Z1
	VPSUBD        Z30, Z2, Z2
	VPSUBD        Z30, Z3, Z3
	VEXTRACTI64X4 $1, Z0, Y4
	VEXTRACTI64X4 $1, Z1, Y5
	VEXTRACTI64X4 $1, Z2, Y6
	VEXTRACTI64X4 $1, Z3, Y7
	VPADDD        Y4, Y0, Y0
	VPADDD        Y5, Y1, Y1
	VPADDD        Y6, Y2, Y2
	VPADDD        Y7, Y3, Y3
	VPHADDD       Y1, Y0, Y0
	VPHADDD       Y3, Y2, Y2
	VPHADDD       Y2, Y0, Y0
	VEXTRACTI128  $1, Y0, X1
	VPADDD        X1, X0, X0
	VMOVDQU       X0, (DI)
	ADDQ          $16, DI
	LEAQ          (BX)(R8*4), BX
	JMP           four

rest:
	ADDQ $4, CX
	JZ   done

one:
	VPXORD Z0, Z0, Z0
	XORQ   AX, AX

oneloop:
	VMOVDQU32 (SI)(AX*1), Z4
	VPXORD    (BX)(AX*1), Z31, Z5
	VPDPBUSD  Z4, Z5, Z0
	ADDQ      $64, AX
	CMPQ      AX, DX
	JLT       oneloop

	VPSUBD        Z30, Z0, Z0
	VEXTRACTI64X4 $1, Z0, Y4
	VPADDD        Y4, Y0, Y0
	VEXTRACTI128  $1, Y0, X1
	VPADDD        X1, X0, X0
	VPHADDD       X0, X0, X0
	VPHADDD       X0, X0, X0
	VMOVD         X0, (DI)
	ADDQ          $4, DI
	ADDQ          R8, BX
	DECQ          CX
	JNZ           one

done:
	VZEROUPPER
	RET

// func dotsAVX2(scores *int32, query, rows *int8, n, stride, d int)
//
// Bytes are widened to 16 bits: VPMADDUBSW would saturate at extreme values.
TEXT ·dotsAVX2(SB), NOSPLIT, $0-48
	MOVQ scores+0(FP), DI
	MOVQ query+8(FP), SI
	MOVQ rows+16(FP), BX
	MOVQ n+24(FP), CX
	MOVQ stride+32(FP), R8
	MOVQ d+40(FP), DX
	LEAQ (R8)(R8*2), R9

four:
	SUBQ  $4, CX
	JLT   rest
	VPXOR Y0, Y0, Y0
	VPXOR Y1, Y1, Y1
	VPXOR Y2, Y2, Y2
	VPXOR Y3, Y3, Y3
	MOVQ  BX, R10
	XORQ  AX, AX

fourloop:
	VPMOVSXBW  (SI)(AX*1), Y4
	VPMOVSXBW  (R10), Y5
	VPMOVSXBW  (R10)(R8*1), Y6
	VPMOVSXBW  (R10)(R8*2), Y7
	VPMOVSXBW  (R10)(R9*1), Y8
	VPMADDWD   Y4, Y5, Y5
	VPMADDWD   Y4, Y6, Y6
	VPMADDWD   Y4, Y7, Y7
	VPMADDWD   Y4, Y8, Y8
	VPADDD     Y5, Y0, Y0
	VPADDD     Y6, Y1, Y1
	VPADDD     Y7, Y2, Y2
	VPADDD     Y8, Y3, Y3
	ADDQ       $16, R10
	ADDQ       $16, AX
	CMPQ       AX, DX
	JLT        fourloop

	VPHADDD      Y1, Y0, Y0
	VPHADDD      Y3, Y2, Y2
	VPHADDD      Y2, Y0, Y0
	VEXTRACTI128 $1, Y0, X1
	VPADDD       X1, X0, X0
	VMOVDQU      X0, (DI)
	ADDQ         $16, DI
	LEAQ         (BX)(R8*4), BX
	JMP          four

rest:
	ADDQ $4, CX
	JZ   done

one:
	VPXOR Y0, Y0, Y0
	XORQ  AX, AX

oneloop:
	VPMOVSXBW (SI)(AX*1), Y4
	VPMOVSXBW (BX)(AX*1), Y5
	VPMADDWD  Y4, Y5, Y5
	VPADDD    Y5, Y0, Y0
	ADDQ      $16, AX
	CMPQ      AX, DX
	JLT       oneloop

	VEXTRACTI128 $1, Y0, X1
	VPADDD       X1, X0, X0
	VPHADDD      X0, X0, X0
	VPHADDD      X0, X0, X0
	VMOVD        X0, (DI)
	ADDQ         $4, DI
	ADDQ         R8, BX
	DECQ         CX
	JNZ          one

done:
	VZEROUPPER
	RET
