package music

import (
	"bytes"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"

	"gitlab.com/gomidi/midi/v2/smf"

	"github.com/elbow-go/elbow/internal/infile"
)

func writeMIDI(t *testing.T, r Roll, o MIDIOptions) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := WriteMIDI(&b, r, o); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// What is written is read again, with silence at both ends, on every grid.
func TestMIDIRoundTrip(t *testing.T) {
	r := Roll{{}, {60, 64}, {60, 64}, {60, 67}, {}, {21, 108}, {21}, {60}, {}, {}}
	struck := Roll{{}, {60, 64}, {64}, {67}, {}, {21, 108}, {}, {60}, {}, {}}
	for _, grid := range []int{1, 2, 3, 4, 7, 8, 16, 64} {
		for _, s := range []Roll{nil, struck} {
			data := writeMIDI(t, r, MIDIOptions{StepsPerQuarter: grid, Struck: s, Title: "a title", Program: 19})
			if got, _ := readMIDI(t, string(data), grid); !reflect.DeepEqual(got, r) {
				t.Errorf("grid %d:\n got %v\nwant %v", grid, got, r)
			}
		}
	}
	for _, p := range append(Builtin().Train, Builtin().Test...) {
		if got, _ := readMIDI(t, string(writeMIDI(t, p.Roll(), MIDIOptions{StepsPerQuarter: 2})), 2); !reflect.DeepEqual(got, p.Roll()) {
			t.Errorf("%s changes on its way through MIDI", p.Name)
		}
	}
}

// A silence may be longer than a delta time.
func TestWriteMIDILongSilence(t *testing.T) {
	r := make(Roll, 600000)
	r[0], r[len(r)-1] = []uint8{60}, []uint8{64}
	list, _, _, ticks := noteEvents(t, writeMIDI(t, r, MIDIOptions{}))
	want := [][4]int{{0, 1, 60, 100}, {480, 0, 60, 0}, {480 * 599999, 1, 64, 100}, {480 * 600000, 0, 64, 0}}
	if !reflect.DeepEqual(list, want) || ticks != 480*600000 {
		t.Errorf("%d ticks, got %v, want %v", ticks, list, want)
	}
	m, err := parseSMF(writeMIDI(t, r, MIDIOptions{}))
	if err != nil || len(m.damage) > 0 || len(m.tracks[0].notes) != 2 {
		t.Errorf("read again: %+v, %v", m, err)
	}
}

