package music

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/elbow-go/elbow/internal/infile"
)

// Books as they are found: what is read of them, what is left out and why, and what is said.
func TestABCBooks(t *testing.T) {
	tune := "X:1\nT:a\nL:1/4\nK:C\n"
	for _, c := range []struct {
		name, text    string
		want          []string // names and titles, and what is heard in quarters
		skipped, note string
	}{
		{"a header for all tunes, free text", "M:3/4\nL:1/4\n\nX:7\nT:a\nK:C\nC D\n% comment\nE\n\nfree text: no tune\n\nX:8\nT:b\nK:C\nC2\nX:9\nT:c\nL:1/8\nK:C\nC2",
			[]string{"f#7 a: C4 D4 E4", "f#8 b: C4 C4-", "f#9 c: C4"}, "", ""},
		{"text before the first tune", "Tunes of mine\nL: Miller, 1990\nK: what?\n\n" + tune + "C", []string{"f a: C4"}, "", "1 fields before a tune are not understood"},
		{"CR", strings.ReplaceAll(tune+"C D|\nE F|", "\n", "\r"), []string{"f a: C4 D4 E4 F4"}, "", ""},
		{"CRLF and blanks", "  " + strings.ReplaceAll(tune+"C\nX:2\nK:C\nD4\n \n", "\n", " \r\n  "), []string{"f#1 a: C4", "f#2 : D4 D4-"}, "", ""},
		{"UTF-16", "\xff\xfe" + strings.Join(strings.Split(tune+"C", ""), "\x00") + "\x00", []string{"f a: C4"}, "", ""},
		{"no X:", "T:a\nL:1/4\nK:C\nC\n\nT:b\nL:1/4\nK:C\nD\n", []string{"f#line3 a: C4", "f#line8 b: D4"}, "", ""},
		{"numbers twice", tune + "C\n\n" + tune + "D\n\n" + tune + "E", []string{"f#1 a: C4", "f#1.2 a: D4", "f#1.3 a: E4"}, "", ""},
		{"no K:", "X:1\nT:a\nM:4/4\nL:1/4\nC D | E F |\n", []string{"f a: C4 D4 E4 F4"}, "", "1 tunes have no key (K:)"},
		{"history over lines", "X:1\nT:a\nH:some text\n  more lines of history here\nL:1/4\nK:C\nC", []string{"f a: C4"}, "", ""},
		{"empty lines in the header and before the music", "X:1\n\nT:a\n\nL:1/4\nK:C\n\nC\n", []string{"f a: C4"}, "", ""},
		{"music after an empty line", tune + "C\n\nD E | F |\n\nand some words | too\n", []string{"f a: C4"}, "", "1 lines look like music and are not read"},
		{"a part order", "X:1\nP:A(AB)2C\nL:1/4\nK:C\nc|\nP:A\n|:C:|\nP:B\nD|\nP:C\nE", []string{"f : C5 C4 C4 C4 C4 D4 C4 C4 D4 E4"}, "", ""},
		{"a part order without parts", "X:1\nP:AAB\nL:1/4\nK:C\n|:C:| D", []string{"f : C4 C4 D4"}, "", "1 part orders (P:) name parts that are not there"},
		{"a part order that is text", "X:1\nP:AABA last time\nL:1/4\nK:C\n|:C:| D", []string{"f : C4 C4 D4"}, "", "1 part orders (P:) are text"},
		{"a part with a mark in it, one without notes", "X:1\nP:AAC\nL:1/4\nK:C\nP:A\nC\nP:segno\nD\nP:B\nE\nP:C\n", []string{"f : C4 D4 C4 D4"}, "", ""},
		{"a part that is there twice", "X:1\nP:ABA\nL:1/4\nK:C\nP:A\nC\nP:B\nD\nP:A\nE", []string{"f : C4 D4 C4"}, "", ""},
		{"parts of several voices", "X:1\nP:BA\nL:1/4\nV:1\nV:2\nK:C\nP:A\nV:1\nC D\nV:2\nE F\nP:B\nV:1\nG\nV:2\nA", []string{"f : G4+A4 C4+E4 D4+F4"}, "", ""},
		{"parts of voice after voice", "X:1\nP:BA\nL:1/4\nK:C\nV:1\nP:A\nC D\nP:B\nG\nV:2\nP:A\nE F\nP:B\nA", []string{"f : G4+A4 C4+E4 D4+F4"}, "", ""},
		{"a key as one small letter", "X:1\nL:1/4\nK:g\nF", []string{"f : F#4"}, "", "1 keys are one small letter"},
		{"texts that are no chords", tune + `"Play twice"C "Hm"D "^x"E "e"F "A a"G "dim."A`, []string{"f a: C4 D4 E4 F4 G4 A4"}, "", "5 texts in quotation marks are no chord symbols"},
		{"jumps", tune + "C !D.S.!D !coda!E", []string{"f a: C4 D4 E4"}, "", "2 jumps"},
		{"notes between steps", "X:1\nL:1/8\nK:C\nC D E F", []string{"f : C4 E4"}, "", "2 notes fall between two of 1 steps to the quarter note"},
		{"one tune of three is not readable", tune + "C\n\nX:2\nT:b\nK:C\nC C3/0 |\nD\n\nX:3\nT:c\nL:1/4\nK:C\nE", []string{"f#1 a: C4", "f#3 c: E4"}, `f: tune 2 "b", line 10, column 3: the length of the note is no fraction of small numbers`, ""},
		{"percussion only", "X:1\nT:a\nK:C clef=perc\nC", nil, `f: tune 1 "a", line 1: the tune has no notes`, "1 notes of percussion voices are left out"},
		{"no tune", "hello\nworld", nil, "", "f: no tune"},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := &finder{grid: 1, budget: &infile.Budget{}}
			if err := f.parseABC("f", []byte(c.text)); err != nil {
				t.Fatal(err)
			}
			for _, r := range f.remarks {
				f.notes = append(f.notes, fmt.Sprintf("%d %s; %s", r.count, r.what, r.place))
			}
			if got := strings.Join(f.skipped, "\n"); got != c.skipped {
				t.Errorf("left out %q, want %q", got, c.skipped)
			}
			if got := strings.Join(f.notes, "\n"); !strings.Contains(got, c.note) || (got == "") != (c.note == "") {
				t.Errorf("notes %q, want %q", got, c.note)
			}
			tunes, _ := ParseABC("f", []byte(c.text))
			var got []string
			for i, tune := range tunes {
				got = append(got, tune.Name+" "+tune.Title+": "+heard(tune, 1))
				if i >= len(f.pieces) || f.pieces[i].Name != tune.Name {
					t.Errorf("piece %d is not %q", i, tune.Name)
				}
			}
			if !slices.Equal(got, c.want) {
				t.Errorf("\n got %q\nwant %q", got, c.want)
			}
		})
	}
}

