package sound

import (
	"bytes"
	"encoding/binary"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/elbow-go/elbow/internal/array"
)

// chunk is a RIFF chunk, padded.
func chunk(id string, body []byte) []byte {
	b := binary.LittleEndian.AppendUint32([]byte(id), uint32(len(body)))
	b = append(b, body...)
	if len(body)%2 == 1 {
		b = append(b, 0)
	}
	return b
}

// format is a chunk "fmt ".
func format(tag, channels, rate, bits int) []byte {
	le := binary.LittleEndian
	b := le.AppendUint16(le.AppendUint16(nil, uint16(tag)), uint16(channels))
	b = le.AppendUint32(b, uint32(rate))
	frame := channels * ((bits + 7) / 8)
	b = le.AppendUint32(b, uint32(frame*rate))
	return chunk("fmt ", le.AppendUint16(le.AppendUint16(b, uint16(frame)), uint16(bits)))
}

// extensible is a chunk "fmt " in the extensible format.
func extensible(tag, channels, bits, valid int) []byte {
	le := binary.LittleEndian
	b := format(tagExtensible, channels, 8000, bits)[8:]
	b = le.AppendUint16(le.AppendUint16(b, 22), uint16(valid))
	b = le.AppendUint16(le.AppendUint32(b, 3), uint16(tag))
	return chunk("fmt ", append(b, subformat...))
}

func riff(chunks ...[]byte) []byte {
	all := bytes.Join(chunks, nil)
	b := binary.LittleEndian.AppendUint32([]byte("RIFF"), uint32(4+len(all)))
	return append(append(b, "WAVE"...), all...)
}

// put writes 32-bit numbers over the bytes of a file, given as pairs of place and number.
func put(raw []byte, pairs ...uint32) []byte {
	raw = bytes.Clone(raw)
	for i := 0; i < len(pairs); i += 2 {
		binary.LittleEndian.PutUint32(raw[pairs[i]:], pairs[i+1])
	}
	return raw
}

func floats(width int, values ...float64) []byte {
	var b []byte
	for _, v := range values {
		if width == 4 {
			b = binary.LittleEndian.AppendUint32(b, math.Float32bits(float32(v)))
		} else {
			b = binary.LittleEndian.AppendUint64(b, math.Float64bits(v))
		}
	}
	return b
}

// bigEndian turns a file of one format and one data chunk into RIFX.
func bigEndian(raw []byte, width int) []byte {
	raw = bytes.Clone(raw)
	copy(raw, "RIFX")
	array.Swap(raw[4:8], 4)
	n := int(binary.LittleEndian.Uint32(raw[16:]))
	array.Swap(raw[16:20], 4)
	array.Swap(raw[20:24], 2)
	array.Swap(raw[24:32], 4)
	array.Swap(raw[32:36], 2)
	if n == 40 {
		array.Swap(raw[36:40], 2)
		array.Swap(raw[40:48], 4)
		array.Swap(raw[48:52], 2)
	}
	array.Swap(raw[24+n:28+n], 4)
	array.Swap(raw[28+n:], width)
	return raw
}

// samples returns all of a sound, and checks that parts of it are the same.
func samples(t *testing.T, s *WAV) []float64 {
	t.Helper()
	all := make([]float64, s.Len())
	s.Read(all, 0)
	for i := range all {
		one := make([]float64, min(2, len(all)-i))
		if s.Read(one, i); !slices.Equal(one, all[i:i+len(one)]) {
			t.Fatalf("from %d: %v, want %v", i, one, all[i:i+len(one)])
		}
	}
	return all
}

var pcm16 = []byte{1, 0, 0, 0x80, 0xff, 0xff}

