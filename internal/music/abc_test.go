package music

import (
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
)

// parseOne reads a tune with the given fields between X: and K:, and music after it.
func parseOne(t *testing.T, text string) *Tune {
	t.Helper()
	list, err := ParseABC("t.abc", []byte(text))
	if err != nil {
		t.Fatalf("%v\n%.400s", err, text)
	}
	if len(list) != 1 {
		t.Fatalf("%d tunes, want 1", len(list))
	}
	return list[0]
}

// heard writes down what a tune sounds: "C4 C4- E4+G4 .": a step each, notes of a step
// joined by +, a dash after a note that is held from the step before, a dot for silence.
func heard(t *Tune, stepsPerQuarter int) string {
	sounding, struck := t.Rolls(stepsPerQuarter)
	var steps []string
	for i, notes := range sounding {
		var names []string
		for _, n := range notes {
			name := NoteName(n)
			if !slices.Contains(struck[i], n) {
				name += "-"
			}
			names = append(names, name)
		}
		if len(names) == 0 {
			names = []string{"."}
		}
		steps = append(steps, strings.Join(names, "+"))
	}
	return strings.Join(steps, " ")
}

func header(key string) string { return "X:1\nT:t\nM:4/4\nL:1/8\nK:" + key + "\n" }

// Each line: key, music, what is heard in eighths.
func TestABCMusic(t *testing.T) {
	for _, c := range []struct{ name, key, music, want string }{
		{"octaves", "C", "C,, C, C c c' c'' | B, b", "C2 C3 C4 C5 C6 C7 B3 B5"},
		{"marks cancel", "C", "c, C'", "C4 C5"},
		{"accidentals", "C", "^C _D =E ^^F __G", "C#4 C#4 E4 G4 F4"},
		{"accidental holds in the bar, all octaves", "C", "^F F f G | F", "F#4 F#4 F#5 G4 F4"},
		{"natural", "G", "F =F F | F", "F#4 F4 F4 F#4"},
		{"lengths", "C", "C2 D1 E/2 E/ F// F/4 F/2 z", "C4 C4- D4 E4 F4 ."}, // F// falls between two steps
		{"fractions", "C", "C3/2 D/2 E6/2 F2/1", "C4 C4- E4 E4- E4- F4 F4-"},
		{"rests", "C", "C z x2 D z/2z/2 E", "C4 . . . D4 . E4"},
		{"bar rests", "C", "C8 | Z | C4 z4 | Z2 | C", "C4" + strings.Repeat(" C4-", 7) + strings.Repeat(" .", 8) + " C4 C4- C4- C4-" + strings.Repeat(" .", 20) + " C4"},
		{"chords", "C", "[CEG]2 [C2E2] [^Ce]", "C4+E4+G4 C4-+E4-+G4- C4+E4 C4-+E4- C#4+E5"},
		{"chord or field right after a bar line", "C", "F|[CE]2|[K:G]F|[^CE]", "F4 C4+E4 C4-+E4- F#4 C#4+E4"},
		{"tie", "C", "C2- C D- | D E-E", "C4 C4- C4- D4 D4- E4 E4-"},
		{"tie keeps the accidental", "C", "^F- | F F", "F#4 F#4- F4"},
		{"tie in chords", "C", "[C-E] [CE] [CG]- [CG]", "C4+E4 C4-+E4 C4+G4 C4-+G4-"},
		{"slur is no tie", "C", "(C C) (.D E)", "C4 C4 D4 E4"},
		{"broken", "C", "C2>D2 E2<F2 G4>>A4", "C4 C4- C4- D4 E4 F4 F4- F4- G4 G4- G4- G4- G4- G4- G4- A4"},
		{"broken rest", "C", "z2 > C2 D2 < z2", ". . . C4 D4 . . ."},
		{"triplet", "C", "(3C2D2E2 (3:2:3 F2G2A2", "C4 C4- D4 E4 F4 F4- G4 A4"},
		{"duplet in 4/4 and quadruplet", "C", "(2CD (4E2F2G2A2", "C4 C4- D4 E4 E4- F4 G4 G4- A4"},
		{"quintuplet with q and r", "C", "(5:4:5 C2D2E2F2G2", "C4 C4- D4 D4- E4 F4 F4- G4"},
		{"bars", "C", "C | D || E |] F [| G .| A [|] B", "C4 D4 E4 F4 G4 A4 B4"},
		{"repeat", "C", "|: C D :| E", "C4 D4 C4 D4 E4"},
		{"repeat from the start", "C", "C D :| E :|", "C4 D4 C4 D4 E4 E4"},
		{"repeat from a double bar", "C", "C || D :|", "C4 D4 D4"},
		{"double bar inside a repeat", "C", "|: C || D :|", "C4 D4 C4 D4"},
		{"two repeats", "C", "|: C :: D :|: E :|", "C4 C4 D4 D4 E4 E4"},
		{"repeat over lines", "C", "|: C :|\n|: D\n:|", "C4 C4 D4 D4"},
		{"endings", "C", "|: C |1 D :|2 E || F", "C4 D4 C4 E4 F4"},
		{"endings in brackets", "C", "C [1 D :| [2 E |] F", "C4 D4 C4 E4 F4"},
		{"ending closed by a repeat sign", "C", "|: C |1 D :|2 E :| F", "C4 D4 C4 E4 F4"},
		{"three endings", "C", "|: C [1,3 D :|[2 E :| F", "C4 D4 C4 E4 C4 D4 F4"},
		{"range of endings", "C", "|: C [1-2 D :|[3 E |]", "C4 D4 C4 D4 C4 E4"},
		{"endings twice", "C", "|: C [1 D :|[2 E |: F [1 G :|[2 A |]", "C4 D4 C4 E4 F4 G4 F4 A4"},
		{"long endings", "C", "|: C [1 D | E :|[2 F | G |: A :|", "C4 D4 E4 C4 F4 G4 A4 A4"},
		{"tie into an ending", "C", "|: C- [1 C :|[2 C |]", "C4 C4- C4 C4-"},
		{"line end and spaces", "C", "CD`EF\\\nGA yB $c", "C4 D4 E4 F4 G4 A4 B4 C5"},
		{"graces, decorations, annotations", "C", "{gag}C !trill!D ~E .F uG +fermata+A \"^slow\"B \"_x\"c", "C4 D4 E4 F4 G4 A4 B4 C5"},
		{"comment", "C", "C % D | E", "C4"},
		{"lyrics", "C", "C D\nw: doo be % doo\nE", "C4 D4 E4"},
		{"letter and repeat at the line start", "C", "|:C\nD:|", "C4 D4 C4 D4"},
		{"inline key", "C", "F [K:G] F [K:C] F", "F4 F#4 F4"},
		{"inline unit", "C", "C [L:1/4] C [L:1/8] C", "C4 C4 C4- C4"},
		{"key line", "C", "F |\nK:D\nF C", "F4 F#4 C#4"},
		{"clef change keeps the key", "G", "F [K:clef=bass] F", "F#4 F#4"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := heard(parseOne(t, header(c.key)+c.music+"\n"), 2); got != c.want {
				t.Errorf("%s\n got %s\nwant %s", c.music, got, c.want)
			}
		})
	}
}

