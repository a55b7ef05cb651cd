package main

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"github.com/elbow-go/elbow/bench"
	"github.com/elbow-go/elbow/bench/internal/cases"
	"github.com/elbow-go/elbow/cell"
)

// A suite is cases that are measured in one way.
type suite struct {
	name           string
	peers          []string                                  // workers
	all            func() []cases.Maker                      // its cases
	of             func(shape string) ([]cases.Maker, error) // those of one shape, nil if it has none
	sweeps, rounds int
	sample         float64 // nanoseconds
	allISAs        bool    // ours are measured with all instruction sets, not with the best alone
	tolerance      float64 // of results

	makers []cases.Maker // to be measured
}

var libraries = []string{"PyTorch", "ONNX Runtime", "oneDNN"}

var suites = []suite{
	{name: "kernels", peers: []string{"C loops", "SLEEF"}, all: kernels, sweeps: 5, rounds: 8, sample: 0.7e6, allISAs: true, tolerance: 1e-4},
	{name: "products", peers: []string{"OpenBLAS", "MKL", "oneDNN"}, sweeps: 1, rounds: 9, sample: 5e6, tolerance: 1e-4,
		all: func() []cases.Maker { return cases.Products(bench.PeerProducts) }, of: productOf},
	{name: "sequences", peers: libraries, sweeps: 1, rounds: 7, sample: 20e6, tolerance: 2e-3,
		all: func() []cases.Maker { return cases.Sequences(cases.Kinds, bench.PeerSequences) }, of: sequenceOf},
	{name: "steps", peers: libraries, sweeps: 1, rounds: 9, sample: 2e6, tolerance: 1e-4,
		all: func() []cases.Maker { return cases.Steps(cases.Kinds, bench.PeerSteps) }, of: stepOf},
	{name: "small", peers: libraries, sweeps: 1, rounds: 7, sample: 20e6, tolerance: 2e-3,
		all: func() []cases.Maker { return cases.Sequences(cases.Kinds, bench.SmallBatches) }, of: sequenceOf},
	{name: "models", peers: []string{"PyTorch"}, sweeps: 1, rounds: 7, sample: 20e6, tolerance: 5e-3,
		all: func() []cases.Maker { return cases.Models(bench.PeerModels) }, of: modelOf},
	{name: "quantized", peers: []string{"PyTorch", "ONNX Runtime"}, sweeps: 1, rounds: 9, sample: 10e6, tolerance: 0.1,
		all: func() []cases.Maker { return cases.Quantized(cases.Kinds[:2], bench.QuantizedSequences) }, of: quantizedOf},
}

func suiteNames() (list []string) {
	for _, s := range suites {
		list = append(list, s.name)
	}
	return list
}

// families are the kernels measured: what has peers, or a target of its own.
var families = []string{"Exp", "Log", "Tanh", "Sigmoid", "Softplus", "GaussKL", "GaussKLBackward", "GaussLogProb", "GaussLogProbBackward",
	"LatentStep", "LatentStepBackward", "GMMLogProb", "GMMLogProbBackward", "BernoulliLogProb", "BernoulliLogProbBackward", "Normal", "Adam"}

// leftOut are cases that no target is about.
var leftOut = regexp.MustCompile(`/N=(64|1048576)$|/B=16/|/B=64/X=88|^Adam/N=4096$`)

func kernels() (list []cases.Maker) {
	for _, f := range families {
		for _, m := range cases.Of(f) {
			if !leftOut.MatchString(f + "/" + m.Keys) {
				list = append(list, m)
			}
		}
	}
	return list
}

// sizes reads so many numbers.
func sizes(shape string, names string) (list []int, err error) {
	for _, s := range strings.Split(shape, ",") {
		n, err := strconv.Atoi(s)
		if err != nil || n < 1 {
			return nil, fmt.Errorf("shape %q: want %s", shape, names)
		}
		list = append(list, n)
	}
	if len(list) != len(strings.Split(names, ",")) {
		return nil, fmt.Errorf("shape %q: want %s", shape, names)
	}
	return list, nil
}

func productOf(shape string) ([]cases.Maker, error) {
	n, err := sizes(shape, "M,N,K")
	if err != nil {
		return nil, err
	}
	var list []bench.Product
	for _, op := range []string{"NN", "NT", "TN"} {
		list = append(list, bench.Product{M: n[0], N: n[1], K: n[2], Op: op})
	}
	return cases.Products(list), nil
}

func sequenceOf(shape string) ([]cases.Maker, error) {
	return sequences(shape, cases.Sequences, cases.Kinds)
}

func quantizedOf(shape string) ([]cases.Maker, error) {
	return sequences(shape, cases.Quantized, cases.Kinds[:2])
}

func sequences(shape string, f func([]cell.Kind, []bench.Sequence) []cases.Maker, kinds []cell.Kind) ([]cases.Maker, error) {
	n, err := sizes(shape, "B,T,I,H")
	if err != nil {
		return nil, err
	}
	return f(kinds, []bench.Sequence{{B: n[0], T: n[1], I: n[2], H: n[3]}}), nil
}

func stepOf(shape string) ([]cases.Maker, error) {
	n, err := sizes(shape, "B,H")
	if err != nil {
		return nil, err
	}
	return cases.Steps(cases.Kinds, [][2]int{{n[0], n[1]}}), nil
}

func modelOf(shape string) ([]cases.Maker, error) {
	var list []bench.Model
	for _, m := range bench.PeerModels {
		if m.Name == shape || m.Size == shape || m.Name+"-"+m.Size == shape {
			list = append(list, m)
		}
	}
	if len(list) == 0 {
		return nil, fmt.Errorf("no model %q", shape)
	}
	return cases.Models(list), nil
}