func TestFormats(t *testing.T) {
	for _, c := range []struct {
		name   string
		format []byte
		data   []byte
		want   []float64
		bits   int
	}{
		{"8 bits", format(1, 1, 8000, 8), []byte{128, 0, 255, 129}, []float64{0, -32768, 32512, 256}, 8},
		{"16 bits", format(1, 1, 8000, 16), pcm16, []float64{1, -32768, -1}, 16},
		{"12 bits", format(1, 1, 8000, 12), []byte{0x10, 0, 0, 0x80}, []float64{16, -32768}, 12},
		{"24 bits", format(1, 1, 8000, 24), []byte{1, 0, 0, 0, 0, 0x80, 0xff, 0xff, 0xff, 0, 1, 0}, []float64{1. / 256, -32768, -1. / 256, 1}, 24},
		{"32 bits", format(1, 1, 8000, 32), []byte{1, 0, 0, 0, 0, 0, 0, 0x80, 0xff, 0xff, 0xff, 0x7f}, []float64{1. / 65536, -32768, 32768 - 1./65536}, 32},
		{"float32", format(3, 1, 8000, 32), floats(4, 0.5, -1, 1, 1./65536), []float64{16384, -32768, 32768, 0.5}, 32},
		{"float64", format(3, 1, 8000, 64), floats(8, 0.5, -1, 1, math.Pi/4), []float64{16384, -32768, 32768, math.Pi / 4 * 32768}, 64},
		{"A-law", format(6, 1, 8000, 8), []byte{0x55, 0xd5, 0x2a, 0xaa, 0x80}, []float64{-8, 8, -32256, 32256, 5504}, 8},
		{"mu-law", format(7, 1, 8000, 8), []byte{0xff, 0x7f, 0, 0x80, 0xf0, 0x70}, []float64{0, 0, -32124, 32124, 120, -120}, 8},
		{"extensible 16", extensible(1, 1, 16, 16), pcm16, []float64{1, -32768, -1}, 16},
		{"extensible 20 of 24", extensible(1, 1, 24, 20), []byte{0x10, 0, 0, 0, 0, 0x80}, []float64{1. / 16, -32768}, 20},
		{"extensible 24 of 32", extensible(1, 1, 32, 24), []byte{0, 1, 0, 0, 0, 0, 0, 0x80}, []float64{1. / 256, -32768}, 24},
		{"extensible, no valid bits", extensible(1, 1, 16, 0), pcm16, []float64{1, -32768, -1}, 16},
		{"extensible float32", extensible(3, 1, 32, 32), floats(4, 0.5), []float64{16384}, 32},
		{"extensible mu-law", extensible(7, 1, 8, 8), []byte{0x80}, []float64{32124}, 8},
	} {
		width := (int(binary.LittleEndian.Uint16(c.format[22:])) + 7) / 8
		raw := riff(c.format, chunk("data", c.data))
		for name, raw := range map[string][]byte{c.name: raw, c.name + ", RIFX": bigEndian(raw[:len(raw)-len(raw)%2], width)} {
			if strings.HasSuffix(name, "RIFX") && len(c.data)%2 == 1 {
				continue // the pad byte is no sample
			}
			s, err := ParseWAV("f", raw)
			if err != nil {
				t.Errorf("%s: %v", name, err)
				continue
			}
			if got := samples(t, s); !slices.Equal(got, c.want) || s.Bits != c.bits || s.Channels != 1 || s.Rate != 8000 || s.Notes != nil {
				t.Errorf("%s: %v, %+v, want %v", name, got, s, c.want)
			}
			if s.Float != (strings.Contains(name, "float")) {
				t.Errorf("%s: Float is %v", name, s.Float)
			}
		}
	}
}

