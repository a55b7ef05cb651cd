package music

import (
	"reflect"
	"slices"
	"strings"
	"testing"
)

// parseOne reads a tune with the given fields between X: and K:, and music after it.
func parseOne(t *testing.T, text string) *Tune {
	t.Helper()
	list, skipped := ParseABC("t.abc", []byte(text))
	if len(skipped) > 0 {
		t.Fatalf("left out: %q\n%.400s", skipped, text)
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
		{"tie after a blank", "C", "C2 -C D | -D E -", "C4 C4- C4- D4 D4- E4"},
		{"tie after a bar line, with its accidental", "C", "^F | -F F", "F#4 F#4- F4"},
		{"tie of nothing, of a rest, to another note", "C", "- C- z -C- D", "C4 . C4 D4"},
		{"overlay", "C", "C4 & E2 F2 | G", "C4+E4 C4-+E4- C4-+F4 C4-+F4- G4"},
		{"overlays of other lengths", "C", "C2 & E4 & G | G", "C4+E4+G4 C4-+E4- E4- E4- G4"},
		{"overlay with its own accidentals and ties", "C", "^F- F & F2- | G & F", "F4+F#4 F4-+F#4- F4-+G4"},
		{"a tie in an overlay that is not taken up", "C", "C & E- | C | C & E", "C4+E4 C4 C4+E4"},
		{"chord of other lengths, rests and blanks in it", "C", "[C2E4G] [ z ^C!trill!E ] []", "C4+E4+G4 C4-+E4-+G4- C#4+E4"},
		{"old chord", "C", "+CEG+2 +fermata+D +f+E", "C4+E4+G4 C4-+E4-+G4- D4 E4"},
		{"broken over a bar line", "C", "C2> | D2", "C4 C4- C4- D4"},
		{"broken and tied", "C", "C2->C2 D2>-D2", "C4 C4- C4- C4- D4 D4- D4- D4-"},
		{"tuplets of all forms", "C", "(3::2C3D3 (3:2C3D3E3 (3:4:3C3/2D3/2E3/2 (11:2:11CCCCCCCCCCC", "C4 C4- D4 D4- C4 C4- D4 D4- E4 E4- C4 C4- D4 D4- E4 E4- C4 C4"},
		{"tuplet that began twice", "C", "(3(3C3D3E3 F", "C4 C4- D4 D4- E4 E4- F4"},
		{"tuplet that lacks notes", "C", "(3C3D3 |", "C4 C4- D4 D4-"},
		{"repeat three times", "C", "|:: C ::| D :::| E", "C4 C4 C4 D4 D4 D4 D4 E4"},
		{"repeat signs of all forms", "C", "||: C :|: D :||: E :||: F :|] A", "C4 C4 D4 D4 E4 E4 F4 F4 A4"},
		{"invisible bar line and repeat", "C", "C [|]|: D [|]:| E", "C4 D4 D4 E4"},
		{"colons that stand apart", "C", "| : C : | D", "C4 C4 D4"},
		{"nested repeat", "C", "|: C |: D :| E :| F", "C4 D4 D4 E4 E4 F4"},
		{"ending after blanks, and on a line of its own", "C", "|: C | 1 D :|\n 2 E | F", "C4 D4 C4 E4 F4"},
		{"second ending without a number", "C", "|: C |1 D :| E | F", "C4 D4 C4 E4 F4"},
		{"second ending only", "C", "|: C :|2 D | E", "C4 C4 D4 E4"},
		{"first ending without a repeat sign", "C", "|: C |1 D |2 E || F", "C4 D4 C4 E4 F4"},
		{"more than nine endings", "C", "|: C |1-10 D :|11 E |", strings.Repeat("C4 D4 ", 10) + "C4 E4"},
		{"named ending", "C", "C | [\"last time\" D | [\"C5\"E]", "C4 D4 C2+G3+E4"},
		{"part labels", "C", "P:A\nC D |\nP:Coda\n[P:B] E :|", "C4 D4 E4 C4 D4 E4"},
		{"exclamation marks break lines", "C", "C | D |! E |!f!F! K:G !F", "C4 D4 E4 F4 F#4"},
		{"decorations with odd names", "C", "!>!C !3!D !D.C. al Fine!E !crescendo(!F !<(!G", "C4 D4 E4 F4 G4"},
		{"letters and signs that mean nothing", "C", "JC kD @E #F *G; ?A \xe9B \u00e9c $d", "C4 D4 E4 F4 G4 A4 B4 C5 D5"},
		{"text", "C", "C D |\nPlay it twice, then\nE F |", "C4 D4 E4 F4"},
		{"quoted-printable", "C", "C D |=20\n=3DE F =\nG", "C4 D4 E4 F4 G4"},
		{"notes cut by the end of a line", "C", "C D\n2 E2\n/ F | [CE\nG]", "C4 D4 D4- E4 F4 C4+E4+G4"},
		{"accidental before a decoration", "C", "^!3!C _!trill!!p!D", "C#4 C#4"},
		{"typographic quotation marks", "C", "\u201cC5\u201dc \u201c^d\u201d c", "C2+G3+C5 C2-+G3-+C5"},
		{"the same in an old code", "C", "\x93C5\x94c \x93^d\x94\xa0c", "C2+G3+C5 C2-+G3-+C5"},
		{"HTML", "C", "C2&gt;D2 | &quot;C5&quot;&#99; & g; &amp; b", "C4 C4- C4- D4 C2+G3+C5+G5+B5"},
		{"fields in the body", "C", "C\nN:abc\nr:def\nQ:90\n[r:ga]D\nw:efg\nd: * !fg!\nI:abc\n%%abc def\nE", "C4 D4 E4"},
		{"directives with text", "C", "C\n%%begintext\nE F\n\nG\n%%endtext\nD", "C4 D4"},
		{"macros", "C", "m: ~D2 = CE\n~D2 |\nm: F = A\n[m:~n2 = no]F\n~G2", "C4 E4 A4 G4 A4"},
		{"accidentals by octave", "C", "I:propagate-accidentals octave\n^F f F | F", "F#4 F5 F#4 F4"},
		{"accidentals for one note", "C", "%%propagate-accidentals not\n^F F", "F#4 F4"},
		{"without bar lines", "C", "%%MIDI nobarlines\n^F F", "F#4 F4"},
		{"transposed by a directive", "C", "%%MIDI transpose -12\nC %%MIDI transpose 5\n%%MIDI rtranspose 1\nC", "C3 C#3"},
		{"percussion", "C", "%%MIDI channel 10\nC D\n%%MIDI channel 1\nE", ". . E4"},
		{"below and above the keyboard", "C", "C,,,, [C,,,,c''']2 C,,,,, [c'''d''']", ". C8 C8- . C8"},
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
		"HP":                               "C#4 D4 E4 F#4 G4 A4 B4",
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
		"g":                                "C4 D4 E4 F#4 G4 A4 B4",
		"em":                               "C4 D4 E4 F#4 G4 A4 B4",
		"EM":                               "C4 D4 E4 F#4 G4 A4 B4", // the standard ignores capitals
		"bb":                               "C4 D4 D#4 F4 G4 A4 A#4",
		"b flat major":                     "C4 D4 D#4 F4 G4 A4 A#4",
		"B♭":                               "C4 D4 D#4 F4 G4 A4 A#4",
		"F sharp minor":                    "C#4 D4 E4 F#4 G#4 A4 B4",
		"A MIX.":                           "C#4 D4 E4 F#4 G4 A4 B4",
		"D Mixolydian, brightly":           "C4 D4 E4 F#4 G4 A4 B4",
		"Dmix=c":                           "C4 D4 E4 F#4 G4 A4 B4",
		"Dphr^f":                           "C4 D4 D#4 F#4 G4 A4 A#4",
		"C^f_b":                            "C4 D4 E4 F#4 G4 A4 A#4",
		"G ?":                              "C4 D4 E4 F#4 G4 A4 B4",
		"G#":                               "C#4 D#4 F4 G4 G#4 A#4 C5", // with a double sharp
		"G treble8":                        "C4 D4 E4 F#4 G4 A4 B4",
		"G clef=treble-8va":                "C3 D3 E3 F#3 G3 A3 B3",
		"G clef = bass-15":                 "C2 D2 E2 F#2 G2 A2 B2",
		"G clef=fish":                      "C4 D4 E4 F#4 G4 A4 B4",
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
		"": 120, "Q:1/4=90\n": 90, "Q:1/2=60\n": 120, "Q:1/4 1/8=40\n": 60, "Q:\"slow\"\n": 120, "L:1/8\nQ:100\n": 50, "Q:100\n": 50,
		"Q:C=100\n": 50, "L:1/4\nQ:C3=40\n": 120, "Q:1/4 = 90 \"slow\"\n": 90, "Q:1/4=60-70\n": 60, "Q:1/4=0\n": 120, "Q:fast\n": 120, "Q:1/4=\n": 120, "Q:\"open\n": 120,
		"Q:4/1=2000\n": 120, "Q:1/0=99\n": 120, "Q:1/4=99999999999\n": 120,
	} {
		if got := parseOne(t, "X:1\n"+q+"K:C\nC").Tempo; got != want {
			t.Errorf("%q: tempo %v, want %v", q, got, want)
		}
	}
	// Without L: the metre decides.
	for m, want := range map[string]int{"M:2/4\n": 1, "M:3/4\n": 2, "M:6/8\n": 2, "": 2, "M:none\n": 2, "M:C|\n": 2, "M:(2+3)/16\n": 1, "M: 2 / 4 \n": 1, "M:2/4 3/4\n": 1, "M:c\n": 2, "M:3/5\n": 1} {
		r, _ := parseOne(t, "X:1\n"+m+"K:C\nC").Rolls(4)
		if len(r) != want {
			t.Errorf("%q: a note of unit length lasts %d sixteenths, want %d", m, len(r), want)
		}
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
	tune := parseOne(t, "X:1\nM:3/4\nL:1/4\nK:C\nC | D2 E |\nF2 G :|\n|: A2 | B & c2 & d | c3 |]")
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
		"Am7(b5)": "A2+G3+C4", "D/f+": "F#2+D3+A3", "G/dim": "G2+A#3+C#4", "E7/b9": "E2+D3+G#3", "C (Em)": "C2+E3+G3", "em7": "E2+D3+G3", "f#m": "F#2+A3+C#4", "Bdim7": "B2+D3+G#3", "C13": "C2+E3+A#3", "Cmaj7#11": "C2+E3+B3", "C6/9": "C2+E3+A3", "Em.": "E2+G3+B3", "(Am)": "A2+E3+C4", "G minor": "G2+D3+A#3", "B♭": "A#2+D3+F3",
		"D7sus4": "D2+G3+C4", "C°": "C2+D#3+F#3", "Cø": "C2+D#3+A#3", "CΔ": "C2+E3+B3", "Ebmi7": "D#2+F#3+C#4", "A/c#": "C#2+E3+A3", "C6/9/E": "E2+D3+A3", "Gno3": "G2+D3", "Dmin;slow": "D2+F3+A3",
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
