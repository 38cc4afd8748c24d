// Vector instructions that the assembler has no names for. The arguments are the
// numbers of vector registers in the assembler's order: the second source, the
// first source, the result; i is a lane of the second source.

#define LANE(i) (((i)&1)<<21 | ((i)>>1)<<11)
#define REGS(m, n, d) ((m)<<16 | (n)<<5 | (d))

#define SDOT(m, n, d)        WORD $(0x4e809400 | REGS(m, n, d))           // sdot d.4s, n.16b, m.16b
#define SDOTLANE(i, m, n, d) WORD $(0x4f80e000 | LANE(i) | REGS(m, n, d)) // sdot d.4s, n.16b, m.4b[i]
#define FMLALANE(i, m, n, d) WORD $(0x4f801000 | LANE(i) | REGS(m, n, d)) // fmla d.4s, n.4s, m.s[i]
#define FMULLANE(i, m, n, d) WORD $(0x4f809000 | LANE(i) | REGS(m, n, d)) // fmul d.4s, n.4s, m.s[i]

#define MUL(m, n, d)    WORD $(0x4ea09c00 | REGS(m, n, d)) // mul d.4s, n.4s, m.4s
#define SQADD(m, n, d)  WORD $(0x4ea00c00 | REGS(m, n, d)) // sqadd d.4s, n.4s, m.4s
#define FADD(m, n, d)   WORD $(0x4e20d400 | REGS(m, n, d)) // fadd d.4s, n.4s, m.4s
#define FSUB(m, n, d)   WORD $(0x4ea0d400 | REGS(m, n, d)) // fsub d.4s, n.4s, m.4s: n - m
#define FMUL(m, n, d)   WORD $(0x6e20dc00 | REGS(m, n, d)) // fmul d.4s, n.4s, m.4s
#define FDIV(m, n, d)   WORD $(0x6e20fc00 | REGS(m, n, d)) // fdiv d.4s, n.4s, m.4s: n / m
#define FMAX(m, n, d)   WORD $(0x4e20f400 | REGS(m, n, d)) // fmax d.4s, n.4s, m.4s
#define FMIN(m, n, d)   WORD $(0x4ea0f400 | REGS(m, n, d)) // fmin d.4s, n.4s, m.4s
#define FMAXNM(m, n, d) WORD $(0x4e20c400 | REGS(m, n, d)) // fmaxnm d.4s, n.4s, m.4s: a number wins over NaN
#define FADDP(m, n, d)  WORD $(0x6e20d400 | REGS(m, n, d)) // faddp d.4s, n.4s, m.4s

#define FMAXV(n, d)   WORD $(0x6e30f800 | REGS(0, n, d)) // fmaxv s(d), n.4s
#define FMINV(n, d)   WORD $(0x6eb0f800 | REGS(0, n, d)) // fminv s(d), n.4s
#define FSQRT(n, d)   WORD $(0x6ea1f800 | REGS(0, n, d)) // fsqrt d.4s, n.4s
#define FRINTN(n, d)  WORD $(0x4e218800 | REGS(0, n, d)) // frintn d.4s, n.4s: half to even
#define FCVTNS(n, d)  WORD $(0x4e21a800 | REGS(0, n, d)) // fcvtns d.4s, n.4s: half to even, saturating
#define SCVTF(n, d)   WORD $(0x4e21d800 | REGS(0, n, d)) // scvtf d.4s, n.4s
#define SQXTN(n, d)   WORD $(0x0e614800 | REGS(0, n, d)) // sqxtn d.4h, n.4s
#define SQXTN2(n, d)  WORD $(0x4e614800 | REGS(0, n, d)) // sqxtn2 d.8h, n.4s
#define SQXTUN(n, d)  WORD $(0x2e212800 | REGS(0, n, d)) // sqxtun d.8b, n.8h
#define SQXTUN2(n, d) WORD $(0x6e212800 | REGS(0, n, d)) // sqxtun2 d.16b, n.8h

// NEXT is one step of a polynomial: q = p·t + c.
#define NEXT(c, t, p, q) \
	VMOV  c.B16, q.B16; \
	VFMLA t.S4, p.S4, q.S4