// noteEvents lists the notes of a file as "tick on|off note velocity".
func noteEvents(t *testing.T, data []byte) (list [][4]int, tempo float64, program uint8, ticks int) {
	t.Helper()
	s, err := smf.ReadFrom(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range s.Tracks[0] {
		ticks += int(e.Delta)
		var channel, note, velocity uint8
		switch {
		case e.Message.GetNoteStart(&channel, &note, &velocity):
			list = append(list, [4]int{ticks, 1, int(note), int(velocity)})
		case e.Message.GetNoteEnd(&channel, &note):
			list = append(list, [4]int{ticks, 0, int(note), 0})
		case e.Message.GetMetaTempo(&tempo):
		case e.Message.GetProgramChange(&channel, &program):
		}
	}
	return list, tempo, program, ticks
}

func TestWriteMIDIEvents(t *testing.T) {
	r := Roll{{60, 64}, {60, 64}, {60}, {}}
	held, tempo, program, ticks := noteEvents(t, writeMIDI(t, r, MIDIOptions{StepsPerQuarter: 2, Tempo: 100, Program: 6}))
	want := [][4]int{{0, 1, 60, 78}, {0, 1, 64, 100}, {480, 0, 64, 0}, {720, 0, 60, 0}}
	if !reflect.DeepEqual(held, want) {
		t.Errorf("held:\n got %v\nwant %v", held, want)
	}
	if tempo < 99.99 || tempo > 100.01 || program != 6 || ticks != 960 {
		t.Errorf("tempo %v, program %d, %d ticks; want 100, 6, 960", tempo, program, ticks)
	}
	struck, tempo, _, _ := noteEvents(t, writeMIDI(t, r, MIDIOptions{StepsPerQuarter: 2, Struck: Roll{{}, {64}, {}, {}}}))
	want = [][4]int{{0, 1, 60, 78}, {0, 1, 64, 100}, {240, 0, 64, 0}, {240, 1, 64, 100}, {480, 0, 64, 0}, {720, 0, 60, 0}}
	if !reflect.DeepEqual(struck, want) {
		t.Errorf("struck:\n got %v\nwant %v", struck, want)
	}
	if tempo < 119.99 || tempo > 120.01 {
		t.Errorf("default tempo %v, want 120", tempo)
	}
}

func TestWriteMIDIErrors(t *testing.T) {
	good := Roll{{60}}
	for _, c := range []struct {
		r    Roll
		o    MIDIOptions
		want string
	}{
		{Roll{{60}, {9}}, MIDIOptions{}, "step 1: note 9 is outside"},
		{good, MIDIOptions{StepsPerQuarter: 65}, "65 steps per quarter note, want 1 to 64"},
		{good, MIDIOptions{StepsPerQuarter: -1}, "-1 steps per quarter note"},
		{good, MIDIOptions{Tempo: 1}, "tempo 1, want 4 to 1000"},
		{good, MIDIOptions{Tempo: -1}, "tempo -1"},
		{good, MIDIOptions{Program: 128}, "MIDI program 128"},
		{good, MIDIOptions{Struck: Roll{}}, "struck notes for 0 steps, want 1"},
		{good, MIDIOptions{Struck: Roll{{61}}}, "step 0: note 61 is struck and does not sound"},
		{good, MIDIOptions{Struck: Roll{{255}}}, "step 0: note 255 is struck and does not sound"},
	} {
		var b bytes.Buffer
		if err := WriteMIDI(&b, c.r, c.o); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("error %v, want %q", err, c.want)
		}
		if b.Len() > 0 {
			t.Errorf("%s: %d bytes written", c.want, b.Len())
		}
	}
}

// readMIDI reads a file that must have one piece.
func readMIDI(t *testing.T, data string, grid int) (Roll, []string) {
	t.Helper()
	f := &finder{grid: grid, budget: &infile.Budget{}}
	if err := f.parseMIDI("x.mid", []byte(data)); err != nil {
		t.Fatal(err)
	}
	if len(f.pieces) != 1 || len(f.skipped) > 0 {
		t.Fatalf("%d pieces, left out: %q", len(f.pieces), f.skipped)
	}
	if left := f.budget.Limit() - f.budget.Left(); left > pieceBytes+spanBytes*int64(len(data)) {
		t.Errorf("%d bytes are taken for a file of %d", left, len(data))
	}
	for _, r := range f.remarks {
		f.notes = append(f.notes, fmt.Sprintf("%d %s", r.count, r.what))
	}
	return f.pieces[0].Roll(), f.notes
}

// midiText joins a header and tracks that hold the given bytes.
func midiText(format, division uint16, tracks ...string) string {
	s := "MThd\x00\x00\x00\x06" + string([]byte{0, byte(format), 0, byte(len(tracks)), byte(division >> 8), byte(division)})
	for _, t := range tracks {
		n := len(t)
		s += "MTrk" + string([]byte{byte(n >> 24), byte(n >> 16), byte(n >> 8), byte(n)}) + t
	}
	return s
}

const (
	eot  = "\x00\xff\x2f\x00"
	note = "\x00\x90\x3c\x40\x60\x80\x3c\x00" // C4 for 96 ticks
	next = "\x00\x90\x40\x40\x60\x80\x40\x00" // E4 likewise
)

