package main

import (
	"context"
	"encoding/binary"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/elbow-go/elbow/blas/blastest"
	"github.com/elbow-go/elbow/model"
)

// demand is a table of sales that go up by what was announced, with the announcements of the next steps.
func demand(steps int, known bool) (table, plan string) {
	rng := rand.New(rand.NewPCG(3, 3))
	lift := map[string]float64{"none": 0, "flyer": 12, "sale": 30}
	kind := "none"
	var b, p strings.Builder
	b.WriteString("demand")
	if known {
		b.WriteString(",promotion")
	}
	p.WriteString("promotion\n")
	for t := range steps {
		if t%3 == 0 {
			kind = []string{"none", "none", "flyer", "sale"}[rng.IntN(4)]
		}
		fmt.Fprintf(&b, "\n%.2f", 50+8*math.Sin(2*math.Pi*float64(t)/7)+lift[kind]+2*rng.NormFloat64())
		if known {
			b.WriteString("," + kind)
		}
		if t < 10 {
			p.WriteString([]string{"none", "sale"}[t/5] + "\n")
		}
	}
	return b.String() + "\n", p.String()
}

// TestGivenForecast: a forecast that knows what was announced is far better than one that does not, and
// every command reads the conditions again.
func TestGivenForecast(t *testing.T) {
	blastest.UseGo(t)
	miss := map[bool]float64{}
	for _, known := range []bool{true, false} {
		table, plan := demand(600, known)
		dir, data := filepath.Join(t.TempDir(), "run"), write(t, "demand.csv", table)
		args := []string{"train", "-data", data, "-out", dir, "-model", "rnn", "-hidden", "16", "-epochs", "60", "-lr", "0.01", "-truncate", "60"}
		if known {
			args = append(args, "-given", "promotion")
		}
		mustRun(t, args...)
		mustRun(t, "continue", "-model", dir, "-out", dir, "-prime", data, "-held", "40")
		for _, r := range readCSV(t, filepath.Join(dir, "forecast.csv"))[1:] {
			mean, _ := strconv.ParseFloat(r[1], 64)
			truth, _ := strconv.ParseFloat(r[5], 64)
			miss[known] += (mean - truth) * (mean - truth) / 40
		}
		if !known {
			continue
		}
		future := write(t, "plan.csv", plan)
		mustRun(t, "continue", "-model", dir, "-out", dir, "-prime", data, "-given", future, "-steps", "10")
		means := make([]float64, 2)
		for i, r := range readCSV(t, filepath.Join(dir, "forecast.csv"))[1:] {
			v, _ := strconv.ParseFloat(r[1], 64)
			means[i/5] += v / 5
		}
		if means[1] < means[0]+15 {
			t.Errorf("%v are expected without and with a sale", means)
		}
		if got := readCSV(t, filepath.Join(dir, "forecast.csv"))[0]; strings.Join(got, ",") != "step,demand mean,demand 10%,demand 50%,demand 90%" {
			t.Errorf("forecast of %q: what is given is not predicted", got)
		}
		mustRun(t, "eval", "-model", dir)
		mustRun(t, "score", "-model", dir, "-out", dir, "-data", data)
		mustRun(t, "sample", "-model", dir, "-out", dir, "-given", future)
		if n := len(readCSV(t, filepath.Join(dir, "sample.csv"))); n != 11 {
			t.Errorf("%d lines for a plan of 10 steps", n)
		}
		mustRun(t, "train", "-resume", "-out", dir, "-data", data, "-given", "promotion", "-epochs", "61")
		alone, _ := demand(600, false)
		for want, args := range map[string][]string{
			"say with -given what the model is given in the steps to come: promotion (flyer, none, sale)": {"continue", "-model", dir, "-out", dir, "-prime", data},
			"say with -given what the model is given: promotion (flyer, none, sale)":                      {"sample", "-model", dir, "-out", dir},
			"none of the classes of the training":                                                         {"sample", "-model", dir, "-out", dir, "-given", "gift"},
			"10 rows for 11 steps":                                                                        {"sample", "-model", dir, "-out", dir, "-given", future, "-steps", "11"},
			"no such column":                                                                              {"score", "-model", dir, "-out", dir, "-data", write(t, "alone.csv", alone)},
		} {
			if code, _, errOut := elbow(context.Background(), args...); code == 0 || !strings.Contains(errOut, want) {
				t.Errorf("%v: %s, want %q", args, errOut, want)
			}
		}
	}
	if !(math.Sqrt(miss[true]) < 4) || !(miss[true] < miss[false]/4) {
		t.Errorf("mean squares of errors: %v with what is announced, %v without", miss[true], miss[false])
	}
}

// labelledImages returns a folder of images of 2 x 2 whose left half is bright in class 0, the right one in
// class 1.
func labelledImages(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	for part, n := range map[string]int{"train": 60, "t10k": 20} {
		images := binary.BigEndian.AppendUint32([]byte{0, 0, 8, 3}, uint32(n))
		images = append(images, 0, 0, 0, 2, 0, 0, 0, 2)
		labels := binary.BigEndian.AppendUint32([]byte{0, 0, 8, 1}, uint32(n))
		for i := range n {
			left, right := byte(200+i%40), byte(i%30)
			if i%2 == 1 {
				left, right = right, left
			}
			images, labels = append(images, left, right, left, right), append(labels, byte(i%2))
		}
		for name, raw := range map[string][]byte{part + "-images-idx3-ubyte": images, part + "-labels-idx1-ubyte": labels} {
			if err := os.WriteFile(filepath.Join(dir, name), raw, 0o666); err != nil {
				t.Fatal(err)
			}
		}
	}
	return dir
}

// TestGivenImages: images are drawn by their labels, whose number is in the configuration.
func TestGivenImages(t *testing.T) {
	blastest.UseGo(t)
	dir, data := filepath.Join(t.TempDir(), "run"), labelledImages(t)
	mustRun(t, "train", "-data", data, "-given", "label", "-out", dir, "-epochs", "60", "-hidden", "16", "-latent", "2", "-batch", "10", "-lr", "0.01")
	m, info, err := model.Load(checkpoint(dir))
	if err != nil || m.Settings().Given != 2 || info.Form.Given[0].Name != "label" {
		t.Fatalf("%v: %+v", err, info)
	}
	for class := range 2 {
		given := []float32{0, 0}
		given[class] = 1
		x := model.Sample(m, model.Draw{Count: 1, Steps: 1, Mean: true, Given: given})
		if left, right := x[0]+x[2], x[1]+x[3]; (left > right) != (class == 0) {
			t.Errorf("class %d looks like %v", class, x)
		}
	}
	for _, args := range [][]string{
		{"sample", "-given", "1", "-count", "4"}, {"sample", "-given", "label=0"}, {"eval"}, {"encode"}, {"reconstruct"}, {"eval", "-data", data, "-given", "label"},
	} {
		args = append(args, "-model", dir)
		if args[0] != "eval" {
			args = append(args, "-out", dir)
		}
		mustRun(t, args...)
	}
	mustRun(t, "interpolate", "train-images-idx3-ubyte[0]", "train-images-idx3-ubyte[1]", "-model", dir, "-out", dir)
}
