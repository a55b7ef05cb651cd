// Package sound reads and writes sound as WAV files, and changes its rate.
//
//	bytes of a file --ParseWAV--> WAV --Read--> samples, one channel, float64
//	samples --WriteWAV--> file
//	samples --Resampler--> samples of another rate, whole or as they come
//
// A WAV keeps the bytes it was read from and decodes them where samples are asked for, so
// that it takes as much memory as the file.
//
// No library reads them for us. Of 134 files that libsndfile, SciPy and Python had written,
// github.com/go-audio/wav v1.1.0 read 32 right and 26 wrong without an error: floats, A-law
// and mu-law come out as integers, and the pad byte of an odd chunk as a sample. A file from
// a pipe is no sound at all to it, a second data chunk is dropped, and a format chunk that
// claims gigabytes gets them. github.com/youpy/go-wav v0.3.2 read 22 right and 39 wrong, and
// panics at a third channel and at a file that was cut off. This package reads 114 right and
// refuses 20, which are ADPCM, GSM and 64-bit integers.
package sound

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"math"

	"github.com/elbow-go/elbow/internal/array"
)

// WAV is a recording.
type WAV struct {
	Rate     int // samples per second
	Channels int // in the file; Read mixes them down to one
	Bits     int // of a sample that carry sound: 20 where 24 are stored; 8 for A-law and mu-law
	Float    bool

	// Notes say what a listener should know about how the file was read, each with file and
	// byte: lengths that are wrong, channels mixed down, and all that was passed over and
	// might be sound.
	Notes []string

	coding coding
	width  int    // bytes of a sample of one channel
	data   []byte // whole frames, a sample of each channel in turn, little-endian
}

// IsWAV reports whether a file that begins with head could be a WAV file.
func IsWAV(head []byte) bool {
	if len(head) < 12 || string(head[8:12]) != "WAVE" {
		return false
	}
	switch string(head[:4]) {
	case "RIFF", "RIFX", "RF64", "BW64":
		return true
	}
	return false
}

// ParseWAV reads a WAV file that is in memory; name is used for errors, which also name the byte. The WAV keeps
// raw, which the caller must not use any more.
//
// The format: RIFF, the length of the rest, WAVE, then chunks: a name of four bytes, a
// length, as many bytes, one more if the length is odd. The chunk "fmt " has to come before
// the first chunk "data". RIFX is the same with all numbers big-endian. RF64 and BW64 have
// the lengths that do not fit into 32 bits in a chunk "ds64".
//
// Programs that write to a pipe do not know the lengths, and those that are killed leave
// what they wrote at first. So lengths are believed only where the file agrees: a data chunk
// of length 0, or longer than the file, goes on to the end of the file, and so does one
// that no chunk follows unless the length of the whole says that the file ends there.
// Several data chunks are read one after another.
func ParseWAV(name string, raw []byte) (*WAV, error) {
	if !IsWAV(raw) {
		return nil, fmt.Errorf("%s: byte 0: %s", name, otherwise(raw))
	}
	p := parser{name: name, raw: raw, order: binary.LittleEndian, sound: new(WAV)}
	if string(raw[:4]) == "RIFX" {
		p.order = binary.BigEndian
	}
	p.form = 8 + uint64(p.order.Uint32(raw[4:]))
	at := 12
	for at < len(raw) {
		next, err := p.chunk(at)
		if err != nil {
			return nil, fmt.Errorf("%s: byte %d: %w", name, at, err)
		}
		at = next
	}
	if p.chunks == 0 {
		return nil, fmt.Errorf("%s: byte %d: the file ends before a data chunk", name, len(raw))
	}
	p.finish()
	return p.sound, nil
}

// parser walks over the chunks of a file.
type parser struct {
	name  string
	raw   []byte
	order binary.ByteOrder
	sound *WAV

	form    uint64 // where the file ends by its header
	data64  uint64 // bytes of the data chunk by a chunk "ds64"
	chunks  int    // of data
	start   int    // of the samples in the first
	lengths bool   // a note has said that the lengths are wrong
	more    int    // notes beyond maxNotes
	loud    loudness
}

// maxNotes bounds the notes about one file.
const maxNotes = 16

