// Command tables writes the tables of figures in README.md from what was measured, so that none is
// typed by hand:
//
//	go run ./bench/tables        (make readme-tables)
//
//	bench/results/NAME.txt, samples of bench/peers --> <!-- figures NAME --> ... <!-- end of figures -->
//
// A time is the median of the samples, a ratio that of the ratios within a round; beside ours
// stands the fastest of the others, whoever that is. Rows that NAME has no samples of are left out.
package main

import (
	"bufio"
	"errors"
	"fmt"
	"log"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// A line of the table: what it says, and which benchmark it is about.
type line struct {
	about, name string
	element     bool // its time is that of an element
}

var lines = []line{
	{"LSTM, 64 sequences of 100 steps, 256 units: inference", "Sequence/kind=lstm/B=64/T=100/I=256/H=256/pass=inference", false},
	{"the same: training, forward and backward", "Sequence/kind=lstm/B=64/T=100/I=256/H=256/pass=training", false},
	{"LSTM, one sequence of 100 steps, 512 units: inference", "Sequence/kind=lstm/B=1/T=100/I=512/H=512/pass=inference", false},
	{"the same: training, forward and backward", "Sequence/kind=lstm/B=1/T=100/I=512/H=512/pass=training", false},
	{"GRU, 32 sequences of 50 steps, 256 units: inference", "Sequence/kind=gru/B=32/T=50/I=256/H=256/pass=inference", false},
	{"LSTM step of a stream, 256 units", "Stream/kind=lstm/B=1/H=256", false},
	{"VRNN of 100 units, 128 sequences of 28 steps: an update", "Train/model=vrnn/size=small/B=128/T=28/X=28/H=100/Z=16", false},
	{"VRNN of 512 units, 32 sequences of 40 steps: an update", "Train/model=vrnn/size=mid/B=32/T=40/X=200/H=512/Z=64", false},
	{"VRNN of 2000 units, 32 sequences of 40 steps: an update", "Train/model=vrnn/size=large/B=32/T=40/X=200/H=2000/Z=200", false},
	{"VAE on 100 images of 784 pixels: an update", "Train/model=vae/size=mnist/B=100/T=1/X=784/H=500/Z=20", false},
	{"VRAE with RNNs of 500 units, 64 piano rolls of 50 steps: an update", "Train/model=vrae-rnn/size=rolls/B=64/T=50/X=88/H=500/Z=20", false},
	{"VRAE with LSTMs of 500 units: an update", "Train/model=vrae-lstm/size=rolls/B=64/T=50/X=88/H=500/Z=20", false},
	{"exp (0.89 ULP)", "Exp/N=4096", true},
	{"log (0.86 ULP)", "Log/N=4096", true},
	{"tanh (1.36 ULP)", "Tanh/N=4096", true},
	{"sigmoid (1.96 ULP)", "Sigmoid/N=4096", true},
	{"Adam of 65,536 parameters", "Adam/N=65536", true},
	{"Gaussian KL from log variances, 256 x 256", "GaussKL/B=256/Z=256/form=LogVar", true},
}

// others are names for those that are not ours; what is not here has no place in the table.
var others = map[string]string{
	"onednn": "oneDNN", "onnxruntime": "ONNX Runtime", "openblas": "OpenBLAS", "mkl": "MKL", "sleef": "SLEEF (1 ULP)", "sleef-u35": "SLEEF (3.5 ULP)",
	"libmvec": "libmvec (4 ULP)", "c": "gcc -O3 -ffast-math", "torch": "PyTorch", "torch-batched": "PyTorch, steps at once where it can",
	"c-avx2": "gcc -O3 -ffast-math -mavx2", "libmvec-avx2": "libmvec, AVX2", "sleef-avx2": "SLEEF, AVX2",
	"torch-delayed": "PyTorch, with gathered gradients", "torch-compiled": "torch.compile", "torch-cell": "PyTorch, cell", "torch-op": "PyTorch, function", "torch-layer": "PyTorch, layer",
}

// samples are nanoseconds by benchmark and implementation.
type samples map[string]map[string][]float64

var sampleLine = regexp.MustCompile(`^Benchmark(\S+)/impl=(\S+)\s+\d+\s+([\d.]+) ns/op(?:\s+([\d.]+) ns/elem)?`)

func read(path string) (samples, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	s := samples{}
	for in := bufio.NewScanner(file); in.Scan(); {
		m := sampleLine.FindStringSubmatch(in.Text())
		if m == nil {
			continue
		}
		text := m[3]
		if m[4] != "" {
			text = m[4]
		}
		ns, err := strconv.ParseFloat(text, 64)
		if err != nil {
			return nil, fmt.Errorf("%s: %s: %w", path, in.Text(), err)
		}
		if s[m[1]] == nil {
			s[m[1]] = map[string][]float64{}
		}
		s[m[1]][m[2]] = append(s[m[1]][m[2]], ns)
	}
	if len(s) == 0 {
		return nil, fmt.Errorf("%s has no samples", path)
	}
	return s, nil
}

func median(x []float64) float64 {
	s := slices.Sorted(slices.Values(x))
	return (s[(len(s)-1)/2] + s[len(s)/2]) / 2
}

// ratio is the median of the ratios of samples of the same round.
func ratio(theirs, ours []float64) float64 {
	if len(theirs) != len(ours) {
		return median(theirs) / median(ours)
	}
	var q []float64
	for i := range ours {
		q = append(q, theirs[i]/ours[i])
	}
	return median(q)
}

// table writes the lines that there are samples for.
func (s samples) table() string {
	var b strings.Builder
	b.WriteString("| one core, float32 | Elbow | fastest other | |\n|---|---|---|---|\n")
	for _, l := range lines {
		all := s[l.name]
		our, ok := all["avx512"]
		if !ok {
			continue
		}
		best, who, by := 0.0, "", ""
		for impl, x := range all {
			if name, ok := others[impl]; ok && (who == "" || median(x) < best || median(x) == best && name < who) {
				best, who, by = median(x), name, impl
			}
		}
		if who == "" {
			continue
		}
		ours, theirs := duration(median(our), l.element), duration(best, l.element)
		if ratio(all[by], our) >= 1 {
			ours = "**" + ours + "**"
		} else {
			theirs = "**" + theirs + "**"
		}
		fmt.Fprintf(&b, "| %s | %s | %s, %s | %.2fx |\n", l.about, ours, theirs, who, ratio(all[by], our))
	}
	return b.String()
}

// duration writes nanoseconds with three digits.
func duration(ns float64, element bool) string {
	unit := "ns"
	switch {
	case element:
		unit = "ns an element"
	case ns >= 1e6:
		ns, unit = ns/1e6, "ms"
	case ns >= 1e3:
		ns, unit = ns/1e3, "us"
	}
	digits := 0
	for v := ns; v < 100 && digits < 3; v *= 10 {
		digits++
	}
	return strconv.FormatFloat(ns, 'f', digits, 64) + " " + unit
}

var marked = regexp.MustCompile(`(?s)(<!-- figures (\S+) -->\n).*?(<!-- end of figures -->)`)

// fill returns the text with every table written anew from dir.
func fill(text, dir string) (string, error) {
	var errs []error
	if !marked.MatchString(text) {
		return "", errors.New("no table is marked")
	}
	out := marked.ReplaceAllStringFunc(text, func(old string) string {
		m := marked.FindStringSubmatch(old)
		s, err := read(filepath.Join(dir, m[2]+".txt"))
		errs = append(errs, err)
		return m[1] + s.table() + m[3]
	})
	return out, errors.Join(errs...)
}

func main() {
	log.SetFlags(0)
	log.SetPrefix("tables: ")
	text, err := os.ReadFile("README.md")
	if err != nil {
		log.Fatal(err)
	}
	out, err := fill(string(text), "bench/results")
	if err == nil && out != string(text) {
		err = os.WriteFile("README.md", []byte(out), 0o666)
	}
	if err != nil {
		log.Fatal(err)
	}
}
