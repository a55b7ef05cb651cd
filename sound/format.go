package sound

import (
	"bytes"
	"fmt"
	"math"
)

// coding is how a sample is stored.
type coding int

const (
	unsigned coding = iota // 8 bits, 128 is zero
	signed                 // two's complement of 16, 24 or 32 bits
	float                  // 32 or 64 bits, full scale is 1
	aLaw                   // of G.711, 8 bits
	muLaw
)

// The tags of the encodings that are read.
const (
	tagPCM        = 1
	tagFloat      = 3
	tagALaw       = 6
	tagMuLaw      = 7
	tagExtensible = 0xfffe
)

// others names encodings that are refused.
var others = map[uint16]string{
	2: "MS ADPCM", 5: "IBM CVSD", 0x11: "IMA ADPCM", 0x14: "G.723 ADPCM", 0x16: "OKI ADPCM", 0x31: "GSM 6.10", 0x32: "MSN audio", 0x38: "NMS ADPCM", 0x40: "G.721 ADPCM", 0x42: "G.723.1",
	0x45: "G.726 ADPCM", 0x50: "MPEG", 0x55: "MP3", 0x64: "G.726 ADPCM", 0x65: "G.722 ADPCM", 0x92: "AC-3", 0xff: "AAC", 0x160: "WMA", 0x161: "WMA", 0x162: "WMA", 0x163: "WMA",
	0x1600: "AAC", 0x1610: "AAC", 0x2000: "AC-3", 0x2001: "DTS", 0x674f: "Vorbis", 0x6750: "Vorbis", 0x6751: "Vorbis", 0x704f: "Opus", 0xf1ac: "FLAC",
}

// subformat is the GUID of an encoding in the extensible format without its first two
// bytes, which are the tag, big-endian numbers turned little-endian.
var subformat = []byte("\x00\x00\x00\x00\x10\x00\x80\x00\x00\xaa\x00\x38\x9b\x71")

// subformatBig is the same in a RIFX file.
var subformatBig = []byte("\x00\x00\x00\x10\x80\x00\x00\xaa\x00\x38\x9b\x71")

// format reads a chunk "fmt " at a place.
//
// It holds the encoding, the number of channels, the rate, bytes per second, bytes per
// frame and bits per sample; in the extensible format 22, the bits that are valid, a mask of
// loudspeakers and the GUID of the encoding follow. Bits are at the upper end of the bytes
// of a sample.
func (p *parser) format(at int, b []byte) error {
	if len(b) < 16 {
		return fmt.Errorf("format of %d bytes, want at least 16", len(b))
	}
	u16 := func(i int) int { return int(p.order.Uint16(b[i:])) }
	tag, channels, rate, frame, bits := uint16(u16(0)), u16(2), p.order.Uint32(b[4:]), u16(12), u16(14)
	valid := bits
	if tag == tagExtensible {
		if len(b) < 40 {
			return fmt.Errorf("extensible format of %d bytes, want 40", len(b))
		}
		switch rest := b[24:40]; {
		case bytes.Equal(rest[2:], subformat):
			tag = uint16(u16(24))
		case u16(24) == 0 && bytes.Equal(rest[4:], subformatBig): // the first number has 32 bits
			tag = uint16(u16(26))
		default:
			return fmt.Errorf("encoding with the GUID %x is not known: save it as PCM", rest)
		}
		if v := u16(18); v > 0 && v <= bits {
			valid = v
		}
	}
	s := &WAV{Rate: int(rate), Channels: channels, Bits: valid, Float: tag == tagFloat, width: (bits + 7) / 8}
	switch name := others[tag]; {
	case tag == tagPCM && bits >= 1 && bits <= 8:
		s.coding = unsigned
	case tag == tagPCM && bits <= 32 && bits > 0:
		s.coding = signed
	case tag == tagFloat && (bits == 32 || bits == 64):
		s.coding = float
	case tag == tagALaw && bits == 8:
		s.coding = aLaw
	case tag == tagMuLaw && bits == 8:
		s.coding = muLaw
	case tag == tagPCM, tag == tagFloat, tag == tagALaw, tag == tagMuLaw:
		return fmt.Errorf("%d bits per sample in encoding %d, want PCM of 1 to 32, float of 32 or 64, A-law or mu-law of 8", bits, tag)
	case name != "":
		return fmt.Errorf("encoding %#x, %s: save it as PCM", tag, name)
	default:
		return fmt.Errorf("encoding %#x is not known: save it as PCM", tag)
	}
	switch {
	case channels < 1:
		return fmt.Errorf("0 channels")
	case rate < 1 || rate > math.MaxInt32:
		return fmt.Errorf("%d samples per second, want 1 to %d", rate, math.MaxInt32)
	case frame > channels*s.width:
		return fmt.Errorf("%d channels of %d bits in %d bytes, want %d: save it as PCM without gaps", channels, bits, frame, channels*s.width)
	}
	if old := p.sound; old.Channels > 0 {
		if old.Rate != s.Rate || old.Channels != s.Channels || old.coding != s.coding || old.width != s.width {
			return fmt.Errorf("another format than before: %d samples per second, %d channels of %d bits", rate, channels, bits)
		}
		return nil
	}
	s.Notes = p.sound.Notes
	p.sound = s
	if frame != channels*s.width {
		p.note(at, "the header counts %d bytes for %d channels of %d bits: read as %d", frame, channels, bits, channels*s.width)
	}
	if channels > 1 {
		p.note(at, "%d channels are mixed down to their mean", channels)
	}
	return nil
}