// Each tune that is not read says why, where, and briefly.
func TestABCErrors(t *testing.T) {
	k := header("C") // five lines
	for _, c := range []struct{ text, want string }{
		{"X:1\nT:t\n", "the tune has no field K: and no music"},
		{k + "\n", "t.abc: tune 1 \"t\", line 1: the tune has no notes"},
		{k + "|: :|", "the tune has no notes"},
		{k + "z4 | z4", "the tune has no notes"},
		{"X:1\nM:fast\nK:C\nC", "line 3, column 3: no unit length (L:), and the metre is not understood"},
		{"X:1\nL:1/7777\nK:C\nC", `t.abc: tune 1, line 2, column 3: unit length "1/7777"`},
		{"X:1\nL:x\nK:C\nC", `line 2, column 3: unit length "x"`},
		{"X:1\nK:H\nC", `t.abc: tune 1, line 2, column 3: key "H" is not known`},
		{"X:1\nK:Gfoo\nC", `line 2, column 3: mode "foo" is not known`},
		{"X:1\nK:C octave=99\nC", `octave=99, want a number within ±4`},
		{"X:1\nV:\nK:C\nC", `a voice without a name`},
		{"X:1\nV:1 octave=x\nK:C\nC", `octave=x, want a number`},
		{"X:1\nK:C |: C D :|\nE", "music in the field of the key"},
		{k + "V:1 C D|E\nE", "music in the field of the voice"},
		{k + "C D 3 E", `t.abc: tune 1 "t", line 6, column 5: unexpected '3'`},
		{k + "C ' D", `line 6, column 3: unexpected '\''`},
		{k + "C |! D 3 E", `line 6, column 8: unexpected '3'`},
		{k + "C ^ D", `line 6, column 3: an accidental without a note`},
		{k + "C ^^^D", `an accidental without a note`},
		{k + "C ^/D", `an accidental without a note`}, // a quarter tone
		{k + "C [CE", `the chord "[CE" does not end`},
		{k + "C [C | E]", `want a note or ] in the chord`},
		{k + "[" + strings.Repeat("C", 65) + "]", `a chord of more than 64 notes`},
		{k + "[" + strings.Repeat("C", 999), `a chord that does not end`},
		{k + "C \"Am", `line 6, column 3: a quotation that does not end`},
		{k + "C {ab D", `line 6, column 3: grace notes that do not end`},
		{k + "C [K:G D", `an inline field that does not end`},
		{k + "C [K:Q]D", `line 6, column 6: key "Q" is not known`},
		{k + "C\nL:x\nD", `line 7, column 3: unit length "x"`},
		{k + "C |0 D", `the number of an ending is outside 1..32`},
		{k + "C |33 D", `the number of an ending is outside 1..32`},
		{k + "C |2 D |]", `line 6: voice 1: no ending for repeat 1`},
		{k + "|: C |1 D :|3 E |: F", `voice 1: no ending for repeat 2`},
		{k + "|: C |1 D :|2 E | F |1 G :|2 A", `voice 1: an ending after the last ending`},
		{k + "> C", `broken rhythm needs a note before it`},
		{k + "C | > D", `broken rhythm needs a note`},
		{k + "C >", `voice 1: broken rhythm without a note after it`},
		{k + "C >>>> D", `broken rhythm`},
		{k + "C > < D", `broken rhythm`},
		{k + "(1C", `want a tuplet`},
		{k + "(10C", `want a tuplet`},
		{k + "(3C (3D", `a tuplet within a tuplet`},
		{k + "C (& D |", `layers of several bars`},
		{k + strings.Repeat("C &", 18), `more than 16 layers`},
		{k + "C0", `the length of the note is no fraction`},
		{k + "C/0", `the length of the note`},
		{k + "C/2/", `the length of the note`},
		{k + "C//2", `the length of the note`},
		{k + "C99999999999999999999", `the length of the note`},
		{k + "C/99999999999999999999", `the length of the note`},
		{k + "C" + strings.Repeat("/", 99), `the length of the note`},
		{k + "[C9999]9999", `the length of the note`},
		{k + "C/17", `the length of the note`},
		{k + "C4096C4097", `line 6, column 6: the voice is longer than 1024 whole notes`},
		{k + "|:C8000:|", "is longer than 1024 whole notes when it is played"},
		{k + "C Z", `a rest of whole bars that does not begin at a bar line`},
		{k + "Z99999", `the voice is longer`},
		{"X:1\nM:none\nK:C\nZ", `a rest of whole bars without a metre`},
		{k + "m:C = " + strings.Repeat("C", 9999) + "\n" + strings.Repeat("C", 99), "macros make the line longer than 65536 bytes"},
		{k + "m:Cn = " + strings.Repeat("n", 9999) + "\n" + strings.Repeat("CD", 99), "macros make the line longer than 65536 bytes"},
	} {
		list, skipped := ParseABC("t.abc", []byte(c.text))
		if len(skipped) != 1 || !strings.HasPrefix(skipped[0], "t.abc: tune 1") || !strings.Contains(skipped[0], c.want) || len(skipped[0]) > 200 {
			t.Errorf("%.60q: left out %q, want %q", c.text, skipped, c.want)
		}
		if len(list) != 0 {
			t.Errorf("%.60q: tunes beside the reason", c.text)
		}
	}
}