// Files as programs write them and players play them. note says what is said of the file.
func TestParseMIDI(t *testing.T) {
	c4, e4 := Roll{{60}}, Roll{{60}, {64}}
	for _, c := range []struct {
		name, data string
		grid       int
		want       Roll
		note       string
	}{
		{"one note", midiText(0, 96, note+eot), 2, Roll{{60}, {60}}, ""},
		{"running status, velocity 0 ends", midiText(0, 96, "\x00\x90\x3c\x40\x30\x3c\x00\x00\x40\x40\x30\x40\x00"+eot), 2, e4, ""},
		{"two tracks, foreign chunks", strings.Replace(midiText(1, 96, note+eot, "\x30\x91\x40\x40\x30\x81\x40\x00"+eot), "MTrk", "XFIH\x00\x00\x00\x02abMTrk", 1), 2, Roll{{60}, {60, 64}}, ""},
		{"drums are left out", midiText(1, 96, note+eot, "\x00\x99\x05\x40\x30\x89\x05\x00"+eot), 1, c4, "1 files have drums"},
		{"never ended", midiText(0, 96, "\x00\x90\x3c\x40\x81\x40\xff\x2f\x00"), 1, Roll{{60}, {60}}, ""},
		{"struck twice", midiText(0, 96, "\x00\x90\x3c\x40\x60\x90\x3c\x40\x60\x80\x3c\x40"+eot), 1, Roll{{60}, {60}}, ""},
		{"the end after the next begin", midiText(0, 96, "\x00\x90\x3c\x40\x60\x90\x3c\x40\x00\x80\x3c\x40\x81\x40\x80\x3c\x40\x60\x90\x40\x40\x60\x80\x40\x40"+eot), 1, Roll{{60}, {60}, {60}, {}, {64}}, ""},
		{"one end for two begins", midiText(0, 96, "\x00\x90\x3c\x40\x60\x90\x3c\x40\x60\x80\x3c\x40\x60\x80\x3c\x40"+eot), 1, Roll{{60}, {60}, {}}, ""},
		{"rounded", midiText(0, 96, "\x05\x90\x3c\x40\x58\x80\x3c\x00\x05\x90\x3e\x40\x01\x80\x3e\x00\x5d"+eot[1:]), 1, Roll{{60}, {62}}, ""},
		{"short notes get a step", midiText(0, 96, "\x00\x90\x3c\x40\x01\x80\x3c\x00"+eot), 1, c4, ""},
		{"notes of no length get a step", midiText(0, 96, "\x00\x90\x3c\x40\x00\x80\x3c\x00"+eot), 1, c4, ""},
		{"silence at the end", midiText(0, 96, note+"\x81\x40\xff\x2f\x00"), 1, Roll{{60}, {}, {}}, ""},
		{"other events", midiText(0, 96, "\x00\xff\x51\x03\x07\xa1\x20\x00\xff\x01\x02hi\x00\xf0\x02\x01\xf7\x00\xc0\x05\x00\xb0\x40\x7f\x00\xe0\x00\x40\x00\xd0\x10\x00\xa0\x3c\x10"+note+eot), 1, c4, ""},
		{"bytes after the last track", midiText(0, 96, note+eot) + "rubbish", 1, c4, ""},
		{"end of a note that never began", midiText(0, 96, "\x00\x80\x05\x00"+note+eot), 1, c4, ""},
		{"running status over a meta event", midiText(0, 96, note+"\x00\xff\x01\x02%+\x00\x40\x00\x00\x90\x40\x40\x00\xff\x01\x00\x60\x40\x00"+eot), 1, e4, ""},
		{"running status over an exclusive one", midiText(0, 96, "\x00\x90\x3c\x40\x00\xf0\x02\x01\xf7\x60\x3c\x00"+eot), 1, c4, ""},
		{"messages of a wire", midiText(0, 96, "\x00\xf8\x00\xf1\x01\x00\xf2\x01\x02\x00\xf3\x01\x00\xf6\x00\xfe"+note+eot), 1, c4, ""},
		{"no end of the track", midiText(0, 96, note), 1, c4, ""},
		{"no end of the first track", midiText(1, 96, note, "\x60"+next[1:]), 1, e4, ""},
		{"a header of 8 bytes", strings.Replace(midiText(0, 96, note+eot), "\x00\x06\x00\x00\x00\x01\x00\x60", "\x00\x08\x00\x00\x00\x01\x00\x60ab", 1), 1, c4, ""},
		{"a number with leading zeros", midiText(0, 96, "\x80\x80\x80\x80\x80"+note+eot), 1, c4, ""},
		{"below and above the keyboard", midiText(0, 96, note+"\x00\x90\x14\x40\x60\x14\x00\x00\x6d\x40\x10\x6d\x00"+eot), 1, Roll{{60}, {}}, "2 notes outside 21..108 are left out"},
		{"RIFF", "RIFF\x00\x00\x00\x00RMIDLIST\x00\x00\x00\x02abdata\x00\x00\x00\x00" + midiText(0, 96, note+eot), 1, c4, ""},
		{"a file of an old Mac", strings.Repeat("\x00", 128) + midiText(0, 96, note+eot), 1, c4, "byte 0: 128 bytes before the header"},
		{"more tracks than promised", strings.Replace(midiText(1, 96, note+eot, "\x60"+next[1:]+eot), "\x00\x02\x00\x60", "\x00\x01\x00\x60", 1), 1, e4, "byte 10: the header says there are 1 tracks, 2 are there and read"},
		{"fewer tracks than promised", strings.Replace(midiText(1, 96, note+eot), "\x00\x01\x00\x60", "\x00\x02\x00\x60", 1), 1, c4, "2 tracks, 1 are there"},
		{"two tracks in format 0", midiText(0, 96, note+eot, "\x60"+next[1:]+eot), 1, e4, ""},
		{"format 2: one after another", midiText(2, 96, note+eot, next+eot), 1, e4, ""},
		{"format 7", midiText(7, 96, note+eot), 1, c4, "byte 8: format 7"},
		{"the header length is too large", strings.Replace(midiText(0, 96, note+eot), "\x00\x06", "\x01\x06", 1), 1, c4, "byte 4: the header says it has 262 bytes"},
		{"the header length is too small", strings.Replace(midiText(0, 96, note+eot), "\x00\x06", "\x00\x00", 1), 1, c4, "byte 4: the header says it has 0 bytes"},
		{"the header length is too large and within the file", strings.Replace(midiText(0, 96, note+eot), "\x00\x06", "\x00\x0a", 1), 1, c4, ""},
		{"a wrong track length and no end of the track", strings.Replace(midiText(1, 96, note, "\x60"+next[1:]+eot), "MTrk\x00\x00\x00\x08", "MTrk\x00\x00\x00\x05", 1), 1, e4, "track 0: the chunk says it has 5 bytes, it has 8"},
		{"a track length of 0", strings.Replace(midiText(1, 96, note+eot, "\x60"+next[1:]+eot), "MTrk\x00\x00\x00\x0c", "MTrk\x00\x00\x00\x00", 1), 1, e4, "byte 18: track 0: the chunk says it has 0 bytes, it has 12"},
		{"a track length over the next track", strings.Replace(midiText(1, 96, note+eot, "\x60"+next[1:]+eot), "MTrk\x00\x00\x00\x0c", "MTrk\x00\x00\x00\x20", 1), 1, e4, "track 0: the chunk says it has 32 bytes, it has 12"},
		{"a track length beyond the file", strings.Replace(midiText(0, 96, note+eot), "MTrk\x00\x00\x00", "MTrk\xff\xff\xff", 1), 1, c4, "the chunk says it has 4294967052 bytes, it has 12"},
		{"bytes after the end of a track", midiText(0, 96, note+eot+note), 1, c4, "byte 34: track 0: 8 bytes after its end are not read"},
		{"cut off", midiText(0, 96, note+next+eot)[:22+8+7], 1, Roll{{60}, {64}}, "byte 37: track 0: the file ends in the middle"},
		{"cut off in a delta time", midiText(0, 96, note+"\x81"+eot)[:22+9], 1, c4, "byte 31: track 0: the file ends in the middle"},
		{"no status", midiText(1, 96, note+eot, "\x00\x3c\x40"+eot), 1, c4, "byte 43: track 1: data byte 0x3c, want a status byte; what comes before is read"},
		{"a status for a note", midiText(0, 96, note+"\x00\x90\x90\x40"+eot), 1, c4, "byte 32: track 0: status byte 0x90, want a data byte"},
		{"a velocity above 127", midiText(0, 96, "\x00\x90\x3c\x80\x60\x80\x3c\x80"+eot), 1, c4, "byte 25: track 0: 2 values above 127"},
		{"an event longer than the file", midiText(0, 96, note+"\x00\xff\x01\xff\xff\xff\x7f"+eot), 1, c4, "byte 33: track 0: an event says it has 268435455 bytes, the track has 4 more"},
		{"a number of 35 bits", midiText(0, 96, note+"\xff\xff\xff\xff\x01\x90\x3c\x40"+eot), 1, c4, "byte 30: track 0: a number of more than 28 bits"},
		{"a tempo of 2 bytes", midiText(0, 96, "\x00\xff\x51\x02\x01\x01"+note+eot), 1, c4, ""},
		{"a second file", midiText(0, 96, note+eot) + midiText(0, 96, next+eot), 1, c4, "byte 34: a second MIDI file begins here, which is not read"},
		{"an hour before the first note", midiText(0, 96, "\xa0\x80\x00"+note[1:]+eot), 1, c4, "1 files begin with more than 1024 quarter notes of silence"},
		{"an hour after the last note", midiText(0, 96, note+"\xa0\x80\x00\xff\x2f\x00"), 1, c4, "1 files end with more than 1024 quarter notes of silence"},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, notes := readMIDI(t, c.data, c.grid)
			if !reflect.DeepEqual(got, c.want) {
				t.Errorf("got %v, want %v", got, c.want)
			}
			if text := strings.Join(notes, "; "); !strings.Contains(text, c.note) || (c.note == "") != (text == "") {
				t.Errorf("said of the file: %q, want %q", text, c.note)
			}
		})
	}
}

