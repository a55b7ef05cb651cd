package cell

import (
	"encoding"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/elbow-go/elbow/asm/asmtest"
	"github.com/elbow-go/elbow/blas/blastest"
)

var (
	_ encoding.BinaryMarshaler   = (*Stream[float32])(nil)
	_ encoding.BinaryUnmarshaler = (*Stream[float32])(nil)
	_ encoding.BinaryAppender    = (*Stream[float32])(nil)
)

// TestStream: a stream has the bits of the whole sequences, saved and restored at any step, and so
// have several on goroutines of their own over one stack.
func TestStream(t *testing.T) {
	blastest.UseGo(t)
	asmtest.ForEachISA(t, func(t *testing.T) {
		rng := rand.New(rand.NewPCG(1, 1))
		for name, st := range stacks[float32](5, 17, 0.3, rng) {
			if st.Bidirectional != OneWay {
				if s, err := st.NewStream(1); s != nil || err == nil || !strings.Contains(err.Error(), "read a sequence from the last step") {
					t.Errorf("%s: NewStream returns %v and the error %v, want one that says why not", name, s, err)
				}
				continue
			}
			p := newStackProblem(st, rng, 6, 6, 6)
			clear(p.h0)
			clear(p.c0)
			p.forward()
			var wg sync.WaitGroup
			for saved := range 6 {
				wg.Go(func() {
					s := mustStream(t, st, 3)
					for step := range 6 {
						if step == saved {
							s = restored(t, st, s)
						}
						y, want := s.Push(p.x[step*3*5:(step+1)*3*5]), p.seq.H[step*3*st.Out():(step+1)*3*st.Out()]
						asmtest.SameFloats(t, fmt.Sprintf("%s, saved at %d, step %d", name, saved, step), y, want)
					}
					h, c := s.States()
					asmtest.SameFloats(t, name+" h", h, p.hn)
					asmtest.SameFloats(t, name+" c", c, p.cn)
					s.Reset()
					asmtest.SameFloats(t, name+" anew", s.Push(p.x[:3*5]), p.seq.H[:3*st.Out()])
				})
			}
			wg.Wait()
		}
	})
}

func TestStreamAllocations(t *testing.T) {
	blastest.UseGo(t)
	asmtest.ForEachISA(t, func(t *testing.T) {
		x := make([]float32, 2*5)
		for name, st := range stacks[float32](5, 17, 0.3, rand.New(rand.NewPCG(1, 1))) {
			if st.Bidirectional != OneWay {
				continue
			}
			s := mustStream(t, st, 2)
			s.Push(x)
			if n := testing.AllocsPerRun(5, func() { s.Push(x) }); n != 0 {
				t.Errorf("%s: a step allocates %v times, want 0", name, n)
			}
		}
	})
}