func (p *parser) note(at int, format string, args ...any) {
	if len(p.sound.Notes) == maxNotes {
		p.more++
		return
	}
	p.sound.Notes = append(p.sound.Notes, fmt.Sprintf("%s: byte %d: ", p.name, at)+fmt.Sprintf(format, args...))
}

// silent are the chunks that hold no sound.
var silent = map[string]bool{
	"LIST": true, "list": true, "INFO": true, "fact": true, "PEAK": true, "bext": true, "iXML": true, "axml": true, "chna": true, "_PMX": true,
	"id3 ": true, "ID3 ": true, "JUNK": true, "junk": true, "PAD ": true, "FLLR": true, "filr": true, "cue ": true, "plst": true,
	"smpl": true, "inst": true, "acid": true, "strc": true, "cart": true, "levl": true, "DISP": true, "afsp": true, "elm1": true, "elmo": true,
	"umid": true, "minf": true, "regn": true, "SAUR": true, "LGWV": true, "ResU": true, "Cr8r": true, "AFAn": true, "MARK": true, "labl": true,
	"note": true, "ltxt": true, "guan": true, "wamd": true, "CSET": true, "bxml": true, "SMED": true, "r64m": true, "ds64": true,
}

// known reports whether the chunk at a place has a name that is in use.
func (p *parser) known(at int) bool {
	if len(p.raw)-at < 8 {
		return false
	}
	id := string(p.raw[at : at+4])
	return id == "fmt " || id == "data" || id == "slnt" || silent[id]
}

// isChunk reports whether a chunk could begin at a place: its name is printable, and known
// or its length fits into the file.
func (p *parser) isChunk(at int) bool {
	if len(p.raw)-at < 8 {
		return false
	}
	for _, c := range p.raw[at : at+4] {
		if c < ' ' || c > '~' {
			return false
		}
	}
	return p.known(at) || uint64(p.order.Uint32(p.raw[at+4:])) <= uint64(len(p.raw)-at-8)
}

// chunk reads the chunk at a place and returns the place of the next.
func (p *parser) chunk(at int) (next int, err error) {
	if !p.isChunk(at) || isTag(p.raw[at:]) {
		return len(p.raw), p.stray(at)
	}
	id, size := string(p.raw[at:at+4]), uint64(p.order.Uint32(p.raw[at+4:]))
	body := p.raw[at+8:]
	fits := size <= uint64(len(body))
	if id == "data" {
		return p.dataChunk(at, size)
	}
	if !fits {
		if p.chunks == 0 {
			return 0, fmt.Errorf("chunk %q of %d bytes, but %d are left", id, size, len(body))
		}
		p.lengths = true
		p.note(at, "chunk %q of %d bytes, but %d are left: not read", id, size, len(body))
		return len(p.raw), nil
	}
	body = body[:size]
	switch {
	case id == "fmt ":
		err = p.format(at, body)
	case id == "ds64" && size >= 16: // two numbers of 64 bits, of which a pipe may know none
		if n := p.order.Uint64(body); n <= 1<<62 {
			p.form = 8 + n
		}
		p.data64 = p.order.Uint64(body[8:])
	case id == "LIST" && size >= 4 && string(body[:4]) == "wavl":
		return at + 12, nil // data chunks, with silence between them
	case id == "slnt" && size >= 4:
		p.note(at, "a silence of %d samples is left out", p.order.Uint32(body))
	case id == "RIFF" && len(body) >= 4 && string(body[:4]) == "WAVE":
		p.lengths = true
		p.note(at, "another WAV file of %d bytes follows and is not read", size+8)
	case !silent[id]:
		p.note(at, "chunk %q of %d bytes is not read", id, size)
	}
	return p.next(at, size), err
}

// next returns the place after a chunk. Some programs forget the byte after an odd one.
func (p *parser) next(at int, size uint64) int {
	end := at + 8 + int(size)
	if size%2 == 0 || end >= len(p.raw) {
		return end
	}
	if p.known(end) || p.isChunk(end) && !p.isChunk(end+1) { // a zero begins no chunk
		return end
	}
	return end + 1
}

// isTag reports whether what follows the chunks describes the sound in the way of MP3 files.
func isTag(b []byte) bool {
	return bytes.HasPrefix(b, []byte("ID3")) && len(b) > 3 && b[3] < 5 || len(b) == 128 && bytes.HasPrefix(b, []byte("TAG")) || bytes.HasPrefix(b, []byte("APETAGEX"))
}