// Ticks of a time code are seconds, which the tempo turns into quarter notes.
func TestParseMIDITimeCode(t *testing.T) {
	second := func(ticks ...byte) string {
		return "\x00\x90\x3c\x40" + string(ticks) + "\x80\x3c\x00" + eot
	}
	for _, c := range []struct {
		name, data string
		want       int // quarter notes
	}{
		{"25 frames of 40 ticks, no tempo", midiText(0, 0xe728, second(0x87, 0x68)), 2},
		{"30 frames of 80", midiText(0, 0xe250, second(0x92, 0x60)), 2},
		{"24 frames of 4", midiText(0, 0xe804, second(0x60)), 2},
		{"29.97 frames of 100 in 10 seconds", midiText(0, 0xe364, second(0x81, 0xea, 0x12)), 20},
		{"a tempo of 60", midiText(0, 0xe728, "\x00\xff\x51\x03\x0f\x42\x40"+second(0x87, 0x68)), 1},
		{"a tempo in another track", midiText(1, 0xe728, "\x00\xff\x51\x03\x0f\x42\x40"+eot, second(0x87, 0x68)), 1},
		{"a tempo that changes after a second", midiText(1, 0xe728, "\x87\x68\xff\x51\x03\x0f\x42\x40"+eot, second(0x8f, 0x50)), 3},
	} {
		if r, _ := readMIDI(t, c.data, 1); len(r) != c.want || len(r[0]) != 1 {
			t.Errorf("%s: %d quarter notes, want %d", c.name, len(r), c.want)
		}
	}
}

