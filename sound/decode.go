package sound

import (
	"encoding/binary"
	"fmt"
	"math"
)

// Len returns the number of samples of each channel.
func (s *WAV) Len() int { return len(s.data) / (s.Channels * s.width) }

// Read fills dst with the samples from the one with number from on. Several channels are
// mixed down to their mean.
//
// Samples are in units of 16 bits, so full scale is -32768 to 32767: those of 8 bits are
// multiples of 256, those of 24 and 32 bits have fractions, floating point numbers are
// multiplied by 32768. All of that is exact; only the mean is rounded, once.
//
// Read panics if there are fewer samples than it is asked for. Any number of goroutines can
// read at once.
func (s *WAV) Read(dst []float64, from int) {
	if n := s.Len(); from < 0 || len(dst) > n || from > n-len(dst) {
		panic(fmt.Sprintf("sound: WAV.Read: from = %d, len(dst) = %d, want them inside of %d samples", from, len(dst), n))
	}
	if len(dst) == 0 {
		return
	}
	frame := s.Channels * s.width
	clear(dst)
	for c := range s.Channels {
		s.add(dst, s.data[from*frame+c*s.width:], frame)
	}
	if s.Channels > 1 {
		n := float64(s.Channels)
		for i := range dst {
			dst[i] /= n
		}
	}
}

// add adds a sample of every frame to dst; b begins with the first.
func (s *WAV) add(dst []float64, b []byte, frame int) {
	le := binary.LittleEndian
	switch {
	case s.coding == unsigned:
		for i := range dst {
			dst[i] += float64((int(b[i*frame]) - 128) * 256)
		}
	case s.coding == aLaw:
		for i := range dst {
			dst[i] += float64(aLawTable[b[i*frame]])
		}
	case s.coding == muLaw:
		for i := range dst {
			dst[i] += float64(muLawTable[b[i*frame]])
		}
	case s.coding == float && s.width == 4:
		for i := range dst {
			dst[i] += float64(float64(math.Float32frombits(le.Uint32(b[i*frame:]))) * 32768)
		}
	case s.coding == float:
		for i := range dst {
			dst[i] += float64(math.Float64frombits(le.Uint64(b[i*frame:])) * 32768)
		}
	case s.width == 2:
		for i := range dst {
			dst[i] += float64(int16(le.Uint16(b[i*frame:])))
		}
	case s.width == 3:
		for i := range dst {
			p := b[i*frame : i*frame+3]
			dst[i] += float64(float64(int32(uint32(p[0])<<8|uint32(p[1])<<16|uint32(p[2])<<24)) / 65536)
		}
	default:
		for i := range dst {
			dst[i] += float64(float64(int32(le.Uint32(b[i*frame:]))) / 65536)
		}
	}
}

// The samples of the codes of G.711, which have 13 and 14 bits, in units of 16 bits.
var aLawTable, muLawTable = companded()

// companded decodes the codes: a sign, three bits of exponent, four of mantissa. In A-law
// every other bit is turned over, and a set sign means positive; in mu-law all are, and the
// sign after that means negative.
func companded() (a, mu [256]int16) {
	for code := range 256 {
		c := code ^ 0x55
		exponent, mantissa := c>>4&7, c&15
		v := 8 * (2*mantissa + 1)
		if exponent > 0 {
			v = 8 * (2*mantissa + 33) << (exponent - 1)
		}
		if c < 128 {
			v = -v
		}
		a[code] = int16(v)

		c = code ^ 0xff
		exponent, mantissa = c>>4&7, c&15
		v = 4 * ((2*mantissa+33)<<exponent - 33)
		if c >= 128 {
			v = -v
		}
		mu[code] = int16(v)
	}
	return a, mu
}

// loudness counts the floating point samples beyond full scale.
type loudness struct {
	n     int
	first int // byte
	peak  float64
}

// checkFloats finds what cannot be a sample among those at a place of the file.
func (p *parser) checkFloats(at int, b []byte) error {
	s := p.sound
	for i := 0; i < len(b); i += s.width {
		var v float64
		if s.width == 4 {
			v = float64(math.Float32frombits(binary.LittleEndian.Uint32(b[i:])))
		} else {
			v = math.Float64frombits(binary.LittleEndian.Uint64(b[i:]))
		}
		switch size := math.Abs(v); {
		case size <= 1:
		case size <= math.MaxFloat32/32768:
			if p.loud.n++; p.loud.n == 1 {
				p.loud.first = at + i
			}
			p.loud.peak = max(p.loud.peak, size)
		default:
			k := (len(s.data) - len(b) + i) / s.width
			return fmt.Errorf("the sample at byte %d (number %d, channel %d) is %v", at+i, k/s.Channels, k%s.Channels, v)
		}
	}
	return nil
}

func (l loudness) note(p *parser) {
	if l.n > 0 {
		p.note(l.first, "from here %d samples are beyond full scale, which is 1, up to %g", l.n, l.peak)
	}
}
