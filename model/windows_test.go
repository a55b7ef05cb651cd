package model

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
)

func TestWindows(t *testing.T) {
	seq := func(name string, steps int) Sequence {
		s := Sequence{Name: name}
		for i := range 2 * steps {
			s.X = append(s.X, float32(i))
		}
		return s
	}
	d := &Data{Name: "d", Dim: 2, Hash: "h", Train: []Sequence{seq("long", 12), seq("short", 3), seq("none", 0)}, Valid: []Sequence{seq("v@8", 4)}, Test: []Sequence{seq("t", 5)}}
	w := Windows(d, 4, 2)
	got := ""
	for _, s := range append(append(append([]Sequence(nil), w.Train...), w.Valid...), w.Test...) {
		first := float32(-2)
		if len(s.X) > 0 {
			first = s.X[0]
		}
		got += fmt.Sprintf("%s:%d+%d ", s.Name, int(first)/2, len(s.X)/2)
	}
	if want := "long@0:0+4 long@2:2+4 long@4:4+4 long@6:6+4 long@8:8+4 short@0:0+3 none@0:-1+0 v@8@0:0+4 t@0:0+4 "; got != want {
		t.Errorf("windows %s\nwant    %s", got, want)
	}
	if w.Hash == d.Hash || w.Hash == Windows(d, 4, 4).Hash || w.Hash != Windows(d, 4, 2).Hash {
		t.Error("the hash of windows does not tell apart what they are windows of")
	}
	for name, want := range map[string]string{"long@2": "long 2", "v@8@0": "v@8 0", "a": "a 0", "a@b": "a@b 0", "a@-1": "a@-1 0"} {
		piece, first := Piece(name)
		if got := fmt.Sprint(piece, " ", first); got != want {
			t.Errorf("Piece(%q) = %s, want %s", name, got, want)
		}
	}
}

func TestPurity(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	const n, dim = 300, 3
	points, labels, mixed := make([]float32, n*dim), make([]string, n), make([]string, n)
	for i := range n {
		labels[i], mixed[i] = fmt.Sprint(i%3), fmt.Sprint(rng.IntN(3))
		for k := range dim {
			points[i*dim+k] = float32(rng.NormFloat64()) * 0.1
		}
		points[i*dim+i%3] += 5
	}
	if got := Purity(points, dim, labels, nil); got != 1 {
		t.Errorf("purity of three clusters %v, want 1", got)
	}
	if got := Purity(points, dim, mixed, nil); got < 0.2 || got > 0.47 {
		t.Errorf("purity of labels drawn at random %v, want about 1/3", got)
	}
	// 0 1 10 11 on a line, a b b a: by hand none agrees; when the near ones are no
	// neighbours, 0 takes 10, 1 takes 10, 10 takes 1 and 11 takes 1.
	line, names := []float32{0, 1, 10, 11}, []string{"a", "b", "b", "a"}
	if got := Purity(line, 1, names, nil); got != 0 {
		t.Errorf("purity %v, want 0", got)
	}
	near := func(i, j int) bool { return i/2 == j/2 }
	if got := Purity(line, 1, names, near); got != 0.5 {
		t.Errorf("purity without near neighbours %v, want 0.5", got)
	}
	if got := Purity(line[:1], 1, names[:1], nil); !math.IsNaN(got) {
		t.Errorf("purity of one point %v, want NaN", got)
	}
}