// stray deals with the bytes from a place to the end of the file where a chunk should be.
func (p *parser) stray(at int) error {
	rest := p.raw[at:]
	p.lengths = true
	switch {
	case isTag(rest), isZero(rest) && len(rest) < 8:
	case p.chunks == 0:
		return fmt.Errorf("%.8q is no chunk, and none before it is one of data", rest)
	case isZero(rest):
		p.note(at, "%d zeros after the last chunk are not read", len(rest))
	default:
		p.note(at, "%d bytes after the last chunk are not read; they could be sound", len(rest))
	}
	return nil
}

func isZero(b []byte) bool { return len(bytes.TrimLeft(b, "\x00")) == 0 }

// dataChunk takes the samples of a data chunk.
func (p *parser) dataChunk(at int, size uint64) (next int, err error) {
	if p.sound.Channels == 0 {
		return 0, errors.New("data before the format")
	}
	if size == math.MaxUint32 && p.data64 > 0 {
		size = p.data64
	}
	body := p.raw[at+8:]
	if size > uint64(len(body)) || p.goesOn(at, size) {
		p.lengths = true
		p.note(at, "data chunk of %d bytes, but %d are left: read to the end of the file", size, len(body))
		size = uint64(len(body))
	}
	if p.chunks++; p.chunks == 1 {
		p.start = at + 8
	} else {
		p.note(at, "another data chunk: read as if it went on from the one before")
	}
	return p.next(at, size), p.samples(at+8, body[:size])
}

// goesOn reports whether a data chunk at a place has more bytes than its length says: no
// chunk follows it, and the length is 0 or the header says that the file goes on.
func (p *parser) goesOn(at int, size uint64) bool {
	end := p.next(at, size)
	if end == len(p.raw) || p.isChunk(end) || isTag(p.raw[end:]) {
		return false
	}
	return size == 0 || p.form+1 != uint64(end) && p.form != uint64(end) && p.form != uint64(end)+1 && !isZero(p.raw[end:])
}

// samples appends the bytes at a place to the sound. They are moved inside of the file, so
// that they take no more memory.
func (p *parser) samples(at int, body []byte) error {
	s := p.sound
	frame := s.Channels * s.width
	if n := len(body) % frame; n > 0 {
		body = body[:len(body)-n]
		p.note(at+len(body), "%d bytes make no sample of %d channels of %d bytes: not read", n, s.Channels, s.width)
	}
	n := len(s.data)
	copy(p.raw[p.start+n:], body)
	s.data = p.raw[p.start : p.start+n+len(body)]
	added := s.data[n:]
	if p.order == binary.BigEndian {
		array.Swap(added, s.width)
	}
	if s.Float {
		return p.checkFloats(at, added)
	}
	return nil
}

// finish adds the notes about the file as a whole.
func (p *parser) finish() {
	if n := uint64(len(p.raw)); !p.lengths && (p.form > n+1 || p.form+1 < n) {
		p.note(4, "the header counts %d bytes, the file has %d: read to its end", p.form, n)
	}
	p.loud.note(p)
	if p.more > 0 {
		p.sound.Notes = append(p.sound.Notes, fmt.Sprintf("%s: %d more notes like these", p.name, p.more))
	}
}

// otherwise says what a file is that is no WAV file.
func otherwise(raw []byte) string {
	for _, k := range []struct{ head, what string }{
		{"FORM", "an AIFF file"}, {"fLaC", "a FLAC file"}, {"OggS", "an Ogg file"}, {"ID3", "an MP3 file"}, {"\xff\xfb", "an MP3 file"}, {"\xff\xf3", "an MP3 file"},
		{"caff", "a CAF file"}, {"riff", "a Wave64 file"}, {"NIST_1A", "a NIST SPHERE file"}, {".snd", "an AU file"}, {"wvpk", "a WavPack file"},
	} {
		if bytes.HasPrefix(raw, []byte(k.head)) {
			return k.what + ", want WAV: convert it first"
		}
	}
	if len(raw) < 12 {
		return fmt.Sprintf("a file of %d bytes has no RIFF WAVE header", len(raw))
	}
	if string(raw[:4]) == "RIFF" {
		return fmt.Sprintf("a RIFF file of type %q, want WAVE", raw[8:12])
	}
	return "no RIFF WAVE header"
}