// TestChannels: the mean of the channels, and a note of it.
func TestChannels(t *testing.T) {
	for name, c := range map[string]struct {
		raw  []byte
		want []float64
	}{
		"8 bits":      {riff(format(1, 2, 8000, 8), chunk("data", []byte{0, 128, 129, 128})), []float64{-16384, 128}},
		"16 bits":     {riff(format(1, 2, 8000, 16), chunk("data", []byte{1, 0, 4, 0, 0xff, 0xff, 1, 0})), []float64{2.5, 0}},
		"24 bits":     {riff(format(1, 3, 8000, 24), chunk("data", []byte{0, 1, 0, 0, 2, 0, 0, 4, 0})), []float64{7. / 3}},
		"float32":     {riff(format(3, 2, 8000, 32), chunk("data", floats(4, 1, -1, 0.5, 1))), []float64{0, 24576}},
		"5.1":         {riff(extensible(1, 6, 16, 16), chunk("data", []byte{1, 0, 2, 0, 3, 0, 4, 0, 5, 0, 9, 0})), []float64{4}},
		"no rounding": {riff(format(1, 2, 8000, 32), chunk("data", []byte{1, 0, 0, 0, 0, 0, 0, 0x80})), []float64{(1./65536 - 32768) / 2}},
	} {
		s, err := ParseWAV("f", c.raw)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if got := samples(t, s); !slices.Equal(got, c.want) || len(s.Notes) != 1 || !strings.Contains(s.Notes[0], "f: byte 12: ") || !strings.Contains(s.Notes[0], "mixed down") {
			t.Errorf("%s: %v, %q, want %v", name, got, s.Notes, c.want)
		}
	}
}