func TestABCKeys(t *testing.T) {
	scale := "C D E F G A B"
	for key, want := range map[string]string{
		"":                                 "C4 D4 E4 F4 G4 A4 B4",
		"none":                             "C4 D4 E4 F4 G4 A4 B4",
		"C":                                "C4 D4 E4 F4 G4 A4 B4",
		"HP":                               "C4 D4 E4 F4 G4 A4 B4",
		"Hp":                               "C#4 D4 E4 F#4 G4 A4 B4",
		"G":                                "C4 D4 E4 F#4 G4 A4 B4",
		"G major":                          "C4 D4 E4 F#4 G4 A4 B4",
		"Em":                               "C4 D4 E4 F#4 G4 A4 B4",
		"E minor":                          "C4 D4 E4 F#4 G4 A4 B4",
		"Emin":                             "C4 D4 E4 F#4 G4 A4 B4",
		"EAeolian":                         "C4 D4 E4 F#4 G4 A4 B4",
		"Ador":                             "C4 D4 E4 F#4 G4 A4 B4",
		"A Dorian":                         "C4 D4 E4 F#4 G4 A4 B4",
		"Dmix":                             "C4 D4 E4 F#4 G4 A4 B4",
		"B phrygian":                       "C4 D4 E4 F#4 G4 A4 B4",
		"Clyd":                             "C4 D4 E4 F#4 G4 A4 B4",
		"F#loc":                            "C4 D4 E4 F#4 G4 A4 B4",
		"GIon":                             "C4 D4 E4 F#4 G4 A4 B4",
		"Bb":                               "C4 D4 D#4 F4 G4 A4 A#4",
		"Cm":                               "C4 D4 D#4 F4 G4 G#4 A#4",
		"C#":                               "C#4 D#4 F4 F#4 G#4 A#4 C5",
		"Cb":                               "B3 C#4 D#4 E4 F#4 G#4 A#4",
		"D exp _b _e":                      "C4 D4 D#4 F4 G4 A4 A#4",
		"Am ^g":                            "C4 D4 E4 F4 G#4 A4 B4",
		"D =c":                             "C4 D4 E4 F#4 G4 A4 B4",
		"C bass":                           "C4 D4 E4 F4 G4 A4 B4",
		"C treble-8":                       "C3 D3 E3 F3 G3 A3 B3",
		"C clef=alto":                      "C4 D4 E4 F4 G4 A4 B4",
		"C octave=1":                       "C5 D5 E5 F5 G5 A5 B5",
		"C transpose=2":                    "D4 E4 F#4 G4 A4 B4 C#5",
		"C treble+8 middle=d stafflines=5": "C5 D5 E5 F5 G5 A5 B5",
		"clef=bass":                        "C4 D4 E4 F4 G4 A4 B4",
	} {
		if got := heard(parseOne(t, header(key)+scale), 2); got != want {
			t.Errorf("K:%s\n got %s\nwant %s", key, got, want)
		}
	}
}