// What cannot be read is left out, and the reason is said with the place.
func TestParseMIDIUnreadable(t *testing.T) {
	good := midiText(0, 96, note+eot)
	for _, c := range []struct{ name, data, want string }{
		{"empty", "", "x.mid: byte 0: the file is empty"},
		{"text", "<!DOCTYPE html>", `x.mid: byte 0: no MIDI file: it begins with "<!DOCTYP", not with MThd`},
		{"short header", good[:13], "byte 13: the file ends in the middle of its header"},
		{"no tracks", midiText(1, 96), "x.mid: the file has no notes"},
		{"no notes", midiText(0, 96, eot), "x.mid: the file has no notes"},
		{"drums only", midiText(0, 96, "\x00\x99\x25\x40\x60\x25\x00"+eot), "notes for drums only"},
		{"no division", midiText(0, 0, note+eot), "a quarter note has 0 ticks"},
		{"no time code", midiText(0, 0x8028, note+eot), "time division 0x8028, which is no time code"},
		{"no ticks in a frame", midiText(0, 0xe700, note+eot), "time division 0xe700"},
		{"damage before the first note", midiText(0, 96, "\x00\x3c\x40"+note), "the file has no notes (byte 23: track 0: data byte 0x3c, want a status byte"},
		{"too long", midiText(0, 1, "\x00\x90\x3c\x40\xff\xff\xff\x7f\x80\x3c\x40"+eot), "the piece has 268435455 quarter notes of time for 1 notes, want at most 1088"},
		{"too long by a time code", midiText(0, 0xff01, "\x00\xff\x51\x03\x00\x00\x01\x00\x90\x3c\x40\xff\xff\xff\x7f\x80\x3c\x40"+eot), "quarter notes of time for 1 notes"},
	} {
		f := &finder{grid: 1, budget: &infile.Budget{}}
		if err := f.parseMIDI("x.mid", []byte(c.data)); err != nil {
			t.Fatal(err)
		}
		if len(f.pieces) > 0 || len(f.skipped) != 1 || !strings.HasPrefix(f.skipped[0], "x.mid: ") || !strings.Contains(f.skipped[0], c.want) {
			t.Errorf("%s: %d pieces, left out: %q, want %q", c.name, len(f.pieces), f.skipped, c.want)
		}
	}
	for n := range len(good) { // a file that is cut off anywhere does no harm
		f := &finder{grid: 1, budget: &infile.Budget{}}
		if err := f.parseMIDI("x.mid", []byte(good[:n])); err != nil || len(f.pieces)+len(f.skipped) != 1 {
			t.Errorf("cut off after %d bytes: %d pieces, left out: %q, error %v", n, len(f.pieces), f.skipped, err)
		}
	}
}