// TestHeaders: what lengths say is not believed where the file contradicts, nothing that
// might be sound is dropped without a note, and what is no sound makes none.
func TestHeaders(t *testing.T) {
	f, d := format(1, 1, 8000, 16), chunk("data", pcm16)
	good := riff(f, d) // the format at 12, data at 36, 50 bytes
	sound := []float64{1, -32768, -1}
	twice := append(slices.Clone(sound), sound...)
	list := chunk("LIST", []byte("INFOabc"))
	noPad := list[:len(list)-1]
	ds64 := func(form, data uint64) []byte {
		le := binary.LittleEndian
		return chunk("ds64", le.AppendUint32(le.AppendUint64(le.AppendUint64(le.AppendUint64(nil, form), data), 3), 0))
	}
	rf64 := func(data uint64) []byte {
		raw := riff(ds64(94, data), f, d, list)
		copy(raw, "RF64")
		return put(raw, 4, math.MaxUint32, 76, math.MaxUint32)
	}
	stray := []byte{0x90, 1, 2, 3, 0x90, 1, 2, 3}
	for _, c := range []struct {
		name string
		raw  []byte
		want []float64
		note []string // a part of each
	}{
		{"as it should be", good, sound, nil},
		{"all lengths unknown", put(good, 4, math.MaxUint32, 40, math.MaxUint32), sound, []string{"byte 36: data chunk of 4294967295 bytes, but 6 are left: read to the end"}},
		{"all lengths 0", put(good, 4, 0, 40, 0), sound, []string{"byte 36: data chunk of 0 bytes, but 6 are left: read"}},
		{"lengths of an empty file", put(good, 4, 36, 40, 0), sound, []string{"byte 36: data chunk of 0"}},
		{"half of 2^32", put(good, 4, 0x7fffffff, 40, 0x7fffffdb), sound, []string{"byte 36: data chunk of 2147483611"}},
		{"truncated", good[:48], sound[:2], []string{"byte 36: data chunk of 6 bytes, but 4 are left"}},
		{"truncated in a sample", good[:49], sound[:2], []string{"byte 36: data chunk of 6 bytes, but 5", "byte 48: 1 bytes make no sample"}},
		{"data too short", put(good, 40, 2), sound, []string{"byte 36: data chunk of 2 bytes, but 6 are left"}},
		{"data too short, odd", put(good, 40, 3), sound, []string{"byte 36: data chunk of 3 bytes, but 6 are left"}},
		{"data too short, RIFF unknown", put(good, 4, math.MaxUint32, 40, 2), sound, []string{"byte 36: data chunk of 2 bytes"}},
		{"data too short, RIFF 0", put(good, 4, 0, 40, 2), sound, []string{"byte 36: data chunk of 2 bytes"}},
		{"more after what both lengths count", append(slices.Clone(good), stray...), sound, []string{"byte 50: 8 bytes after the last chunk are not read"}},
		{"only RIFF is wrong", put(riff(f, d, list), 4, 7), sound, []string{"byte 4: the header counts 15 bytes, the file has 66"}},
		{"RIFF too long", put(riff(f, d, list), 4, 700), sound, []string{"byte 4: the header counts 708 bytes"}},
		{"RIFF without the last byte", put(good, 4, 41), sound, nil},
		{"several data chunks", riff(f, d, d), twice, []string{"byte 50: another data chunk"}},
		{"a list between data chunks", riff(f, d, list, d), twice, []string{"byte 66: another data chunk"}},
		{"a partial sample in the first", riff(f, chunk("data", append(slices.Clone(pcm16), 9)), d), twice, []string{"byte 50: 1 bytes make no sample", "byte 52: another"}},
		{"the second truncated", riff(f, d, d)[:62], twice[:5], []string{"byte 50: data chunk of 6 bytes, but 4", "byte 50: another"}},
		{"lists everywhere", riff(list, f, list, d, list), sound, nil},
		{"odd list without pad", riff(f, noPad, d), sound, nil},
		{"odd lists without pad everywhere", riff(noPad, f, noPad, noPad, d, noPad), sound, nil},
		{"odd data without pad", riff(format(1, 1, 8000, 8), chunk("data", []byte{128, 0, 255})[:11], list), []float64{0, -32768, 32512}, nil},
		{"odd data with a pad that is not 0", append(riff(format(1, 1, 8000, 8), chunk("data", []byte{128, 0, 255})[:11]), append([]byte{7}, list...)...), []float64{0, -32768, 32512},
			[]string{"byte 4: the header counts"}},
		{"odd list without pad before what could be two chunks", riff(f, noPad, chunk("data", make([]byte, 64))), make([]float64, 32), nil},
		{"zeros that RIFF counts", riff(f, d, make([]byte, 40)), sound, []string{"byte 50: 40 zeros after"}},
		{"unknown chunks", riff(f, chunk("abcd", []byte("hey")), d), sound, []string{`byte 36: chunk "abcd" of 3 bytes is not read`}},
		{"the format twice", riff(f, f, d), sound, nil},
		{"no data", riff(f, chunk("data", nil)), nil, nil},
		{"no data, a list", riff(f, chunk("data", nil), list), nil, nil},
		{"zeros after", append(slices.Clone(good), make([]byte, 400)...), sound, []string{"byte 50: 400 zeros after"}},
		{"few zeros after", append(slices.Clone(good), 0, 0, 0), sound, nil},
		{"an ID3 tag after", append(slices.Clone(good), "ID3\x03\x00\x00\x00\x00\x00\x00"...), sound, nil},
		{"another file after", append(slices.Clone(good), good...), sound, []string{"byte 50: another WAV file of 50 bytes follows"}},
		{"a list truncated", riff(f, d, list)[:60], sound, []string{`byte 50: chunk "LIST" of 7 bytes, but 2 are left`}},
		{"RF64", rf64(6), sound, nil},
		{"RF64 of a pipe", rf64(0)[:86], sound, []string{"data chunk of 4294967295 bytes, but 6 are left"}},
		{"RF64, too long", rf64(1 << 40)[:86], sound, []string{"data chunk of 1099511627776 bytes, but 6 are left"}},
		{"a list of sound", riff(f, chunk("LIST", slices.Concat([]byte("wavl"), d, chunk("slnt", []byte{9, 0, 0, 0}), d))), twice,
			[]string{"byte 62: a silence of 9 samples is left out", "byte 74: another"}},
		{"wrong bytes per frame", put(good, 32, 1|16<<16), sound, []string{"byte 12: the header counts 1 bytes for 1 channels of 16 bits"}},
		{"no bytes per frame", put(good, 32, 16<<16), sound, []string{"byte 12: the header counts 0 bytes"}},
		{"beyond full scale", riff(format(3, 1, 8000, 32), chunk("data", floats(4, 1, -2, 1.5))), []float64{32768, -65536, 49152}, []string{"byte 48: from here 2 samples are beyond full scale, which is 1, up to 2"}},
	} {
		s, err := ParseWAV("f", c.raw)
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		if got := samples(t, s); !slices.Equal(got, c.want) {
			t.Errorf("%s: %v, want %v", c.name, got, c.want)
		}
		ok := len(s.Notes) == len(c.note)
		for i := 0; ok && i < len(c.note); i++ {
			ok = strings.HasPrefix(s.Notes[i], "f: byte ") && strings.Contains(s.Notes[i], c.note[i])
		}
		if !ok {
			t.Errorf("%s: notes %q, want %q", c.name, s.Notes, c.note)
		}
	}
}

