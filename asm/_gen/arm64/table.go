package arm64

// A form is one instruction in all its arrangements: a row of the table below.
//
//   - name is what the generator calls it. The first arrangement needs no suffix; the others
//     follow a dot: FADD is 4 x float32, FADD.2d is 2 x float64.
//   - base is the word with all operands zero, in the first arrangement.
//   - arrangements are what stands for T in the text. Going to wider lanes adds to the size
//     field at bit 22, except where the amount of a shift says the size.
//   - text is GNU's mnemonic, then the operands in GNU's order, each a class of classes.go or,
//     after an apostrophe, a fixed text.
//   - goName and since say how Go's assembler writes it, and from which version; never means
//     that it is a WORD in all of them. Its operands are GNU's in reverse, but for stores.
type form struct {
	name         string
	base         uint32
	arrangements string
	text         string
	goName       string
	since        version
}

// A version of Go's assembler, of which 1.26 is the oldest that counts.
type version int

const (
	Go126 version = 26
	Go127 version = 27
	never version = 99
)

// forms are grouped by use. The operations of lanes come first, memory last.
var forms = []form{
	// Floats. FMLA and FMLS are d += n*m and d -= n*m, rounded once. FMIN and FMAX keep NaN.
	{"FADD", 0x4E20D400, "4s 2d", "fadd Vd.T Vn.T Vm.T", "VFADD", Go127},
	{"FSUB", 0x4EA0D400, "4s 2d", "fsub Vd.T Vn.T Vm.T", "VFSUB", Go127},
	{"FMUL", 0x6E20DC00, "4s 2d", "fmul Vd.T Vn.T Vm.T", "VFMUL", Go127},
	{"FDIV", 0x6E20FC00, "4s 2d", "fdiv Vd.T Vn.T Vm.T", "VFDIV", Go127},
	{"FMLA", 0x4E20CC00, "4s 2d", "fmla Vd.T Vn.T Vm.T", "VFMLA", Go126},
	{"FMLS", 0x4EA0CC00, "4s 2d", "fmls Vd.T Vn.T Vm.T", "VFMLS", Go126},
	{"FMLAE", 0x4F801000, "4s 2d", "fmla Vd.T Vn.T Vm.T[e]", "", never},
	{"FMLSE", 0x4F805000, "4s 2d", "fmls Vd.T Vn.T Vm.T[e]", "", never},
	{"FMULE", 0x4F809000, "4s 2d", "fmul Vd.T Vn.T Vm.T[e]", "", never},
	{"FMIN", 0x4EA0F400, "4s 2d", "fmin Vd.T Vn.T Vm.T", "VFMIN", Go127},
	{"FMAX", 0x4E20F400, "4s 2d", "fmax Vd.T Vn.T Vm.T", "VFMAX", Go127},
	{"FABD", 0x6EA0D400, "4s 2d", "fabd Vd.T Vn.T Vm.T", "", never},
	{"FRECPS", 0x4E20FC00, "4s 2d", "frecps Vd.T Vn.T Vm.T", "", never}, // 2 - n*m, rounded once
	{"FSQRT", 0x6EA1F800, "4s 2d", "fsqrt Vd.T Vn.T", "VFSQRT", Go127},
	{"FABS", 0x4EA0F800, "4s 2d", "fabs Vd.T Vn.T", "VFABS", Go127},
	{"FNEG", 0x6EA0F800, "4s 2d", "fneg Vd.T Vn.T", "VFNEG", Go127},
	{"FRINTN", 0x4E218800, "4s 2d", "frintn Vd.T Vn.T", "VFRINTN", Go127},
	{"FRINTM", 0x4E219800, "4s 2d", "frintm Vd.T Vn.T", "VFRINTM", Go127},

	// Comparisons of floats: all ones or all zeros; a NaN gives zeros. FACxx compare absolutes.
	{"FCMEQ", 0x4E20E400, "4s 2d", "fcmeq Vd.T Vn.T Vm.T", "VFCMEQ", Go127},
	{"FCMGE", 0x6E20E400, "4s 2d", "fcmge Vd.T Vn.T Vm.T", "VFCMGE", Go127},
	{"FCMGT", 0x6EA0E400, "4s 2d", "fcmgt Vd.T Vn.T Vm.T", "VFCMGT", Go127},
	{"FCMEQ0", 0x4EA0D800, "4s 2d", "fcmeq Vd.T Vn.T '#0.0", "VFCMEQ", Go127},
	{"FCMGE0", 0x6EA0C800, "4s 2d", "fcmge Vd.T Vn.T '#0.0", "VFCMGE", Go127},
	{"FCMGT0", 0x4EA0C800, "4s 2d", "fcmgt Vd.T Vn.T '#0.0", "VFCMGT", Go127},
	{"FCMLE0", 0x6EA0D800, "4s 2d", "fcmle Vd.T Vn.T '#0.0", "VFCMLE", Go127},
	{"FCMLT0", 0x4EA0E800, "4s 2d", "fcmlt Vd.T Vn.T '#0.0", "VFCMLT", Go127},
	{"FACGE", 0x6E20EC00, "4s 2d", "facge Vd.T Vn.T Vm.T", "", never},
	{"FACGT", 0x6EA0EC00, "4s 2d", "facgt Vd.T Vn.T Vm.T", "", never},

	// Conversions.
	{"SCVTF", 0x4E21D800, "4s 2d", "scvtf Vd.T Vn.T", "VSCVTF", Go127},
	{"UCVTF", 0x6E21D800, "4s 2d", "ucvtf Vd.T Vn.T", "VUCVTF", Go127},
	{"FCVTZS", 0x4EA1B800, "4s 2d", "fcvtzs Vd.T Vn.T", "VFCVTZS", Go127},
	{"FCVTNS", 0x4E21A800, "4s 2d", "fcvtns Vd.T Vn.T", "", never},
	{"FCVTL", 0x0E617800, "", "fcvtl Vd.2d Vn.2s", "VFCVTL", Go127},
	{"FCVTL2", 0x4E617800, "", "fcvtl2 Vd.2d Vn.4s", "VFCVTL2", Go127},
	{"FCVTN", 0x0E616800, "", "fcvtn Vd.2s Vn.2d", "VFCVTN", Go127},
	{"FCVTN2", 0x4E616800, "", "fcvtn2 Vd.4s Vn.2d", "VFCVTN2", Go127},
	{"SHLL", 0x2E613800, "", "shll Vd.4s Vn.4h '#16", "", never}, // bfloat16 to float32
	{"SHLL2", 0x6E613800, "", "shll2 Vd.4s Vn.8h '#16", "", never},

	// Bits. d of BSL is the mask and becomes n where it is set, m elsewhere; BIT and BIF
	// replace d by n where the mask m is set, or is not.
	{"AND", 0x4E201C00, "", "and Vd.16b Vn.16b Vm.16b", "VAND", Go126},
	{"ORR", 0x4EA01C00, "", "orr Vd.16b Vn.16b Vm.16b", "VORR", Go126},
	{"EOR", 0x6E201C00, "", "eor Vd.16b Vn.16b Vm.16b", "VEOR", Go126},
	{"BIC", 0x4E601C00, "", "bic Vd.16b Vn.16b Vm.16b", "VBIC", Go127},
	{"ORN", 0x4EE01C00, "", "orn Vd.16b Vn.16b Vm.16b", "VORN", Go127},
	{"NOT", 0x6E205800, "", "mvn Vd.16b Vn.16b", "VNOT", Go127},
	{"MOV", 0x4EA01C00, "", "mov Vd.16b Vnm.16b", "VMOV", Go126},
	{"BSL", 0x6E601C00, "", "bsl Vd.16b Vn.16b Vm.16b", "VBSL", Go126},
	{"BIT", 0x6EA01C00, "", "bit Vd.16b Vn.16b Vm.16b", "VBIT", Go126},
	{"BIF", 0x6EE01C00, "", "bif Vd.16b Vn.16b Vm.16b", "VBIF", Go126},
	{"MOVI", 0x4F00E400, "", "movi Vd.16b #8", "VMOVI", Go126},

	// Integers.
	{"ADD", 0x4EA08400, "4s 2d 8h 16b", "add Vd.T Vn.T Vm.T", "VADD", Go126},
	{"SUB", 0x6EA08400, "4s 2d 8h 16b", "sub Vd.T Vn.T Vm.T", "VSUB", Go126},
	{"MUL", 0x4EA09C00, "4s", "mul Vd.T Vn.T Vm.T", "VMUL", Go127},
	{"ADDP", 0x4EA0BC00, "4s 2d 8h 16b", "addp Vd.T Vn.T Vm.T", "VADDP", Go126},
	{"UMAX", 0x6EA06400, "4s 8h 16b", "umax Vd.T Vn.T Vm.T", "VUMAX", Go126},
	{"UMIN", 0x6EA06C00, "4s 8h 16b", "umin Vd.T Vn.T Vm.T", "VUMIN", Go126},
	{"CMEQ", 0x6EA08C00, "4s 2d", "cmeq Vd.T Vn.T Vm.T", "VCMEQ", Go126},
	{"CMTST", 0x4EA08C00, "4s 2d", "cmtst Vd.T Vn.T Vm.T", "VCMTST", Go126}, // a common bit
	{"CMGT", 0x4EA03400, "4s 2d", "cmgt Vd.T Vn.T Vm.T", "VCMGT", Go127},
	{"CMHI", 0x6EA03400, "4s 2d", "cmhi Vd.T Vn.T Vm.T", "VCMHI", Go127},
	{"UMULL", 0x2EA0C000, "", "umull Vd.2d Vn.2s Vm.2s", "VUMULL", Go127},
	{"UMULL2", 0x6EA0C000, "", "umull2 Vd.2d Vn.4s Vm.4s", "VUMULL2", Go127},
	{"SDOT", 0x4E809400, "", "sdot Vd.4s Vn.16b Vm.16b", "", never}, // needs FEAT_DotProd, as do the next two
	{"UDOT", 0x6E809400, "", "udot Vd.4s Vn.16b Vm.16b", "", never},
	{"SDOTE", 0x4F80E000, "", "sdot Vd.4s Vn.16b Vm.4b[e]", "", never},

	{"SMULL.b", 0x0E20C000, "", "smull Vd.8h Vn.8b Vm.8b", "", never},
	{"SMULL2.b", 0x4E20C000, "", "smull2 Vd.8h Vn.16b Vm.16b", "", never},
	{"SMLAL.b", 0x0E208000, "", "smlal Vd.8h Vn.8b Vm.8b", "", never},
	{"SMLAL2.b", 0x4E208000, "", "smlal2 Vd.8h Vn.16b Vm.16b", "", never},
	{"SADALP", 0x4E606800, "", "sadalp Vd.4s Vn.8h", "", never}, // adds the sums of neighbours

	// Shifts. SLI, SRI and USRA keep or add to what is in d.
	{"SHL", 0x4F005400, "4s 2d 8h 16b", "shl Vd.T Vn.T #left.T", "VSHL", Go126},
	{"SLI", 0x6F005400, "4s 2d", "sli Vd.T Vn.T #left.T", "VSLI", Go126},
	{"USHR", 0x6F000400, "4s 2d 8h 16b", "ushr Vd.T Vn.T #right.T", "VUSHR", Go126},
	{"SSHR", 0x4F000400, "4s 2d", "sshr Vd.T Vn.T #right.T", "VSSHR", Go127},
	{"USRA", 0x6F001400, "4s 2d", "usra Vd.T Vn.T #right.T", "VUSRA", Go126},
	{"SRI", 0x6F004400, "4s 2d", "sri Vd.T Vn.T #right.T", "VSRI", Go126},
	{"USHLL", 0x2F00A400, "", "ushll Vd.4s Vn.4h #left.4h", "VUSHLL", Go126},
	{"USHLL2", 0x6F00A400, "", "ushll2 Vd.4s Vn.8h #left.8h", "VUSHLL2", Go126},
	{"SHRN", 0x0F008400, "", "shrn Vd.4h Vn.4s #right.4h", "VSHRN", Go127},
	{"SHRN2", 0x4F008400, "", "shrn2 Vd.8h Vn.4s #right.8h", "VSHRN2", Go127},

	// Lanes from place to place.
	{"ZIP1", 0x4E803800, "4s 2d 8h 16b", "zip1 Vd.T Vn.T Vm.T", "VZIP1", Go126},
	{"ZIP2", 0x4E807800, "4s 2d 8h 16b", "zip2 Vd.T Vn.T Vm.T", "VZIP2", Go126},
	{"UZP1", 0x4E801800, "4s 2d 8h 16b", "uzp1 Vd.T Vn.T Vm.T", "VUZP1", Go126},
	{"UZP2", 0x4E805800, "4s 2d 8h 16b", "uzp2 Vd.T Vn.T Vm.T", "VUZP2", Go126},
	{"TRN1", 0x4E802800, "4s 2d 8h 16b", "trn1 Vd.T Vn.T Vm.T", "VTRN1", Go126},
	{"TRN2", 0x4E806800, "4s 2d 8h 16b", "trn2 Vd.T Vn.T Vm.T", "VTRN2", Go126},
	{"EXT", 0x6E000000, "", "ext Vd.16b Vn.16b Vm.16b #bytes", "VEXT", Go126},
	{"REV64", 0x4EA00800, "4s", "rev64 Vd.T Vn.T", "VREV64", Go126},
	{"TBL", 0x4E000000, "", "tbl Vd.16b {Vn.16b} Vm.16b", "VTBL", Go126},   // 0 beyond the table
	{"TBX", 0x4E001000, "", "tbx Vd.16b {Vn.16b} Vm.16b", "VTBX", Go126},   // d beyond it
	{"TBL2", 0x4E002000, "", "tbl Vd.16b {Vn2.16b} Vm.16b", "VTBL", Go126}, // table of n and n+1
	{"DUPE", 0x4E000400, "4s 2d", "dup Vd.T Vn.T[5]", "VDUP", Go126},
	{"DUP", 0x4E040C00, "", "dup Vd.4s Wn", "VDUP", Go126},
	{"DUP.2d", 0x4E080C00, "", "dup Vd.2d Xn", "VDUP", Go126},
	{"INSE", 0x6E000400, "4s 2d", "mov Vd.T[5] Vn.T[4]", "VMOV", Go126},
	{"INS", 0x4E001C00, "", "mov Vd.4s[5] Wn", "VMOV", Go126},
	{"INS.2d", 0x4E001C00, "", "mov Vd.2d[5] Xn", "VMOV", Go126},
	{"UMOV", 0x0E003C00, "", "mov Wd Vn.4s[5]", "VMOV", Go126},
	{"UMOV.2d", 0x4E003C00, "", "mov Xd Vn.2d[5]", "VMOV", Go126},

	// Across the lanes. FADDS adds two neighbours into lane 0, FADDP all of them.
	{"FADDP", 0x6E20D400, "4s 2d", "faddp Vd.T Vn.T Vm.T", "VFADDP", Go127},
	{"FADDS", 0x7E30D800, "", "faddp Sd Vn.2s", "", never},
	{"FADDS.2d", 0x7E70D800, "", "faddp Dd Vn.2d", "", never},
	{"FMAXV", 0x6E30F800, "", "fmaxv Sd Vn.4s", "VFMAXV", Go127},
	{"UMAXV", 0x6EB0A800, "", "umaxv Sd Vn.4s", "VUMAXV", Go127},
	{"ADDV", 0x4EB1B800, "", "addv Sd Vn.4s", "VADDV", Go126},

	// Memory: q is a vector, d and s are 8 and 4 bytes of it, the rest becoming zero when they
	// are loaded. X takes a second register as offset, XL that register times the size, P moves
	// the base afterwards, U takes negative offsets.
	{"LDRQ", 0x3DC00000, "", "ldr Qd [Xn+16]", "FMOVQ", Go126},
	{"STRQ", 0x3D800000, "", "str Qd [Xn+16]", "FMOVQ", Go126},
	{"LDRD", 0xFD400000, "", "ldr Dt [Xn+8]", "FMOVD", Go126},
	{"STRD", 0xFD000000, "", "str Dt [Xn+8]", "FMOVD", Go126},
	{"LDRS", 0xBD400000, "", "ldr St [Xn+4]", "FMOVS", Go126},
	{"STRS", 0xBD000000, "", "str St [Xn+4]", "FMOVS", Go126},
	{"LDRQU", 0x3CC00000, "", "ldur Qd [Xn-1]", "FMOVQ", Go126},
	{"STRQU", 0x3C800000, "", "stur Qd [Xn-1]", "FMOVQ", Go126},
	{"LDRDU", 0xFC400000, "", "ldur Dt [Xn-1]", "FMOVD", Go126},
	{"STRDU", 0xFC000000, "", "stur Dt [Xn-1]", "FMOVD", Go126},
	{"LDRSU", 0xBC400000, "", "ldur St [Xn-1]", "FMOVS", Go126},
	{"STRSU", 0xBC000000, "", "stur St [Xn-1]", "FMOVS", Go126},
	{"LDRQP", 0x3CC00400, "", "ldr Qd [Xn],1", "FMOVQ.P", Go126},
	{"STRQP", 0x3C800400, "", "str Qd [Xn],1", "FMOVQ.P", Go126},
	{"LDRSP", 0xBC400400, "", "ldr St [Xn],1", "FMOVS.P", Go126},
	{"STRSP", 0xBC000400, "", "str St [Xn],1", "FMOVS.P", Go126},
	{"LDRQX", 0x3CE06800, "", "ldr Qd [Xn,Xm]", "", never},
	{"STRQX", 0x3CA06800, "", "str Qd [Xn,Xm]", "", never},
	{"LDRQXL", 0x3CE07800, "", "ldr Qd [Xn,Xm,4]", "", never},
	{"STRQXL", 0x3CA07800, "", "str Qd [Xn,Xm,4]", "", never},
	{"LDRDX", 0xFC606800, "", "ldr Dt [Xn,Xm]", "FMOVD", Go126},
	{"STRDX", 0xFC206800, "", "str Dt [Xn,Xm]", "FMOVD", Go126},
	{"LDRDXL", 0xFC607800, "", "ldr Dt [Xn,Xm,3]", "FMOVD", Go126},
	{"STRDXL", 0xFC207800, "", "str Dt [Xn,Xm,3]", "FMOVD", Go126},
	{"LDRSX", 0xBC606800, "", "ldr St [Xn,Xm]", "FMOVS", Go126},
	{"STRSX", 0xBC206800, "", "str St [Xn,Xm]", "FMOVS", Go126},
	{"LDRSXL", 0xBC607800, "", "ldr St [Xn,Xm,2]", "FMOVS", Go126},
	{"STRSXL", 0xBC207800, "", "str St [Xn,Xm,2]", "FMOVS", Go126},
	{"LDPQ", 0xAD400000, "", "ldp Qd,Qu [Xn+pair]", "FLDPQ", Go126},
	{"STPQ", 0xAD000000, "", "stp Qd,Qu [Xn+pair]", "FSTPQ", Go126},
	{"LDPQP", 0xACC00000, "", "ldp Qd,Qu [Xn],pair", "FLDPQ.P", Go126},
	{"STPQP", 0xAC800000, "", "stp Qd,Qu [Xn],pair", "FSTPQ.P", Go126},
	{"LD1R", 0x4D40C800, "", "ld1r {Vd.4s} [Xn]", "VLD1R", Go126},
	{"LD1R.2d", 0x4D40CC00, "", "ld1r {Vd.2d} [Xn]", "VLD1R", Go126},
	{"LD1X4", 0x4C402800, "", "ld1 {Vd4.4s} [Xn]", "VLD1", Go126},
	{"LD1X4.2d", 0x4C402C00, "", "ld1 {Vd4.2d} [Xn]", "VLD1", Go126},
	{"ST1X4", 0x4C002800, "", "st1 {Vd4.4s} [Xn]", "VST1", Go126},
	{"ST1X4.2d", 0x4C002C00, "", "st1 {Vd4.2d} [Xn]", "VST1", Go126},
	{"LD4", 0x4C400800, "", "ld4 {Vd4.4s} [Xn]", "VLD4", Go126},
	{"LD4.2d", 0x4C400C00, "", "ld4 {Vd4.2d} [Xn]", "VLD4", Go126},
	{"LD1E", 0x0D408000, "", "ld1 {Vd.s}[l] [Xn]", "VLD1", Go126},
	{"ST1E", 0x0D008000, "", "st1 {Vd.s}[l] [Xn]", "VST1", Go126},
	{"LD1E.2d", 0x0D408400, "", "ld1 {Vd.d}[l] [Xn]", "VLD1", Go126},
	{"ST1E.2d", 0x0D008400, "", "st1 {Vd.d}[l] [Xn]", "VST1", Go126},
	{"PRFM1", 0xF9800000, "", "prfm 'pldl1keep [Xn+8]", "PRFM", Go126},
	{"PRFM2", 0xF9800002, "", "prfm 'pldl2keep [Xn+8]", "PRFM", Go126},
	{"PRFM1X", 0xF8A06800, "", "prfm 'pldl1keep [Xn,Xm]", "", never},
	{"PRFM2X", 0xF8A06802, "", "prfm 'pldl2keep [Xn,Xm]", "", never},
}
