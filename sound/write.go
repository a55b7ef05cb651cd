package sound

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"io"
	"math"
)

// WriteWAV writes samples as 16-bit PCM of one channel. Samples are rounded, those out of
// range clipped; a NaN becomes silence.
func WriteWAV(w io.Writer, rate int, samples []float32) error {
	const most = (math.MaxUint32 - 64) / 2
	if rate < 1 || rate > math.MaxInt32 || len(samples) > most {
		return fmt.Errorf("sound: %d samples, %d per second: want at most %d and a rate of 1 to %d", len(samples), rate, most, math.MaxInt32)
	}
	le := binary.LittleEndian
	n := uint32(2 * len(samples))
	b := make([]byte, 0, 44)
	b = le.AppendUint32(append(b, "RIFF"...), 36+n)
	b = le.AppendUint32(append(b, "WAVEfmt "...), 16)
	b = le.AppendUint16(le.AppendUint16(b, tagPCM), 1)
	b = le.AppendUint32(le.AppendUint32(b, uint32(rate)), uint32(2*rate))
	b = le.AppendUint16(le.AppendUint16(b, 2), 16)
	b = le.AppendUint32(append(b, "data"...), n)
	out := bufio.NewWriter(w) // keeps the first error
	out.Write(b)
	for _, v := range samples {
		f := math.RoundToEven(math.Max(-32768, math.Min(32767, float64(v))))
		if f != f {
			f = 0
		}
		b = le.AppendUint16(b[:0], uint16(int16(f)))
		out.Write(b)
	}
	return out.Flush()
}