func TestDamaged(t *testing.T) {
	f, d := format(1, 1, 8000, 16), chunk("data", pcm16)
	good := riff(f, d)
	guid := extensible(1, 1, 16, 16)
	guid[40] = 9
	for _, c := range []struct {
		want string
		raw  []byte
	}{
		{"byte 0: a file of 0 bytes has no", nil},
		{"byte 0: a file of 8 bytes", good[:8]},
		{"byte 0: no RIFF WAVE", []byte("not a wav file")},
		{`byte 0: a RIFF file of type "AVI "`, []byte("RIFF....AVI LIST....")},
		{"byte 0: a FLAC file", []byte("fLaC\x00\x00\x00\x22")},
		{"byte 0: a NIST SPHERE file", []byte("NIST_1A\n   1024\n")},
		{"byte 0: an AIFF file", []byte("FORM\x00\x00\x00\x00AIFF")},
		{"byte 12: the file ends before", riff()},
		{"byte 36: the file ends before", riff(f)},
		{`byte 12: chunk "fmt " of 16 bytes, but 4 are left`, good[:24]},
		{`byte 36: "dat" is no chunk`, good[:39]},
		{"byte 12: data before", riff(d, f)},
		{`byte 12: chunk "LIST" of 99 bytes, but 0`, put(riff(chunk("LIST", nil)), 16, 99)},
		{`byte 36: "\x00\x00\x00\x00\x00\x00\x00\x00" is no chunk`, slices.Concat(riff(f), make([]byte, 9), d)},
		{"byte 12: format of 14 bytes", riff(chunk("fmt ", f[8:22]), d)},
		{"byte 12: 0 channels", riff(format(1, 0, 8000, 16), d)},
		{"byte 12: 0 samples per second", riff(format(1, 1, 0, 16), d)},
		{"byte 12: 4294967295 samples", riff(format(1, 1, math.MaxUint32, 16), d)},
		{"byte 12: 0 bits", riff(format(1, 1, 8000, 0), d)},
		{"byte 12: 40 bits", riff(format(1, 1, 8000, 40), d)},
		{"byte 12: 64 bits", riff(format(1, 1, 8000, 64), d)},
		{"byte 12: 16 bits per sample in encoding 3", riff(format(3, 1, 8000, 16), d)},
		{"byte 12: 16 bits per sample in encoding 7", riff(format(7, 1, 8000, 16), d)},
		{"byte 12: 1 channels of 24 bits in 4 bytes, want 3", put(riff(format(1, 1, 8000, 24), d), 32, 4|24<<16)},
		{"byte 12: encoding 0x2, MS ADPCM", riff(format(2, 1, 8000, 4), d)},
		{"byte 12: encoding 0x55, MP3", riff(format(0x55, 1, 8000, 0), d)},
		{"byte 12: encoding 0x1234 is not known", riff(format(0x1234, 1, 8000, 16), d)},
		{"byte 12: extensible format of 16", riff(format(tagExtensible, 1, 8000, 16), d)},
		{"byte 12: encoding with the GUID 0100000000001000090000aa", riff(guid, d)},
		{"byte 12: encoding 0x11, IMA ADPCM", riff(extensible(0x11, 1, 4, 4), d)},
		{"byte 50: another format than before: 16000", riff(f, d, format(1, 1, 16000, 16), d)},
		{"byte 50: another format than before: 8000", riff(format(1, 1, 8000, 32), d, format(3, 1, 8000, 32), d)},
		{"byte 36: the sample at byte 52 (number 1, channel 0) is NaN", riff(format(3, 2, 8000, 32), chunk("data", floats(4, 1, 1, math.NaN(), 1)))},
		{"(number 0, channel 1) is -Inf", riff(format(3, 2, 8000, 64), chunk("data", floats(8, 1, math.Inf(-1))))},
		{"(number 0, channel 0) is 1e+300", riff(format(3, 1, 8000, 64), chunk("data", floats(8, 1e300)))},
		{"(number 2, channel 0) is +Inf", riff(format(3, 1, 8000, 32), chunk("data", floats(4, 1, 1)), chunk("data", floats(4, math.Inf(1))))},
	} {
		_, err := ParseWAV("f", c.raw)
		if err == nil || !strings.Contains(err.Error(), c.want) || !strings.HasPrefix(err.Error(), "f: byte ") || len(err.Error()) > 300 {
			t.Errorf("%v, want %q", err, c.want)
		}
	}
}

