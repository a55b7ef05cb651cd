package music

import (
	"bytes"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"gitlab.com/gomidi/midi/v2/smf"
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
	for _, grid := range []int{1, 2, 3, 4, 8, 16} {
		for _, s := range []Roll{nil, struck} {
			data := writeMIDI(t, r, MIDIOptions{StepsPerQuarter: grid, Struck: s, Title: "a title", Program: 19})
			got, err := ParseMIDI("x.mid", data, grid)
			if err != nil {
				t.Fatal(err)
			}
			if !reflect.DeepEqual(got, r) {
				t.Errorf("grid %d:\n got %v\nwant %v", grid, got, r)
			}
		}
	}
	for _, p := range append(Builtin().Train, Builtin().Test...) {
		got, err := ParseMIDI(p.Name, writeMIDI(t, p.Steps, MIDIOptions{StepsPerQuarter: 2}), 2)
		if err != nil {
			t.Fatal(err)
		}
		if !reflect.DeepEqual(got, p.Steps) {
			t.Errorf("%s changes on its way through MIDI", p.Name)
		}
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
		{good, MIDIOptions{StepsPerQuarter: 7}, "7 steps per quarter note, want a divisor of 480"},
		{good, MIDIOptions{StepsPerQuarter: -1}, "-1 steps per quarter note"},
		{good, MIDIOptions{Tempo: 1}, "tempo 1, want 4 to 1000"},
		{good, MIDIOptions{Tempo: -1}, "tempo -1"},
		{good, MIDIOptions{Program: 128}, "MIDI program 128"},
		{good, MIDIOptions{Struck: Roll{}}, "struck notes for 0 steps, want 1"},
		{good, MIDIOptions{Struck: Roll{{61}}}, "step 0: note 61 is struck and does not sound"},
		{good, MIDIOptions{Struck: Roll{{255}}}, "step 0: note 255 is struck and does not sound"},
		{make(Roll, maxSteps+1), MIDIOptions{}, "steps, want at most"},
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

// midiFile joins a header and tracks that hold the given bytes.
func midiFile(format, division uint16, tracks ...string) string {
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
)

func TestParseMIDI(t *testing.T) {
	for _, c := range []struct {
		name, data string
		grid       int
		want       Roll
	}{
		{"one note", midiFile(0, 96, note+eot), 2, Roll{{60}, {60}}},
		{"running status, velocity 0 ends", midiFile(0, 96, "\x00\x90\x3c\x40\x30\x3c\x00\x00\x40\x40\x30\x40\x00"+eot), 2, Roll{{60}, {64}}},
		{"two tracks, foreign chunks", strings.Replace(midiFile(1, 96, note+eot, "\x30\x91\x40\x40\x30\x81\x40\x00"+eot), "MTrk", "XFIH\x00\x00\x00\x02abMTrk", 1), 2, Roll{{60}, {60, 64}}},
		{"drums are left out", midiFile(1, 96, note+eot, "\x00\x99\x05\x40\x30\x89\x05\x00"+eot), 1, Roll{{60}}},
		{"never ended", midiFile(0, 96, "\x00\x90\x3c\x40\x81\x40\xff\x2f\x00"), 1, Roll{{60}, {60}}},
		{"struck twice", midiFile(0, 96, "\x00\x90\x3c\x40\x60\x90\x3c\x40\x60\x80\x3c\x40"+eot), 1, Roll{{60}, {60}}},
		{"rounded", midiFile(0, 96, "\x05\x90\x3c\x40\x58\x80\x3c\x00\x05\x90\x3e\x40\x01\x80\x3e\x00\x5d"+eot[1:]), 1, Roll{{60}, {62}}},
		{"short notes get a step", midiFile(0, 96, "\x00\x90\x3c\x40\x01\x80\x3c\x00"+eot), 1, Roll{{60}}},
		{"silence at the end", midiFile(0, 96, note+"\x81\x40\xff\x2f\x00"), 1, Roll{{60}, {}, {}}},
		{"other events", midiFile(0, 96, "\x00\xff\x51\x03\x07\xa1\x20\x00\xff\x01\x02hi\x00\xf0\x02\x01\xf7\x00\xc0\x05\x00\xb0\x40\x7f\x00\xe0\x00\x40\x00\xd0\x10\x00\xa0\x3c\x10"+note+eot), 1, Roll{{60}}},
		{"bytes after the last track", midiFile(0, 96, note+eot) + "rubbish", 1, Roll{{60}}},
		{"end of a note that never began", midiFile(0, 96, "\x00\x80\x05\x00"+note+eot), 1, Roll{{60}}},
	} {
		got, err := ParseMIDI("x.mid", []byte(c.data), c.grid)
		if err != nil || !reflect.DeepEqual(got, c.want) {
			t.Errorf("%s: got %v, %v, want %v", c.name, got, err, c.want)
		}
	}
	wantPanic(t, "stepsPerQuarter = 0", func() { ParseMIDI("", nil, 0) })
}

func TestParseMIDIDamaged(t *testing.T) {
	good := midiFile(0, 96, note+eot)
	for _, c := range []struct{ name, data, want string }{
		{"empty", "", "x.mid: byte 0: the file is empty"},
		{"text", "no MIDI at all", "x.mid: byte 0: no MIDI file"},
		{"short header", good[:13], "byte 13: the file ends in the middle"},
		{"header length", good[:7] + "\x07" + good[8:], "byte 4: the header has 7 bytes"},
		{"format 2", midiFile(2, 96, note+eot), "byte 8: format 2"},
		{"no tracks", midiFile(1, 96), "byte 10: 0 tracks"},
		{"two tracks in format 0", midiFile(0, 96, note+eot, note+eot), "byte 10: 2 tracks in a file of format 0"},
		{"time code", midiFile(0, 0xe728, note+eot), "byte 12: time division 0xe728"},
		{"no division", midiFile(0, 0, note+eot), "byte 12: time division 0x0000"},
		{"missing track", midiFile(1, 96, note+eot)[:11] + "\x02" + midiFile(1, 96, note+eot)[12:], "track 1: the file ends in the middle"},
		{"chunk too long", strings.Replace(good, "MTrk\x00\x00\x00", "MTrk\xff\xff\xff", 1), "byte 18: track 0: the chunk says it has 4294967052 bytes"},
		{"foreign chunk too long", strings.Replace(good, "MTrk\x00\x00\x00", "Abcd\xff\xff\xff", 1), "byte 18: track 0: the chunk says it has"},
		{"empty track", midiFile(0, 96, ""), "byte 22: track 0: the track has no end-of-track event"},
		{"no end", midiFile(0, 96, note), "byte 30: track 0: the track has no end-of-track event"},
		{"after the end", midiFile(0, 96, note+eot+note), "byte 34: track 0: 8 bytes after the end of the track"},
		{"no notes", midiFile(0, 96, eot), "x.mid: the file has no notes"},
		{"delta too long", midiFile(0, 96, "\xff\xff\xff\xff\x00\x90\x3c\x40"+eot), "byte 22: track 0: a number of more than four bytes"},
		{"delta at the end", midiFile(0, 96, "\x81"), "byte 23: track 0: the file ends in the middle"},
		{"status at the end", midiFile(0, 96, "\x00"), "byte 23: track 0: the file ends in the middle"},
		{"data at the end", midiFile(0, 96, "\x00\x90\x3c"), "track 0: the file ends in the middle"},
		{"no status", midiFile(0, 96, "\x00\x3c\x40"+eot), "byte 23: track 0: data byte 0x3c, want a status byte"},
		{"no running status over meta", midiFile(0, 96, note+"\x00\xff\x01\x00\x00\x3c\x40"+eot), "byte 35: track 0: data byte 0x3c, want a status byte"},
		{"status in data", midiFile(0, 96, "\x00\x90\x3c\x90"+eot), "byte 25: track 0: status byte 0x90, want a data byte"},
		{"real-time byte", midiFile(0, 96, "\x00\xf8"+eot), "byte 23: track 0: status byte 0xf8"},
		{"huge text", midiFile(0, 96, "\x00\xff\x01\xff\xff\xff\x7f"+eot), "byte 25: track 0: an event says it has 268435455 bytes, the track has 4 more"},
		{"huge exclusive", midiFile(0, 96, "\x00\xf0\xff\xff\xff\x7f"+eot), "byte 24: track 0: an event says it has 268435455 bytes"},
		{"short tempo", midiFile(0, 96, "\x00\xff\x51\x02\x01\x01"+eot), "byte 25: track 0: a tempo of 2 bytes"},
		{"too long", midiFile(0, 1, "\xff\xff\xff\x7f\x90\x3c\x40"+eot), "byte 22: track 0: the track is longer than 262144 steps"},
		{"too low", midiFile(0, 96, "\x00\x90\x14\x40"+eot), "byte 24: track 0: note 20 is outside 21..108"},
		{"too high", midiFile(0, 96, "\x00\x90\x6d\x40"+eot), "byte 24: track 0: note 109 is outside 21..108"},
	} {
		r, err := ParseMIDI("x.mid", []byte(c.data), 1)
		if err == nil || !strings.HasPrefix(err.Error(), "x.mid: ") || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error %v, want %q", c.name, err, c.want)
		}
		if r != nil {
			t.Errorf("%s: a roll beside the error", c.name)
		}
	}
	for n := range len(good) {
		if _, err := ParseMIDI("x.mid", []byte(good[:n]), 1); err == nil {
			t.Errorf("cut off after %d bytes: no error", n)
		}
	}
}

// A file full of long overlapping notes costs one pass per note, not one per event.
func TestParseMIDIManyLongNotes(t *testing.T) {
	var track strings.Builder
	for ch := range 16 {
		for n := Lowest; n <= Highest; n++ {
			track.WriteString("\x00" + string([]byte{byte(0x90 | ch), byte(n), 64}))
		}
	}
	track.WriteString("\x8f\xff\x00\xff\x2f\x00")
	text := midiFile(0, 1, track.String())
	tracks := strings.Repeat(text[14:], 200)
	r, err := ParseMIDI("x.mid", []byte("MThd\x00\x00\x00\x06\x00\x01\x00\xc8\x00\x01"+tracks), 1)
	if err != nil {
		t.Fatal(err)
	}
	if len(r) != 0xf<<14|0x7f<<7 || len(r[0]) != Dims || len(r[len(r)-1]) != Dims {
		t.Errorf("%d steps, %d notes at the first", len(r), len(r[0]))
	}
}

func TestReadMIDI(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.mid")
	if err := os.WriteFile(path, []byte(midiFile(0, 96, note+eot)), 0o644); err != nil {
		t.Fatal(err)
	}
	r, err := ReadMIDI(path, 1)
	if err != nil || !reflect.DeepEqual(r, Roll{{60}}) {
		t.Errorf("got %v, %v", r, err)
	}
	if _, err := ReadMIDI(path+"x", 1); err == nil || !strings.Contains(err.Error(), path+"x") {
		t.Errorf("error %v", err)
	}
	if err := os.Truncate(path, maxMIDI+1); err != nil {
		t.Fatal(err)
	}
	if _, err := ReadMIDI(path, 1); err == nil || !strings.Contains(err.Error(), "larger than the limit") {
		t.Errorf("error %v", err)
	}
}

func FuzzParseMIDI(f *testing.F) {
	f.Add([]byte(midiFile(0, 96, note+eot)))
	f.Add([]byte(midiFile(1, 96, "\x00\xff\x51\x03\x00\x00\x00\x00\xff\x59\x02\x00\x00\x00\xff\x58\x04\x04\x02\x18\x08"+eot, note+"\x00\xf0\x02\x01\xf7"+eot)))
	f.Fuzz(func(t *testing.T, data []byte) {
		r, err := ParseMIDI("f", data, 4)
		if err == nil {
			if err := r.Check(); err != nil {
				t.Error(err)
			}
		}
	})
}