// The work is bounded by the size of the file: many long notes at once, many double bars,
// macros, chords that do not end, repeats of repeats.
func TestABCLargeFiles(t *testing.T) {
	bars := strings.Repeat("[C-D-E-F-G-A-B-c-d-e-f-g-a-b-]16 |", 1000)
	text := "X:1\nL:1/64\nK:C\n"
	for v := range 25 {
		text += fmt.Sprintf("V:%d\n%s\n", v, bars)
	}
	r, struck := parseOne(t, text).Rolls(16)
	if len(r) != 16000 || len(r[len(r)-1]) != 14 || len(struck[0]) != 14 || len(struck[1]) != 0 {
		t.Errorf("%d steps, first %v, last %v", len(r), struck[0], r[len(r)-1])
	}
	n := 100000
	r, _ = parseOne(t, "X:1\nL:1/64\nK:C\n"+strings.Repeat("C/16||", n)).Rolls(1)
	if want := (4*n + 1023) / 1024; len(r) != want {
		t.Errorf("%d steps, want %d", len(r), want)
	}
	for _, text := range []string{
		"P:((((((((A9)9)9)9)9)9)9)9\nK:C\nP:A\n" + strings.Repeat("|:C/32:|", 2000),
		"K:C\n" + strings.Repeat("[C\n", n),
		"K:C\n" + strings.Repeat("^!", n),
		"K:C\n" + strings.Repeat("\"A\"", n) + strings.Repeat("-", n),
		"K:C\n" + strings.Repeat("+CE+", n),
		"K:C\n" + strings.Repeat("[\"", n),
		"K:C\n" + strings.Repeat("C & ", 10) + strings.Repeat("|32 C", n),
		"K:C\n" + strings.Repeat("|:C/32|1-32 ", n),
		strings.Repeat("m:C = CC\n", 200) + "K:C\n" + strings.Repeat("C D", 2000),
		"K:C\n" + strings.Repeat("V:1\nP:A\n", n),
	} {
		ParseABC("t.abc", []byte("X:1\n"+text))
	}
}