// TestNotesAreFew: a file of nothing but faults makes no more notes than a person reads.
func TestNotesAreFew(t *testing.T) {
	parts := [][]byte{format(1, 1, 8000, 16)}
	for range 1000 {
		parts = append(parts, chunk("data", pcm16[:3]), chunk("what", nil))
	}
	s, err := ParseWAV("f", riff(parts...))
	if err != nil || s.Len() != 1000 || len(s.Notes) != maxNotes+1 || !strings.Contains(s.Notes[maxNotes], "f: 2983 more notes") {
		t.Errorf("%d notes, %v", len(s.Notes), err)
	}
}

func TestReadPanics(t *testing.T) {
	s, err := ParseWAV("f", riff(format(1, 2, 8000, 8), chunk("data", pcm16)))
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ from, n int }{{-1, 1}, {0, 4}, {3, 1}, {4, 0}, {math.MaxInt, 1}, {math.MinInt, 1}} {
		func() {
			defer func() {
				if r, ok := recover().(string); !ok || !strings.HasPrefix(r, "sound: WAV.Read: from = ") {
					t.Errorf("%+v: %v", c, r)
				}
			}()
			s.Read(make([]float64, c.n), c.from)
			t.Errorf("%+v is read", c)
		}()
	}
	s.Read(nil, 3)
}

// TestParseAlloc: the file is all that is held.
func TestParseAlloc(t *testing.T) {
	raw := riff(format(1, 1, 8000, 16), chunk("data", make([]byte, 1<<20)), chunk("data", make([]byte, 1<<20)))
	if n := testing.AllocsPerRun(3, func() { ParseWAV("f", raw) }); n > 20 {
		t.Errorf("%v allocations", n)
	}
}

func TestWrite(t *testing.T) {
	var b bytes.Buffer
	if err := WriteWAV(&b, 8000, []float32{0, 1.5, -2.4, 1e9, -1e9, float32(math.NaN()), float32(math.Inf(1))}); err != nil {
		t.Fatal(err)
	}
	s, err := ParseWAV("f", b.Bytes())
	if err != nil || s.Rate != 8000 || s.Notes != nil {
		t.Fatalf("%+v, %v", s, err)
	}
	if got, want := samples(t, s), []float64{0, 2, -2, 32767, -32768, 0, 32767}; !slices.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
	if err := WriteWAV(&b, 0, nil); err == nil {
		t.Error("rate 0 was written")
	}
	if err := WriteWAV(failing{}, 1, make([]float32, 9999)); err != os.ErrClosed {
		t.Error(err)
	}
}

