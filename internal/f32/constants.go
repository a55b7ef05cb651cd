package f32

// The numbers that plain Go and the generator of machine code share. The coefficients of the
// polynomials stand in both, beside the steps that use them.

const (
	// Magic makes an integer of what it is added to: the nearest one, ties to even. The bits of
	// Magic+n are MagicBits+n.
	Magic     = 0x1.8p23
	MagicBits = 0x4b400000

	// Int8Least is the largest element of a row below which the row is quantised to zeros: 127 over it
	// is not far from infinite, and is for the smallest normal numbers.
	Int8Least = 0x1p-120

	Log2E = 0x1.715476p0
	Ln2   = 0x1.62e43p-1
	Ln2Hi = 0x1.62e4p-1    // 17 bits: n*Ln2Hi is exact for the n that occur
	Ln2Lo = 0x1.7f7d1cp-20 // ln 2 - Ln2Hi

	SqrtHalfBits = 0x3f3504f3    // the bits of the float32 just below sqrt(1/2)
	HalfLog2Pi   = 0x1.d67f1cp-1 // ln(2 pi)/2
	LogFourPi    = 0x1.43f89ap1  // ln(4 pi)
	PhiloxM0     = 0xd2511f53    // the multipliers of Philox 4x32
	PhiloxM1     = 0xcd9e8d57
)

// Limits of the flush to +0. A state decays by factors such as f = 0.5, a gradient vanishes: both
// would sink into the denormals, where one operand makes a product a hundred times slower. 2^-60
// is far below what a state can still tell next to gates of order one, and the sigmoid of the
// gates is at least σ(-40) = 2^-57.7, so a product of one gate with a state, or with tanh of a
// state, is at least 2^-118: a normal number. The gradients get more room.
const (
	FlushState  = 0x1p-60
	FlushGrad   = 0x1p-70
	FlushMean   = 0x1p-100 // averages of gradients
	FlushSquare = 0x1p-120 // averages and sums of their squares
)

// ScaleEps is added to the softplus that makes a standard deviation.
const ScaleEps = 1e-4

// The range of plain rows of the Gaussian kernels, in which no gradient overflows on its way.
const (
	MaxPlainSigma = 0x1p30 // largest sigma, or softplus argument in magnitude
	MinPlainSigma = 0x1p-30
	MaxPlainLog   = 40     // of |ln sigma|, or of |ln sigma^2|
	MaxPlainMean  = 0x1p68 // of the means, and of what they are means of
	MaxPlainScore = 0x1p65 // beyond it, t^2/2 is not a float32
)

// Ends of the arguments of bivariate Gaussians and of mixtures of logistics.
const (
	MaxCorr      = 80           // of |r|
	MaxSigma     = 0x1p120      // its inverse is the smallest sigma
	MaxLogSigma  = 0x1.4cb5ecp6 // ln MaxSigma
	MaxScore     = 0x1p100      // of |x-mu|/(2 sigma): its square has overflowed long before
	MaxBinScore  = 0x1.cp127    // of the two ends of a bin
	MaxHalfWidth = 40           // of half a bin: e^-80 is nothing beside 1
)

// Ends of the arguments of multivariate distributions.
const (
	LogScaleBound = 8.0    // of |ln sigma|
	MaxMultiScore = 0x1p60 // of |z|: its square is a float32, and so are gradients
)

// The buffer in which the Gaussian kernels leave the sums of up to LaneRows rows: RowLanes numbers
// a row, its weight at WeightLane. See asm/_gen/recipe/lanes.go.
const (
	LaneRows   = 16
	RowLanes   = 64
	WeightLane = 48
)