func TestABCHeader(t *testing.T) {
	tune := parseOne(t, "\ufeff%abc-2.1\r\nX:1\r\nT:One\r\nT:Two\r\nC:Someone (1600-1700)\r\nO:Somewhere, 1650\r\nN:note\r\nZ:z\r\nR:reel\r\nQ:\"Allegro\" 3/8=80\r\nM:6/8\r\nK:C\r\nC6 |\r\n")
	if tune.Title != "One; Two" || tune.Composer != "Someone (1600-1700)" || tune.Origin != "Somewhere, 1650" || tune.Notes != "note" || tune.Name != "t.abc" {
		t.Errorf("got %+v", tune)
	}
	if tune.Tempo != 120 {
		t.Errorf("tempo %v, want 3/8=80, which is 120 quarters", tune.Tempo)
	}
	for q, want := range map[string]float64{
		"": 120, "Q:1/4=90\n": 90, "Q:1/2=60\n": 120, "Q:1/4 1/8=40\n": 60, "Q:\"slow\"\n": 120, "L:1/8\nQ:100\n": 50, "Q:100\n": 100,
	} {
		if got := parseOne(t, "X:1\n"+q+"K:C\nC").Tempo; got != want {
			t.Errorf("%q: tempo %v, want %v", q, got, want)
		}
	}
	// Without L: the metre decides.
	for m, want := range map[string]int{"M:2/4\n": 1, "M:3/4\n": 2, "M:6/8\n": 2, "": 2, "M:none\n": 2, "M:C|\n": 2, "M:(2+3)/16\n": 1} {
		r, _ := parseOne(t, "X:1\n"+m+"K:C\nC").Rolls(4)
		if len(r) != want {
			t.Errorf("%q: a note of unit length lasts %d sixteenths, want %d", m, len(r), want)
		}
	}
}