type failing struct{}

func (failing) Write([]byte) (int, error) { return 0, os.ErrClosed }

func FuzzParse(f *testing.F) {
	d := chunk("data", pcm16)
	f.Add(riff(format(1, 1, 8000, 16), d))
	f.Add(riff(format(1, 2, 8000, 8), chunk("LIST", []byte("a")), d, d))
	f.Add(riff(extensible(3, 1, 32, 32), chunk("data", floats(4, 1, 2))))
	f.Add(bigEndian(riff(format(1, 1, 8000, 24), d), 3))
	f.Add(put(riff(chunk("LIST", append([]byte("wavl"), d...)), format(7, 1, 8000, 8), d), 4, 0))
	f.Fuzz(func(t *testing.T, raw []byte) {
		raw = bytes.Clone(raw) // Parse keeps it
		s, err := ParseWAV("f", raw)
		if err != nil {
			return
		}
		if s.Len()*s.Channels > len(raw) || len(s.Notes) > maxNotes+1 {
			t.Errorf("%d samples of %d channels from %d bytes, %d notes", s.Len(), s.Channels, len(raw), len(s.Notes))
		}
		x := make([]float64, s.Len())
		s.Read(x, 0)
		for i, v := range x {
			if math.Abs(v) > math.MaxFloat32 || v != v {
				t.Fatalf("sample %d: %v", i, v)
			}
		}
	})
}

// TestDigits compares the recordings of spoken digits with measured figures.
func TestDigits(t *testing.T) {
	dir := os.Getenv("ELBOW_DATA")
	if dir == "" {
		t.Skip("ELBOW_DATA is not set")
	}
	dir = filepath.Join(dir, "fsdd")
	for _, c := range []struct {
		split                             string
		files, samples, shortest, longest int
		low, high                         float64
		mean, std                         float64
		frames                            int
	}{
		{"train", 1200, 4136905, 1295, 7999, -32768, 32767, -65.174544, 2439.033939, 20071},
		{"valid", 150, 547736, 1149, 6625, -24319, 26511, -59.814531, 2346.142313, 2665},
		{"test", 150, 544820, 1722, 6925, -26091, 25906, -60.799815, 2353.462922, 2649},
	} {
		list, err := os.ReadFile(filepath.Join(dir, c.split+".txt"))
		if err != nil {
			t.Fatal(err)
		}
		files, total, frames, shortest, longest := 0, 0, 0, math.MaxInt, 0
		var low, high, sum, squares float64
		for _, name := range strings.Fields(string(list)) {
			raw, err := os.ReadFile(filepath.Join(dir, "recordings", name))
			if err != nil {
				t.Fatal(err)
			}
			s, err := ParseWAV(name, raw)
			if err != nil {
				t.Fatal(err)
			}
			n := s.Len()
			files, total, frames = files+1, total+n, frames+n/200
			shortest, longest = min(shortest, n), max(longest, n)
			x := make([]float64, n)
			s.Read(x, 0)
			for _, v := range x {
				low, high = min(low, v), max(high, v)
				sum += v
				squares += float64(v * v)
			}
			if s.Rate != 8000 || s.Notes != nil {
				t.Errorf("%s: rate %d, %q", name, s.Rate, s.Notes)
			}
		}
		mean := sum / float64(total)
		std := math.Sqrt(squares/float64(total) - float64(mean*mean))
		if files != c.files || total != c.samples || frames != c.frames || shortest != c.shortest || longest != c.longest || low != c.low || high != c.high {
			t.Errorf("%s: %d files, %d samples, %d frames, %d to %d long, %v to %v", c.split, files, total, frames, shortest, longest, low, high)
		}
		if math.Abs(mean-c.mean) > 6e-7 || math.Abs(std-c.std) > 6e-7 {
			t.Errorf("%s: mean %v, std %v", c.split, mean, std)
		}
	}
}
