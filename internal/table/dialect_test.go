package table

import (
	"fmt"
	"math"
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"

	"github.com/elbow-go/elbow/internal/infile"
)

// writer writes random tables in a random dialect.
type writer struct {
	r              *rand.Rand
	sep, end       string
	comma, trail   bool
	quotes         int // 0 where they are needed, 1 all, 2 some
	format         byte
	header, padded bool
}

func newWriter(seed uint64) *writer {
	r := rand.New(rand.NewPCG(seed, 1))
	w := &writer{r: r, sep: []string{",", ";", "\t", "|", " "}[r.IntN(5)], end: []string{"\n", "\r\n", "\r"}[r.IntN(3)],
		quotes: r.IntN(3), format: "gef"[r.IntN(3)], header: r.IntN(2) == 0, padded: r.IntN(3) == 0}
	w.comma = w.sep != "," && r.IntN(2) == 0
	w.trail = w.sep != " " && r.IntN(4) == 0
	return w
}

func (w *writer) line(fields []string) string {
	var b strings.Builder
	for j, f := range fields {
		if j > 0 {
			b.WriteString(w.sep)
		}
		if w.padded {
			b.WriteString(strings.Repeat(" ", w.r.IntN(3)))
		}
		if w.quotes == 1 || w.quotes == 2 && w.r.IntN(2) == 0 || strings.ContainsAny(f, w.sep+"\"\r\n \t") {
			f = `"` + strings.ReplaceAll(f, `"`, `""`) + `"`
		}
		b.WriteString(f)
	}
	if w.trail {
		b.WriteString(w.sep)
	}
	return b.String() + w.end
}

// number writes a value that is none of those that could be separators of thousands.
func (w *writer) number() (string, float64) {
	v := w.r.NormFloat64()
	switch w.r.IntN(4) {
	case 0:
		v = math.Ldexp(v, w.r.IntN(1800)-900)
	case 1:
		v = float64(w.r.IntN(2000) - 1000)
	case 2:
		v = math.Round(v*1e4) / 1e4
	}
	s := strconv.FormatFloat(v, w.format, -1, 64)
	if w.comma {
		s = strings.ReplaceAll(s, ".", ",")
	}
	return s, v
}

// Tables in random dialects are read to the last bit.
func TestDialects(t *testing.T) {
	names := []string{"x", "a,b", "c;d", `say "hi"`, "two words", "Größe", "line\nbreak", "p|q"}
	for seed := range uint64(400) {
		w := newWriter(seed)
		width, rows := 2+w.r.IntN(5), 1+w.r.IntN(40)
		var text strings.Builder
		if w.r.IntN(4) == 0 {
			text.WriteString("# 1 comment" + w.end)
		}
		id := -1
		if w.header {
			head := make([]string, width)
			for j, k := range w.r.Perm(len(names))[:width] {
				head[j] = names[k]
			}
			if w.r.IntN(2) == 0 {
				id = w.r.IntN(width)
				head[id] = "sequence"
			}
			text.WriteString(w.line(head))
		}
		want := map[string][]float64{}
		for i := range rows {
			fields := make([]string, width)
			name := ""
			if id >= 0 {
				name = fmt.Sprintf("s %d", w.r.IntN(3))
			}
			for j := range fields {
				if j == id {
					fields[j] = name
					continue
				}
				var v float64
				if fields[j], v = w.number(); i == 0 && j == (id+1)%width { // the decimal sign must be known
					fields[j], v = strings.Replace("0.25", ".", map[bool]string{true: ",", false: "."}[w.comma], 1), 0.25
				}
				want[name] = append(want[name], v)
			}
			text.WriteString(w.line(fields))
		}
		content := text.String()
		switch w.r.IntN(6) {
		case 0:
			content = "\ufeff" + content
		case 1:
			content = "\xff\xfe" + utf16Of(content, false)
		case 2:
			content = utf16Of(content, true)
		case 3:
			content = zipped(content)
		}
		check(t, seed, put(t, "a.csv", content), want, text.String())
	}
}

func check(t *testing.T, seed uint64, path string, want map[string][]float64, text string) {
	t.Helper()
	table, err := Scan(path, new(infile.Budget), nil)
	if err != nil {
		t.Errorf("seed %d: %v\n%.300q", seed, err, text)
		return
	}
	got := map[string][]float64{}
	err = table.Each(func(seq, _ int, values []float64) error {
		name := table.Sequences[seq].Name
		got[name] = append(got[name], values...)
		return nil
	})
	ok := err == nil && len(got) == len(want)
	for name, w := range want {
		ok = ok && len(got[name]) == len(w)
		for i := range w {
			ok = ok && math.Float64bits(got[name][i]) == math.Float64bits(w[i])
		}
	}
	if !ok {
		t.Errorf("seed %d: %v\n got %v\nwant %v\n%.300q", seed, err, got, want, text)
	}
}
