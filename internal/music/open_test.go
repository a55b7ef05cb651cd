package music

import (
	"bytes"
	"compress/gzip"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/elbow-go/elbow/internal/infile"
)

func write(t *testing.T, path, text string) string {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

func gzipped(t *testing.T, text string) string {
	t.Helper()
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	if _, err := z.Write([]byte(text)); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func mustOpen(t *testing.T, path string, grid int) *Dataset {
	t.Helper()
	d, err := Open(path, grid, &infile.Budget{})
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// hears writes down the pieces of a part as heard does, without the dashes.
func hears(pieces []Piece) string {
	var list []string
	for i := range pieces {
		var steps []string
		for _, notes := range pieces[i].Roll() {
			var names []string
			for _, n := range notes {
				names = append(names, NoteName(n))
			}
			steps = append(steps, strings.Join(append(names, ""), "."))
		}
		list = append(list, filepath.Base(pieces[i].Name)+" "+strings.Join(steps, " "))
	}
	return strings.Join(list, "; ")
}

func TestOpenFolders(t *testing.T) {
	dir := t.TempDir()
	path := func(names ...string) string { return filepath.Join(append([]string{dir}, names...)...) }
	write(t, path("train", "b.mid"), midiText(0, 96, note+eot))
	write(t, path("train", "deep", "er", "z.kar"), midiText(0, 96, next+eot))
	write(t, path("train", "a.ABC"), "X:1\nL:1/4\nK:C\nD E\n\nX:2\nL:1/4\nK:C\nF")
	write(t, path("._train.mid"), "what a Mac leaves")
	write(t, path("train", "._a.abc"), "what a Mac leaves")
	write(t, path("train", ".hidden.mid"), "no MIDI")
	write(t, path("train", ".git", "x.mid"), "no MIDI")
	write(t, path("train", "README"), "left aside")
	write(t, path("Validation", "c.midi.gz"), gzipped(t, midiText(0, 96, note+note+eot)))
	write(t, path("test", "d.abc.gz"), gzipped(t, "X:1\nL:1/4\nK:C\nG"))
	d := mustOpen(t, dir, 1)
	for _, c := range []struct{ got, want string }{
		{hears(d.Train), "a.ABC#1 D4. E4.; a.ABC#2 F4.; b.mid C4.; z.kar E4."},
		{hears(d.Valid), "c.midi.gz C4. C4."}, {hears(d.Test), "d.abc.gz G4."}, {hears(d.All), ""},
		{strings.Join(append(d.Skipped, d.Notes...), "; "), ""},
	} {
		if c.got != c.want {
			t.Errorf("got %q, want %q", c.got, c.want)
		}
	}
	// Pieces in other places are spoken of, and no folder is a part without the others.
	write(t, path("loose.mid"), midiText(0, 96, note+eot))
	if d := mustOpen(t, dir, 1); len(d.Notes) != 1 || !strings.Contains(d.Notes[0], "1 files and folders beside those of the parts") || len(d.Train) != 4 {
		t.Errorf("notes %q", d.Notes)
	}
	os.Remove(path("Validation", "c.midi.gz"))
	if d := mustOpen(t, dir, 1); len(d.Notes) != 2 || !strings.Contains(d.Notes[1], "Validation: no piece") || len(d.Valid) != 0 {
		t.Errorf("notes %q", d.Notes)
	}
	os.RemoveAll(path("Validation"))
	os.RemoveAll(path("test"))
	if d := mustOpen(t, dir, 1); hears(d.All) != "loose.mid C4.; a.ABC#1 D4. E4.; a.ABC#2 F4.; b.mid C4.; z.kar E4." || d.Train != nil {
		t.Errorf("a folder train alone: %s", hears(d.All))
	}

	// What is no file or no folder of its own.
	if err := os.Symlink(path("train"), path("train", "round")); err != nil {
		t.Skip(err)
	}
	os.Symlink(path("none"), path("broken.mid"))
	os.Symlink(path("train", "b.mid"), path("link.mid"))
	os.Mkdir(path("folder.mid"), 0o755)
	if _, err := Open(dir, 1, &infile.Budget{}); err == nil || !strings.Contains(err.Error(), "broken.mid") {
		t.Errorf("a link to nothing: error %v", err)
	}
	os.Remove(path("broken.mid"))
	d = mustOpen(t, dir, 1)
	if !strings.HasPrefix(hears(d.All), "link.mid C4.; loose.mid C4.; a.ABC#1") || !strings.Contains(strings.Join(d.Notes, "; "), "round: a link to a folder") {
		t.Errorf("%s, %q", hears(d.All), d.Notes)
	}
}

func TestOpenErrors(t *testing.T) {
	dir := t.TempDir()
	path := func(name string) string { return filepath.Join(dir, name) }
	good := midiText(0, 96, note+eot)
	write(t, path("a.mid"), good)
	write(t, path("a.txt"), "text")
	write(t, path("bad.mid"), "no MIDI")
	write(t, path("bad.mid.gz"), gzipped(t, good)[:30])
	write(t, path("empty/a.txt"), "text")
	write(t, path("half/1.mid"), good)
	write(t, path("half/2.mid"), midiText(0, 96, eot))
	write(t, path("most/1.mid"), good)
	write(t, path("most/2.mid"), "")
	write(t, path("most/3.mid.gz"), gzipped(t, good)[:30])
	write(t, path("book.abc"), "no tunes\n")
	write(t, path("d.json"), `{"train": [[[60]]`)
	for _, c := range []struct {
		path string
		grid int
		want string
	}{
		{"none", 1, "none"},
		{"a.mid", 0, "a.mid: 0 steps per quarter note, want 1 to 64"},
		{"a.mid", 65, "65 steps per quarter note"},
		{"a.txt", 1, "a.txt: want a folder or a file .json, .abc, .mid"},
		{"bad.mid", 1, `bad.mid: byte 0: no MIDI file: it begins with "no MIDI"`},
		{"bad.mid.gz", 1, "bad.mid.gz: gzip, after"},
		{"empty", 1, "empty: no piece of music in it"},
		{"most", 1, "most: 2 of 3 pieces cannot be read, the first: " + path("most/2.mid") + ": byte 0: the file is empty"},
		{"book.abc", 1, "book.abc: no tune (no field X: or K:)"},
		{"d.json", 1, "d.json: train, byte 17: unexpected"},
	} {
		d, err := Open(path(c.path), c.grid, &infile.Budget{})
		if err == nil || !strings.Contains(err.Error(), c.want) || d != nil {
			t.Errorf("%s: error %v, want %q", c.path, err, c.want)
		}
	}
	if d := mustOpen(t, path("half"), 1); len(d.All) != 1 || len(d.Skipped) != 1 || d.Skipped[0] != path("half/2.mid")+": the file has no notes" {
		t.Errorf("%d pieces, left out: %q", len(d.All), d.Skipped)
	}
	if _, err := Open(path("half"), 1, &infile.Budget{Max: 100}); err == nil || !strings.Contains(err.Error(), "1.mid: the data take more than the limit of 100 bytes") {
		t.Errorf("a budget that is too small: error %v", err)
	}
	for _, name := range []string{"a.json", "a.ABC", "a.mid.gz", "A.RMI", "b.midi", "c.kar"} {
		if !Is(name) {
			t.Errorf("%s is not taken for music", name)
		}
	}
	if Is("a.txt") || Is("mid") || Is("a.gz") {
		t.Error("other files are taken for music")
	}
}

// Small files that stand for whole kinds of what people have, and what is right for each.
func TestOpenKinds(t *testing.T) {
	x := func(s string) string {
		b, err := hex.DecodeString(strings.ReplaceAll(s, " ", ""))
		if err != nil {
			t.Fatal(err)
		}
		return string(b)
	}
	two := "00903c40 8360803c00 00904040 8360804000"
	head := func(n string) string { return "4d546864 00000006 " + n }
	tune := "X:1\nM:4/4\nL:1/8\nK:G\n"
	for _, c := range []struct{ file, text, want, note string }{
		{"more tracks.mid", x(head("0001 0001 01e0 4d54726b 00000016") + two + "00ff2f00 4d54726b 00000016 00904840 8360804800 00904c40 8360804c00 00ff2f00"),
			"C4.C5. E4.E5.", "1 tracks, 2 are there"},
		{"running status.mid", x(head("0000 0001 01e0 4d54726b 00000019 00903c40 83603c00 00ff0102252b 00404083604000 00ff2f00")), "C4. E4.", ""},
		{"time code.mid", x(head("0000 0001 e728 4d54726b 00000016") + two + "00ff2f00"), "C4. E4.", ""},
		{"no end.mid", x(head("0000 0001 01e0 4d54726b 00000012") + two), "C4. E4.", ""},
		{"cut off.mid", x(head("0001 0002 01e0 4d54726b 00000016") + two + "00ff2f00 4d54726b 00000388" + two + "0090"), "C4. E4.", "the file ends in the middle"},
		{"low note.mid", x(head("0000 0001 01e0 4d54726b 0000001f") + two + "00901440 8360801400 00ff2f00"), "C4. E4. ", "1 notes outside 21..108"},
		{"song", x(head("0000 0001 01e0 4d54726b 00000016") + two + "00ff2f00"), "C4. E4.", ""},
		{"riff.rmi", "RIFF\x00\x00\x00\x00RMIDdata\x00\x00\x00\x00" + x(head("0000 0001 01e0 4d54726b 00000016")+two+"00ff2f00"), "C4. E4.", ""},
		{"one tick.mid", x(head("0000 0001 0001 4d54726b 0000000c 00903c40 01803c00 00ff2f00")), "C4.", ""},
		{"nested.mid", x(head("0000 0001 01e0 4d54726b 00000017 00903c40 8360903c40 8360803c00 8360803c00 00ff2f00")), "C4. C4. ", ""},
		{"tempo.mid", x(head("0001 0002 01e0 4d54726b 00000013 00ff510307a120 8360ff51030f4240 00ff2f00 4d54726b 00000016") + two + "00ff2f00"), "C4. E4.", "1 files have a tempo of their own, which is lost"},
		{"usual tempo.mid", x(head("0000 0001 01e0 4d54726b 0000001d 00ff510307a120") + two + "00ff2f00"), "C4. E4.", ""},
		{"triplet.mid", x(head("0000 0001 01e0 4d54726b 0000001f 00903c40 8120803c00 00904040 8120804000 00904340 8120804300 00ff2f00")), "C4.E4. G4.",
			"2 notes begin more than a quarter of a step off the grid of 1 steps a quarter note"},
		{"parts.abc", "X:1\nP:AB\nM:4/4\nL:1/8\nK:G\nP:A\nG2B2|\nP:B\nc2e2|\n", "G4. B4. C5. E5.", ""},
		{"tie.abc", "X:1\nM:6/8\nL:1/8\nK:G\nG2 -G2A2|B2|\n", "G4. G4. A4. B4.", ""},
		{"chord text.abc", tune + "\"Play twice\"G2B2|\n", "G4. B4.", "1 texts in quotation marks"},
		{"overlay.abc", tune + "G4&B4|\n", "G4.B4. G4.B4.", ""},
		{"chord lengths.abc", tune + "[G2B4]c2e2|\n", "G4.B4. C5. E5.", "1 notes of chords differ in length"},
		{"cr.abc", strings.ReplaceAll(tune+"G2B2|\n", "\n", "\r"), "G4. B4.", ""},
		{"old tempo.abc", "X:1\nM:4/4\nL:1/8\nQ:C=120\nK:C\nC2E2|\n", "C4. E4.", ""},
		{"chords.abc", "X:1\nL:1/4\nK:C\n\"Am7b5\"C \"C13\"E \"Cmaj7#11\"C \"C/E\"E|\n", "A2.G3.C4. C2.E3.A#3.E4. C2.E3.B3.C4. E2.G3.C4.E4.", ""},
		{"history.abc", "X:1\nH:some text\n  more lines of history here\nM:4/4\nL:1/4\nK:C\nCE|\n", "C4. E4.", ""},
		{"key.abc", "X:1\nM:4/4\nL:1/4\nK:g\nCF|\n", "C4. F#4.", "1 keys are one small letter"},
		{"unison.json", `{"train": [[[60, 64, 67, 67]]]}`, "C4.E4.G4.", ""},
		{"rest.json", `{"train": [[[-1, 60], [-1]]]}`, "C4. ", ""},
	} {
		t.Run(c.file, func(t *testing.T) {
			d := mustOpen(t, write(t, filepath.Join(t.TempDir(), c.file), c.text), 1)
			if len(d.All) != 1 || len(d.Skipped) > 0 {
				t.Fatalf("%d pieces, left out: %q", len(d.All), d.Skipped)
			}
			if got := strings.SplitN(hears(d.All), " ", 2+strings.Count(c.file, " "))[1+strings.Count(c.file, " "):]; strings.HasSuffix(c.file, "json") {
				if want := "0 " + c.want; hears(d.All) != want {
					t.Errorf("got %q, want %q", hears(d.All), want)
				}
			} else if got[0] != c.want {
				t.Errorf("got %q, want %q", got[0], c.want)
			}
			if text := strings.Join(d.Notes, "; "); !strings.Contains(text, c.note) || (text == "") != (c.note == "") {
				t.Errorf("notes %q, want %q", text, c.note)
			}
		})
	}
}

// Small files that ask for hours are left out, with the reason, and cost nothing.
func TestOpenBombs(t *testing.T) {
	dir := t.TempDir()
	bomb := "\x00\x90\x3c\x40\x9d\xfd\xf2\x00\x80\x3c\x00" + eot
	for i := range 5 {
		write(t, filepath.Join(dir, fmt.Sprintf("bomb%d.mid", i)), midiText(0, 480, bomb))
	}
	_, err := Open(dir, 2, &infile.Budget{})
	if err == nil || !strings.Contains(err.Error(), "5 of 5 pieces cannot be read") || !strings.Contains(err.Error(), "131000 quarter notes of time for 1 notes, want at most 1088") {
		t.Errorf("error %v", err)
	}
	for i := range 5 {
		write(t, filepath.Join(dir, fmt.Sprintf("long%d.mid", i)), midiText(0, 1, strings.Replace(bomb, "\x9d\xfd\xf2\x00", "\x88\x20", 1)))
	}
	b := &infile.Budget{Max: 1 << 13}
	d, err := Open(dir, MaxGrid, b)
	if err != nil || len(d.All) != 5 || len(d.Skipped) != 5 || d.All[0].Steps() != 1056*MaxGrid {
		t.Fatalf("%v, %v", d, err)
	}
	if used := b.Limit() - b.Left(); used > 5*(pieceBytes+spanBytes) {
		t.Errorf("%d bytes are taken for 5 notes", used)
	}
}

// A book of any size is read.
func TestOpenLargeBook(t *testing.T) {
	var b strings.Builder
	const tunes = 8000
	for i := range tunes {
		fmt.Fprintf(&b, "X:%d\nT:t\nM:4/4\nL:1/8\nK:G\n|:GABc dedB|dedB dedB|c2ec B2dB|c2A2 A2BA:|\n%%%%%s\n\n", i, strings.Repeat(" a directive", 10))
	}
	if b.Len() < 1<<20 {
		t.Fatal(b.Len())
	}
	d := mustOpen(t, write(t, filepath.Join(t.TempDir(), "big.abc"), b.String()), 2)
	if len(d.All) != tunes || len(d.Skipped) > 0 || d.All[tunes-1].Steps() != 64 || d.All[1].Name == d.All[0].Name {
		t.Errorf("%d pieces of %d steps, left out: %d", len(d.All), d.All[0].Steps(), len(d.Skipped))
	}
	if want := []string{fmt.Sprintf("%d pieces are the same as one before them, the first: %.80q as %.80q", tunes-1, d.All[1].Name, d.All[0].Name)}; !reflect.DeepEqual(d.Notes, want) {
		t.Errorf("notes %q, want %q", d.Notes, want)
	}
}