// A file full of long overlapping notes takes memory by its notes, and the budget bounds it.
func TestParseMIDIManyLongNotes(t *testing.T) {
	var track strings.Builder
	for ch := range 16 {
		for n := Lowest; n <= Highest; n++ {
			track.WriteString("\x00" + string([]byte{byte(0x90 | ch), byte(n), 64}))
		}
	}
	track.WriteString("\x83\xff\x00\xff\x2f\x00")
	text := midiText(1, 1, track.String())
	data := text[:14] + strings.Repeat(text[14:], 200)
	f := &finder{grid: MaxGrid, budget: &infile.Budget{Max: 16 << 20}}
	if err := f.parseMIDI("x.mid", []byte(data)); err != nil {
		t.Fatal(err)
	}
	p := f.pieces[0]
	row := make([]float32, Dims)
	p.Read(row, p.Steps()-1)
	if p.Steps() != MaxGrid*(3<<14|0x7f<<7) || p.notes() != Dims || slices.Contains(row, 0) {
		t.Errorf("%d steps, %d notes", p.Steps(), p.notes())
	}
	f = &finder{grid: 1, budget: &infile.Budget{Max: 1 << 20}}
	if err := f.parseMIDI("x.mid", []byte(data)); err == nil || !strings.Contains(err.Error(), "x.mid: the data take more than the limit") {
		t.Errorf("a file of %d bytes with a budget of 1 MiB: error %v", len(data), err)
	}
}

// Whatever the bytes, there is one piece or a reason, and no more time than the bytes allow.
func FuzzParseMIDI(f *testing.F) {
	f.Add([]byte(midiText(0, 96, note+eot)))
	f.Add([]byte(midiText(1, 96, "\x00\xff\x51\x03\x00\x00\x00\x00\xff\x59\x02\x00\x00\x00\xff\x58\x04\x04\x02\x18\x08"+eot, note+"\x00\xf0\x02\x01\xf7"+eot)))
	f.Add([]byte(midiText(0, 0xe728, "\x00\xff\x51\x03\x0f\x42\x40"+note+eot)))
	f.Add([]byte("RIFF\x00\x00\x00\x00RMIDdata\x00\x00\x00\x00" + midiText(2, 96, note+eot, next)[:40]))
	f.Fuzz(func(t *testing.T, data []byte) {
		r := &finder{grid: 4, budget: &infile.Budget{}}
		if err := r.parseMIDI("f", data); err != nil {
			t.Fatal(err)
		}
		if len(r.pieces)+len(r.skipped) != 1 {
			t.Fatalf("%d pieces, left out: %q", len(r.pieces), r.skipped)
		}
		for _, p := range r.pieces {
			if p.Steps() > 4*(maxBase+maxPerNote*len(data)) {
				t.Errorf("%d steps of %d bytes", p.Steps(), len(data))
			}
			row := make([]float32, Dims)
			p.Read(row, p.Steps()-1)
		}
	})
}
