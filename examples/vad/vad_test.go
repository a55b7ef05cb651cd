package main

import (
	"archive/zip"
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/elbow-go/elbow/asm"
	"github.com/elbow-go/elbow/sound"
	"github.com/elbow-go/elbow/weights"
)

// wheel returns the path of the weights, without which a test is skipped.
func wheel(t testing.TB) string {
	t.Helper()
	path := "model/silero_vad-6.2.3-py3-none-any.whl"
	if p := os.Getenv("ELBOW_VAD_MODEL"); p != "" {
		path = p
	}
	if _, err := os.Stat(path); err != nil {
		t.Skip("no weights: make vad-model fetches them, or ELBOW_VAD_MODEL names the wheel")
	}
	return path
}

func mustOpen(t testing.TB, rate int) *network {
	t.Helper()
	n, err := open(wheel(t), rate)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// digits is the test signal, 80 seconds: spoken digits of the Free Spoken Digit Dataset, which were recorded at 8000
// samples per second, with pauses of faint noise behind every fifth. All samples are whole numbers of 16 bits.
func digits(t testing.TB, rate int) []float32 {
	t.Helper()
	dir := os.Getenv("ELBOW_DATA")
	if dir == "" {
		t.Skip("ELBOW_DATA is not set")
	}
	dir = filepath.Join(dir, "fsdd")
	list, err := os.ReadFile(filepath.Join(dir, "test.txt"))
	if err != nil {
		t.Fatal(err)
	}
	rng := rand.New(rand.NewPCG(1, 1))
	var x []float32
	for i, name := range strings.Fields(string(list)) {
		raw, err := os.ReadFile(filepath.Join(dir, "recordings", name))
		if err != nil {
			t.Fatal(err)
		}
		w, err := sound.ParseWAV(name, raw)
		if err != nil {
			t.Fatal(err)
		}
		y := make([]float64, w.Len())
		w.Read(y, 0)
		for _, v := range y {
			x = append(x, float32(v))
		}
		for range 400 + 100*(i%60) {
			if i%5 == 4 {
				x = append(x, float32(rng.IntN(201)-100))
			}
		}
	}
	y, err := sound.Resample(x, 8000, rate)
	if err != nil {
		t.Fatal(err)
	}
	for i, v := range y {
		y[i] = float32(math.RoundToEven(float64(min(max(v, -32768), 32767))))
	}
	return y
}

// wav is a signal as a file.
func wav(t testing.TB, rate int, x []float32) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := sound.WriteWAV(&b, rate, x); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// vad runs the command on standard input and returns the lines that it prints.
func vad(t testing.TB, in []byte, args ...string) []string {
	t.Helper()
	var out, notes bytes.Buffer
	if err := run(append([]string{"-model", wheel(t)}, append(args, "-")...), bytes.NewReader(in), &out, &notes); err != nil {
		t.Fatalf("vad %v: %v, %s", args, err, &notes)
	}
	return strings.FieldsFunc(out.String(), func(r rune) bool { return r == '\n' })
}

type golden struct {
	Rates map[int]struct {
		Samples  int
		P        []float64
		Segments []struct {
			Max, Silence, Threshold, Speech, Pad float64
			Found                                []segment
		}
		Events [][2]any
	}
}

// TestWrite writes the test signals for testdata/golden.py, if ELBOW_VAD_WRITE names a folder.
func TestWrite(t *testing.T) {
	dir := os.Getenv("ELBOW_VAD_WRITE")
	if dir == "" {
		t.Skip("ELBOW_VAD_WRITE is not set")
	}
	for _, rate := range []int{8000, 16000} {
		if err := os.WriteFile(filepath.Join(dir, fmt.Sprintf("%d.wav", rate)), wav(t, rate, digits(t, rate)), 0o666); err != nil {
			t.Fatal(err)
		}
	}
}

// TestGolden: probabilities are those of ONNX Runtime within 1e-5, segments and events those of the package silero-vad.
func TestGolden(t *testing.T) {
	raw, err := os.ReadFile("testdata/golden.json")
	if err != nil {
		t.Fatal(err)
	}
	var g golden
	if err := json.Unmarshal(raw, &g); err != nil || len(g.Rates) != 2 {
		t.Fatalf("%d rates, %v", len(g.Rates), err)
	}
	for rate, want := range g.Rates {
		x := digits(t, rate)
		if len(x) != want.Samples || len(x) < 60*rate {
			t.Fatalf("%d samples, want %d", len(x), want.Samples)
		}
		n := mustOpen(t, rate)
		in, err := newInput(rate, samplesReader(x))
		if err != nil {
			t.Fatal(err)
		}
		var p []float64
		length, err := each(n, in, true, func(v float64) { p = append(p, v) })
		if err != nil || length != len(x) || len(p) != len(want.P) {
			t.Fatalf("%d probabilities of %d samples, %v, want %d", len(p), length, err, len(want.P))
		}
		worst := 0.0
		for i, v := range p {
			worst = max(worst, math.Abs(v-want.P[i]))
		}
		t.Logf("rate %d: %d probabilities, off by at most %.2g", rate, len(p), worst)
		if !(worst <= 1e-5) {
			t.Errorf("rate %d: probabilities are off by %v", rate, worst)
		}
		for _, c := range want.Segments {
			s := &segmenter{settings: standard(n)}
			for to, v := range map[*float64]float64{&s.maxSpeech: c.Max, &s.minSilence: c.Silence, &s.threshold: c.Threshold, &s.minSpeech: c.Speech, &s.pad: c.Pad} {
				if v != 0 {
					*to = v
				}
			}
			for _, v := range p {
				s.add(v)
			}
			if got := s.end(length); !slices.Equal(got, c.Found) || len(got) < 5 {
				t.Errorf("rate %d, %+v: segments %v, want %v", rate, s.settings, got, c.Found)
			}
		}
		it, events := &iterator{settings: standard(n)}, [][2]any{}
		for _, v := range p[:len(x)/n.chunk] {
			if e, ok := it.add(v); ok {
				events = append(events, [2]any{map[bool]string{true: "start", false: "end"}[e.start], float64(e.at)})
			}
		}
		if !slices.Equal(events, want.Events) || len(events) < 10 {
			t.Errorf("rate %d: events %v, want %v", rate, events, want.Events)
		}
	}
}

// samplesReader gives samples in units of 16 bits to an input.
func samplesReader(x []float32) func(dst []float32) (int, error) {
	return func(dst []float32) (int, error) {
		n := copy(dst, x)
		for i := range dst[:n] {
			dst[i] /= 32768
		}
		if x = x[n:]; n == 0 {
			return 0, io.EOF
		}
		return n, nil
	}
}

// TestPrints: the command prints the first segments and events of the golden ones, and probabilities.
func TestPrints(t *testing.T) {
	x := wav(t, 16000, digits(t, 16000)[:8*16000])
	if got := vad(t, x); !slices.Equal(got[:2], []string{"0.000 6.110", "6.210 8.000"}) {
		t.Errorf("segments %q", got)
	}
	if got := vad(t, x, "-samples", "-stream"); !slices.Equal(got[:3], []string{"start 0", "end 97760", "start 99360"}) {
		t.Errorf("events %q", got)
	}
	if got := vad(t, x, "-probs"); len(got) != 250 {
		t.Errorf("%d probabilities", len(got))
	}
}

// noise is chunks of a signal that sounds a little like speech now and then.
func noise(n *network, count int) [][]float32 {
	rng := rand.New(rand.NewPCG(2, 3))
	chunks := make([][]float32, count)
	for i := range chunks {
		chunks[i] = make([]float32, n.chunk)
		for k := range chunks[i] {
			s := math.Sin(float64(i*n.chunk+k) * 2 * math.Pi * 140 / float64(n.rate))
			chunks[i][k] = float32(0.3*s*s*s + 0.02*rng.NormFloat64())
		}
	}
	return chunks
}

// TestBits: every instruction set gives the same probabilities, to the bit, and so does a stream among others.
func TestBits(t *testing.T) {
	was := asm.Active()
	defer asm.Use(was)
	for _, rate := range []int{8000, 16000} {
		var want []float32
		for _, isa := range asm.Available() {
			asm.Use(isa)
			n := mustOpen(t, rate) // packs its weights
			d, s := newDetector(n), n.newStreams(1)
			chunks := noise(n, 60)
			var alone []float32
			for i := range chunks {
				alone = append(alone, d.run(s, chunks[i:i+1])...)
			}
			if want == nil {
				want = alone
			}
			if !slices.Equal(alone, want) {
				t.Fatalf("rate %d: %v has other bits than %v", rate, isa, asm.Available()[0])
			}
			many, at, rng := n.newStreams(2*most), make([]int, 2*most), rand.New(rand.NewPCG(4, 5))
			for range 60 { // any of the streams that have not ended, in any order
				order := slices.DeleteFunc(rng.Perm(len(many)), func(k int) bool { return at[k] == len(chunks) })
				order = order[:min(len(order), 1+rng.IntN(most))]
				var streams []*stream
				var pass [][]float32
				for _, k := range order {
					streams, pass = append(streams, many[k]), append(pass, chunks[at[k]])
				}
				for i, p := range d.run(streams, pass) {
					if k := order[i]; p != want[at[k]] {
						t.Fatalf("rate %d, %v: stream %d in a batch of %d, chunk %d: %v, want %v", rate, isa, k, len(order), at[k], p, want[at[k]])
					}
					at[order[i]]++
				}
			}
		}
		if slices.Max(want)-slices.Min(want) < 0.01 {
			t.Errorf("rate %d: all probabilities are about %v: nothing was tested", rate, want[0])
		}
	}
}

// TestConcurrent: detectors share a network.
func TestConcurrent(t *testing.T) {
	n := mustOpen(t, 16000)
	chunks := noise(n, 100)
	var got [4][]float32
	var wg sync.WaitGroup
	for g := range got {
		wg.Go(func() {
			d, s := newDetector(n), n.newStreams(1)
			for i := range chunks {
				got[g] = append(got[g], d.run(s, chunks[i:i+1])...)
			}
		})
	}
	wg.Wait()
	for g := range got {
		if !slices.Equal(got[g], got[0]) {
			t.Errorf("goroutine %d has other probabilities", g)
		}
	}
}

func TestRunAlloc(t *testing.T) {
	for _, rate := range []int{8000, 16000} {
		n := mustOpen(t, rate)
		d, streams, chunks := newDetector(n), n.newStreams(most), noise(n, most)
		for _, batch := range []int{1, 5, most} {
			pass := func() { d.run(streams[:batch], chunks[:batch]) }
			for range 50 { // until all weights are packed
				pass()
			}
			if got := testing.AllocsPerRun(100, pass); got != 0 {
				t.Errorf("rate %d, %d streams: %v allocations", rate, batch, got)
			}
		}
	}
}

// TestSequenceNode: the node LSTM of another file of the wheel, with the gates in the order of ONNX, is the same layer.
func TestSequenceNode(t *testing.T) {
	n := mustOpen(t, 16000)
	f, err := member(wheel(t), "silero_vad_16k_sequence.onnx")
	if err != nil {
		t.Fatal(err)
	}
	all, err := weights.Recurrents[float32](f)
	if err != nil || len(all) != 1 {
		t.Fatalf("%d nodes, %v", len(all), err)
	}
	for name, r := range all {
		l := r.Stack.Layers[0]
		if !slices.Equal(l.Wih, n.lstm.Wih) || !slices.Equal(l.Whh, n.lstm.Whh) || !slices.Equal(l.B, n.lstm.B) {
			t.Errorf("%s is another layer", name)
		}
	}
	convs, err := weights.ConvNodes[float32](f)
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range n.convs {
		same := 0
		for _, c := range convs {
			if i == 0 && c.In == want.In {
				n.fold.arrange(c.W)
			}
			if c.Window == want.Window && slices.Equal(c.W, want.W) && slices.Equal(c.B, want.B) {
				same++
			}
		}
		if same != 1 {
			t.Errorf("convolution %d: %d of %d nodes are the same", i, same, len(convs))
		}
	}
}

// TestRates: sound at other rates is heard as that at 16000, within two chunks.
func TestRates(t *testing.T) {
	x := digits(t, 16000)[:20*16000]
	want := vad(t, wav(t, 16000, x), "-min-silence", "0.3")
	if len(want) < 3 {
		t.Fatalf("%v", want)
	}
	for _, rate := range []int{22050, 44100, 48000} {
		y, err := sound.Resample(x, 16000, rate)
		if err != nil {
			t.Fatal(err)
		}
		got := vad(t, wav(t, rate, y), "-min-silence", "0.3")
		if len(got) != len(want) {
			t.Errorf("rate %d: %v, want %v", rate, got, want)
			continue
		}
		for i := range got {
			var a, b, c, d float64
			fmt.Sscan(got[i], &a, &b)
			fmt.Sscan(want[i], &c, &d)
			if math.Abs(a-c) > 0.065 || math.Abs(b-d) > 0.065 {
				t.Errorf("rate %d: %v, want %v", rate, got[i], want[i])
			}
		}
	}
}

// TestRaw: plain samples that come bit by bit are found as those of a file, and as soon as they are there.
func TestRaw(t *testing.T) {
	x := digits(t, 8000)[:25*8000]
	var raw []byte
	for _, v := range x {
		raw = binary.LittleEndian.AppendUint16(raw, uint16(int16(v)))
	}
	want := vad(t, wav(t, 8000, x), "-stream")
	if got := vad(t, raw, "-raw", "8000", "-stream"); !slices.Equal(got, want) || len(want) < 4 {
		t.Errorf("%v, want %v", got, want)
	}
	r, w := io.Pipe()
	in, _, err := openInput("-", r, 8000)
	if err != nil {
		t.Fatal(err)
	}
	go w.Write(raw[:2*256+1])
	chunk := make([]float32, 256)
	if n, err := in.next(chunk); n != 256 || err != nil || chunk[255] != x[255]/32768 {
		t.Errorf("%d samples, %v", n, err)
	}
}

// TestRefused: what is wrong is said, and nothing is printed.
func TestRefused(t *testing.T) {
	for _, c := range []struct {
		in   string
		args []string
		want string
	}{
		{"", nil, "want one file"},
		{"", []string{"-load", "-1", "-"}, "want one file"},
		{"", []string{"-threshold", "2", "-"}, "want a threshold"},
		{"", []string{"-min-speech", "NaN", "-"}, "want a threshold"},
		{"no sound", []string{"-"}, "-: byte 0: "},
		{"", []string{"missing.wav"}, "missing.wav: no such file"},
		{string(wav(t, 16000, make([]float32, 10))), []string{"-model", "missing.whl", "-"}, "make vad-model"},
	} {
		var out bytes.Buffer
		if err := run(c.args, strings.NewReader(c.in), &out, &out); err == nil || !strings.Contains(err.Error(), c.want) || out.Len() > 0 {
			t.Errorf("%v: %v, %q, want %q", c.args, err, &out, c.want)
		}
	}
}

// TestBadWheel: archives that are damaged or claim absurd sizes are refused by name.
func TestBadWheel(t *testing.T) {
	archive := func(size uint64) []byte {
		var b bytes.Buffer
		z := zip.NewWriter(&b)
		w, err := z.CreateRaw(&zip.FileHeader{Name: "silero_vad/data/" + sources[0].file, UncompressedSize64: size, CompressedSize64: 5})
		if err == nil {
			_, err = w.Write([]byte("hello"))
		}
		if err := errors.Join(err, z.Close()); err != nil {
			t.Fatal(err)
		}
		return b.Bytes()
	}
	for want, raw := range map[string][]byte{
		"not a valid zip file":    archive(5)[20:40],
		"unexpected EOF":          archive(6),
		"larger than any network": archive(math.MaxUint64 - 1),
	} {
		path := filepath.Join(t.TempDir(), "bad.whl")
		if err := os.WriteFile(path, raw, 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := open(path, 16000); err == nil || !strings.Contains(err.Error(), want) || !strings.HasPrefix(err.Error(), path) {
			t.Errorf("%v, want %q", err, want)
		}
	}
}

// TestSilence: no sound and silence have no segments.
func TestSilence(t *testing.T) {
	for _, n := range []int{0, 1, 16000} {
		if got := vad(t, wav(t, 16000, make([]float32, n))); len(got) > 0 {
			t.Errorf("%d zeros: %v", n, got)
		}
	}
}

// UnmarshalJSON reads [start, end].
func (s *segment) UnmarshalJSON(raw []byte) error {
	var ends [2]int
	err := json.Unmarshal(raw, &ends)
	*s = segment{ends[0], ends[1]}
	return err
}