func FuzzParseABC(f *testing.F) {
	for _, name := range trainTunes {
		data, err := tuneFiles.ReadFile("tunes/" + name + ".abc")
		if err != nil {
			f.Fatal(err)
		}
		f.Add(string(data))
	}
	f.Add(header("C") + "|: (3C2>D2E | [1,3 \"Am/e\"z2 :|[2 {g}[^C-E]/ Z2 |] [V:2] x")
	f.Add("X:1\nP:A(AB)2\nm:~n2=n/o/\nK:g\nP:A\n+CE+ ~G2 & C !x! D |! K:D exp _b !F\nP:B\n[\"x\"C|1 D -E :|\n\nX:2\nT:a\nC|D|")
	f.Fuzz(func(t *testing.T, text string) {
		p := &finder{grid: 4, budget: &infile.Budget{}}
		if err := p.parseABC("f", []byte(text)); err != nil {
			t.Fatal(err)
		}
		list, skipped := ParseABC("f", []byte(text))
		if len(p.pieces)+len(p.skipped) != len(list)+len(skipped) || len(p.pieces) > len(list) {
			t.Fatalf("%d pieces and %q left out, %d tunes and %q left out", len(p.pieces), p.skipped, len(list), skipped)
		}
		for _, tune := range list {
			if tune.ticks > maxTicks {
				t.Fatalf("%d ticks", tune.ticks)
			}
			sounding, struck := tune.Rolls(1)
			for _, r := range []Roll{sounding, struck} {
				if err := r.Check(); err != nil {
					t.Error(err)
				}
			}
		}
	})
}

func ExampleParseABC() {
	tunes, _ := ParseABC("scale.abc", []byte("X:1\nT:A scale\nL:1/4\nK:D\n\"D\"D E \"A\"F G |\n"))
	sounding, _ := tunes[0].Rolls(1) // quarter notes
	for _, step := range sounding {
		fmt.Println(NoteName(step[0]), NoteName(step[1]), NoteName(step[2]), NoteName(step[3]))
	}
	// Output:
	// D2 F#3 A3 D4
	// D2 F#3 A3 E4
	// A2 E3 C#4 F#4
	// A2 E3 C#4 G4
}