func TestABCFile(t *testing.T) {
	text := "M:3/4\nL:1/4\n\nX:7\nT:a\nK:C\nC D\n% comment\nE\n\nfree text: no tune\n\nX:8\nT:b\nK:C\nC2\nX:9\nT:c\nL:1/8\nK:C\nC2"
	list, err := ParseABC("f", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, tune := range list {
		got = append(got, tune.Name+" "+tune.Title+": "+heard(tune, 1))
	}
	want := []string{"f#7 a: C4 D4 E4", "f#8 b: C4 C4-", "f#9 c: C4"}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestABCVoices(t *testing.T) {
	tune := parseOne(t, "X:1\nM:2/4\nL:1/8\nV:up name=\"Upper voice\"\nV:low clef=bass octave=-1\nK:G\nV:up\nF2 G2 | A4 |\nV:low\nF4 | [V:up] [M:3/4] B6 [V:low] C4 |")
	if got, want := heard(tune, 2), "F#3+F#4 F#3-+F#4- F#3-+G4 F#3-+G4- C3+A4 C3-+A4- C3-+A4- C3-+A4- B4 B4- B4- B4- B4- B4-"; got != want {
		t.Errorf("\n got %s\nwant %s", got, want)
	}
	want := []Bar{
		{"up", 8, 0.5, 0.5, true}, {"up", 8, 0.5, 0.5, false}, {"up", 10, 0.75, 0.75, true},
		{"low", 10, 0.5, 0.5, true}, {"low", 10, 0.5, 0.5, true},
	}
	if !reflect.DeepEqual(tune.Bars, want) {
		t.Errorf("\n got %+v\nwant %+v", tune.Bars, want)
	}
	// Each voice repeats for itself.
	tune = parseOne(t, "X:1\nL:1/4\nK:C\nV:1\n|: C D :|\nV:2\nE E F F")
	if got, want := heard(tune, 1), "C4+E4 D4+E4 C4+F4 D4+F4"; got != want {
		t.Errorf("\n got %s\nwant %s", got, want)
	}
}

func TestABCBars(t *testing.T) {
	tune := parseOne(t, "X:1\nM:3/4\nL:1/4\nK:C\nC | D2 E |\nF2 G :|\n|: A2 | B2 | c3 |]")
	want := []Bar{
		{"1", 5, 0.25, 0.75, true}, {"1", 5, 0.75, 0.75, false}, {"1", 6, 0.75, 0.75, true},
		{"1", 7, 0.5, 0.75, true}, {"1", 7, 0.5, 0.75, false}, {"1", 7, 0.75, 0.75, true},
	}
	if !reflect.DeepEqual(tune.Bars, want) {
		t.Errorf("\n got %+v\nwant %+v", tune.Bars, want)
	}
}

func TestABCChordSymbols(t *testing.T) {
	for symbol, want := range map[string]string{
		"C": "C2+E3+G3", "Am": "A2+E3+C4", "G7": "G2+F3+B3", "Fmaj7": "F2+E3+A3", "Dm7": "D2+F3+C4", "Bb": "A#2+D3+F3",
		"F#m": "F#2+A3+C#4", "C/E": "E2+G3+C4", "D7/F#": "F#2+D3+C4", "C/D": "D2+E3+C4", "C/d": "D2+E3+C4",
		"Bdim": "B2+D3+F3", "Caug": "C2+E3+G#3", "Dsus4": "D2+G3+A3", "Am6": "A2+F#3+C4", "E5": "E2+B3", "G9": "G2+F3+B3", "Bm7b5": "B2+D3+A3",
	} {
		got := strings.ReplaceAll(heard(parseOne(t, header("C")+`"`+symbol+`"z`), 2), "-", "")
		if got != want {
			t.Errorf("%s sounds %s, want %s", symbol, got, want)
		}
	}
	// A symbol holds until the next one; N.C. ends it; repeats take it along.
	tune := parseOne(t, header("C")+`|: "C5"c2 z d :| "N.C."e2 "G5"z`)
	want := "C2+G3+C5 C2-+G3-+C5- C2-+G3- C2-+G3-+D5 C2+G3+C5 C2-+G3-+C5- C2-+G3- C2-+G3-+D5 E5 E5- G2+D3"
	if got := heard(tune, 2); got != want {
		t.Errorf("\n got %s\nwant %s", got, want)
	}
	// A transposed voice takes its symbols along, an octave does not move them.
	if got, want := heard(parseOne(t, header("C transpose=-1 octave=1")+`"C"c`), 2), "B2+D#3+F#3+B5"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestABCErrors(t *testing.T) {
	k := header("C") // five lines
	for _, c := range []struct{ text, want string }{
		{"", "t.abc: no tune"},
		{"hello\nworld", "t.abc: no tune"},
		{"X:1\nT:t\n", "t.abc:1:1: the tune has no field K"},
		{"X:1\nT:t\n\nK:C\n", "t.abc:1:1: the tune has no field K"},
		{"X:1\nCDE\nK:C\n", "t.abc:2:1: music before the field K:"},
		{k + "\n", "t.abc:1:1: the tune has no notes"},
		{k + "|: :|", "t.abc:1:1: the tune has no notes"},
		{"K:C\nX:1\nK:C\nC", "t.abc:1:1: field K: before the first X:"},
		{"X:1\nM:3/5\nK:C\nC", `t.abc:2:3: metre "3/5"`},
		{"X:1\nM:0/4\nK:C\nC", `t.abc:2:3: metre "0/4"`},
		{"X:1\nM:4\nK:C\nC", `t.abc:2:3: metre "4"`},
		{"X:1\nM:9223372036854775807/4\nK:C\nC", "t.abc:2:3: metre"},
		{"X:1\nL:1/7\nK:C\nC", `t.abc:2:3: unit length "1/7"`},
		{"X:1\nL:2/8\nK:C\nC", `t.abc:2:3: unit length`},
		{"X:1\nQ:1/4=0\nK:C\nC", `t.abc:2:3: tempo "1/4=0"`},
		{"X:1\nQ:1/4=9999999999\nK:C\nC", `t.abc:2:3: tempo`},
		{"X:1\nQ:\"open\nK:C\nC", `t.abc:2:3: tempo`},
		{"X:1\nQ:4/1=2000\nK:C\nC", `outside 4..1000`},
		{"X:1\nK:H\nC", `t.abc:2:3: key "H" is not known`},
		{"X:1\nK:Gfoo\nC", `t.abc:2:3: mode "foo" is not known`},
		{"X:1\nK:CM\nC", `t.abc:2:3: mode "M" is not known`},
		{"X:1\nK:G foo\nC", `t.abc:2:3: "foo" in key "G foo" is not known`},
		{"X:1\nK:G#\nC", `t.abc:2:3: a key signature with more than seven`},
		{"X:1\nK:C octave=99\nC", `t.abc:2:3: octave=99, want a number within ±4`},
		{"X:1\nK:C clef=foo\nC", `t.abc:2:3: clef "foo" is not known`},
		{"X:1\nP:AABB\nK:C\nC", `t.abc:2:3: a part order`},
		{"X:1\nm:~=x\nK:C\nC", `t.abc:2:1: field m: is not supported`},
		{"X:1\nV:\nK:C\nC", `t.abc:2:3: a voice without a name`},
		{k + "C D ? E", `t.abc:6:5: unexpected '?'`},
		{k + "C J", `t.abc:6:3: unexpected`},
		{k + "C \xff", `t.abc:6:3: unexpected`},
		{k + "C & D", `t.abc:6:3: voice overlay`},
		{k + "- C", `t.abc:6:1: a tie without a note`},
		{k + "C ^ D", `t.abc:6:3: an accidental without a note`},
		{k + "C ^^^D", `t.abc:6:3: an accidental without a note`},
		{k + "C [CE", `t.abc:6:6: want a note or ] in the chord`},
		{k + "C []", `t.abc:6:3: a chord without notes`},
		{k + "[" + strings.Repeat("C", 65) + "]", `t.abc:6:1: a chord of more than 64 notes`},
		{k + "|1:|", "t.abc:1:1: the tune has no notes"},
		{k + "[CE2]", `t.abc:6:3: the notes of one chord differ`},
		{k + "C \"Am", `t.abc:6:3: a quotation that does not end`},
		{k + "C \"Fine\"D", `t.abc:6:3: chord symbol "Fine" is not known`},
		{k + "C \"Hm\"D", `t.abc:6:3: chord symbol "Hm"`},
		{k + "C \"C/\"D", `t.abc:6:3: chord symbol "C/"`},
		{k + "C \"C/X\"D", `t.abc:6:3: chord symbol`},
		{k + "C !trill D", `t.abc:6:3: a decoration that does not end`},
		{k + "C {ab D", `t.abc:6:3: grace notes that do not end`},
		{k + "C [K:G D", `t.abc:6:3: an inline field that does not end`},
		{k + "C [K:Q]D", `t.abc:6:6: key "Q" is not known`},
		{k + "C\nM:x\nD", `t.abc:7:3: metre "x"`},
		{k + "C : D", `t.abc:6:3: ":" is no bar line`},
		{k + "C |:| D", `t.abc:6:3: "|:|" is no bar line`},
		{k + "C ::| D", `t.abc:6:3: more than one repeat`},
		{k + "C |0 D", `t.abc:6:4: the number of an ending is outside 1..9`},
		{k + "C |2 D |]", `t.abc:6:1: voice 1: no ending for repeat 1`},
		{k + "|: C |1 D | E :|\nF", `voice 1: no ending for repeat 2`},
		{k + "|: C |1 D :|2 E | F |1 G :|2 A", `voice 1: an ending after the last ending`},
		{k + "> C", `t.abc:6:1: broken rhythm needs a note before it`},
		{k + "C | > D", `t.abc:6:5: broken rhythm needs a note`},
		{k + "C > | D", `t.abc:6:5: broken rhythm across a bar line`},
		{k + "C >", `t.abc:6:1: voice 1: broken rhythm without a note after it`},
		{k + "C >>>> D", `t.abc:6:3: broken rhythm`},
		{k + "C > < D", `t.abc:6:5: broken rhythm`},
		{k + "(1C", `t.abc:6:1: want a tuplet`},
		{k + "(3C (3D", `t.abc:6:5: a tuplet within a tuplet`},
		{k + "(3CD", `t.abc:6:1: voice 1: a tuplet lacks 1 notes`},
		{k + "C0", `t.abc:6:1: the length of the note`},
		{k + "C/0", `t.abc:6:1: the length of the note`},
		{k + "C99999999999999999999", `t.abc:6:1: the length of the note`},
		{k + "C/99999999999999999999", `t.abc:6:1: the length of the note`},
		{k + "C" + strings.Repeat("/", 99), `t.abc:6:1: the length of the note`},
		{k + "C/" + strings.Repeat("9/", 99), `t.abc:6:1: the length of the note`},
		{k + "[C9999]9999", `t.abc:6:1: the length of the note`},
		{k + "C/11", `t.abc:6:1: the note is too short or too odd`},
		{k + "C4096C4097", `t.abc:6:6: the voice is longer than 1024 whole notes`},
		{k + "|:C8000:|", "is longer than 1024 whole notes when it is played"},
		{k + "C,,,,,,", `t.abc:6:1: MIDI note -12 is outside 21..108`},
		{k + "c''''''", `t.abc:6:1: MIDI note 144 is outside 21..108`},
		{k + "C" + strings.Repeat(",", 100000), `t.abc:6:1: MIDI note`},
		{k + "C Z", `t.abc:6:3: a rest of whole bars that does not begin at a bar line`},
		{k + "Z99999", `t.abc:6:1: the voice is longer`},
		{"X:1\nM:none\nK:C\nZ", `t.abc:4:1: a rest of whole bars without a metre`},
		{k + "s:!p!", `t.abc:6:1: field s: is not supported`},
	} {
		list, err := ParseABC("t.abc", []byte(c.text))
		if err == nil || !strings.HasPrefix(err.Error(), "t.abc") || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%.60q: error %v, want %q", c.text, err, c.want)
		}
		if list != nil {
			t.Errorf("%.60q: tunes beside the error", c.text)
		}
	}
}

func TestABCOrnamentField(t *testing.T) {
	if got, want := heard(parseOne(t, "X:1\nU:W = !wedge!\nL:1/4\nK:C\nWC D"), 1), "C4 D4"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

// A note sounds at the steps that begin while it lasts; OnGrid says when that loses something.
func TestTuneGrids(t *testing.T) {
	tune := parseOne(t, "X:1\nL:1/16\nK:C\nC D E F G4")
	for grid, want := range map[int]string{1: "C4 G4", 2: "C4 E4 G4 G4-", 4: "C4 D4 E4 F4 G4 G4- G4- G4-", 3: "C4 D4 E4 G4 G4- G4-"} {
		if got := heard(tune, grid); got != want {
			t.Errorf("grid %d: got %s, want %s", grid, got, want)
		}
		if got := tune.OnGrid(grid); got != (grid == 4) {
			t.Errorf("grid %d: OnGrid %v", grid, got)
		}
	}
	wantPanic(t, "stepsPerQuarter = 0, want 1 to 64", func() { tune.Rolls(0) })
	wantPanic(t, "stepsPerQuarter = 65, want 1 to 64", func() { tune.OnGrid(65) })
}

// The work is bounded by the size of the file: many long notes at once, many double bars.
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
	n := (maxABC - 100) / len("C/16||")
	r, _ = parseOne(t, "X:1\nL:1/64\nK:C\n"+strings.Repeat("C/16||", n)).Rolls(1)
	if len(r) != (4*n+1023)/1024 {
		t.Errorf("%d steps", len(r))
	}
}

func TestReadABC(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.abc")
	if err := os.WriteFile(path, []byte(header("C")+"C ?"), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := ReadABC(path); err == nil || !strings.HasPrefix(err.Error(), path+":6:3: ") {
		t.Errorf("error %v", err)
	}
	if err := os.WriteFile(path, make([]byte, maxABC+1), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := ReadABC(path); err == nil || !strings.Contains(err.Error(), "larger than the limit") {
		t.Errorf("error %v", err)
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
	f.Fuzz(func(t *testing.T, text string) {
		list, err := ParseABC("f", []byte(text))
		if err != nil {
			return
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
	tunes, err := ParseABC("scale.abc", []byte("X:1\nT:A scale\nL:1/4\nK:D\n\"D\"D E \"A\"F G |\n"))
	if err != nil {
		fmt.Println(err)
		return
	}
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