func mustStream[T Float](t *testing.T, st *Stack[T], batch int) *Stream[T] {
	s, err := st.NewStream(batch)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// restored returns a new stream with the states of s.
func restored[T Float](t *testing.T, st *Stack[T], s *Stream[T]) *Stream[T] {
	data, err := s.MarshalBinary()
	if err != nil {
		t.Error(err)
	}
	again := mustStream(t, st, s.shape.Batch())
	for range 2 { // whatever it was
		if err := again.UnmarshalBinary(data); err != nil {
			t.Error(err)
		}
		again.h[0]++
	}
	if err := again.UnmarshalBinary(data); err != nil {
		t.Error(err)
	}
	return again
}

// TestStreamBytes: bytes that are not those of such a stream are errors that say what is wrong, and
// change nothing.
func TestStreamBytes(t *testing.T) {
	config := StackConfig{Kind: LSTM, In: 2, Hidden: 3, Layers: 2}
	with := func(change func(c *StackConfig)) *Stack[float32] {
		c := config
		change(&c)
		return NewStack[float32](c)
	}
	st := NewStack[float32](config)
	s := mustStream(t, st, 2)
	for i := range s.h {
		s.h[i], s.c[i] = float32(i), -float32(i)
	}
	data, _ := s.MarshalBinary()
	optioned := func(o Options) *Stack[float32] {
		return NewStackOf(OneWay, 0, NewRecurrentWith[float32](LSTM, 2, 3, o), NewRecurrent[float32](LSTM, 3, 3))
	}
	changed := func(at int) []byte {
		d := slices.Clone(data)
		d[at]++
		return d
	}
	for _, c := range []struct {
		text string
		into interface{ UnmarshalBinary([]byte) error }
		data []byte
	}{
		{"the stream is a zero Stream", new(Stream[float32]), data},
		{`the bytes do not start with "elbow stream"`, s, nil},
		{`the bytes do not start with "elbow stream"`, s, changed(0)},
		{"version = 3, want 2", s, changed(len(streamMagic))},
		{"bytes of an element = 4, want 8", mustStream(t, NewStack[float64](config), 2), data},
		{"batch = 2, want 3", mustStream(t, st, 3), data},
		{"layers = 2, want 1", mustStream(t, with(func(c *StackConfig) { c.Layers = 1 }), 2), data},
		{"want \"gru\"", mustStream(t, with(func(c *StackConfig) { c.Kind = GRU }), 2), data},
		{"inputs of layer 0 = 2, want 4", mustStream(t, with(func(c *StackConfig) { c.In = 4 }), 2), data},
		{"outputs of layer 0 = 3, want 4", mustStream(t, with(func(c *StackConfig) { c.Hidden = 4 }), 2), data},
		{"Peepholes of layer 0 = 0, want 1", mustStream(t, optioned(Options{Peepholes: true}), 2), data},
		{"CellClip, upper half, of layer 0 = 0, want", mustStream(t, optioned(Options{CellClip: 1}), 2), data},
		{"CellClip, lower half, of layer 0 = 0, want", mustStream(t, optioned(Options{CellClip: 1.1}), 2), data},
		{"Proj of layer 0 = 0, want 3", mustStream(t, optioned(Options{Proj: 3}), 2), data},
		{"Heads of layer 0 = 1, want 3", mustStream(t, optioned(Options{Heads: 3}), 2), data},
		{"LayerNorm of layer 0 = 0, want 1", mustStream(t, optioned(Options{LayerNorm: true}), 2), data},
		{"the bytes end in the header", s, data[:len(streamMagic)+9]},
		{"the bytes end in the header", s, data[:len(streamMagic)+20]},
		{"bytes after the header, want 100", s, data[:len(data)-1]},
		{"bytes after the header, want 100", s, append(slices.Clone(data), 0)},
		{"the bytes are damaged", s, changed(len(data) - 9)},
		{"the bytes are damaged", s, changed(len(data) - 1)},
	} {
		h, k := slices.Clone(s.h), slices.Clone(s.c)
		if err := c.into.UnmarshalBinary(c.data); err == nil || !strings.Contains(err.Error(), c.text) || !strings.HasPrefix(err.Error(), "cell: Stream.UnmarshalBinary: ") {
			t.Errorf("error %v, want one with %q", err, c.text)
		}
		if !slices.Equal(s.h, h) || !slices.Equal(s.c, k) {
			t.Errorf("%s: the states have changed", c.text)
		}
	}
	// All of a header and none of it: nothing panics.
	for n := range data {
		if s.UnmarshalBinary(data[:n]) == nil {
			t.Errorf("%d of %d bytes are taken for all", n, len(data))
		}
	}
	if prefix, _ := s.AppendBinary([]byte("x")); string(prefix) != "x"+string(data) {
		t.Error("AppendBinary does not append what MarshalBinary returns")
	}
}

// FuzzStream: whatever the bytes, restoring does not panic, and what it takes is what it gives.
func FuzzStream(f *testing.F) {
	st := NewStackOf(OneWay, 0, NewRecurrent[float32](LSTM, 2, 3), NewRecurrent[float32](GRU, 3, 1))
	s, _ := st.NewStream(1)
	data, _ := s.MarshalBinary()
	f.Add(data)
	f.Add(data[:40])
	f.Add([]byte(streamMagic))
	f.Fuzz(func(t *testing.T, data []byte) {
		s, _ := st.NewStream(1)
		if s.UnmarshalBinary(data) != nil {
			return
		}
		if again, _ := s.MarshalBinary(); string(again) != string(data) {
			t.Errorf("%x restored and saved is %x", data, again)
		}
	})
}
