// Command _gen writes the machine code of Elbow: one .s file and one file of Go
// declarations per family and instruction set, and the package that chooses among them.
//
//	recipe    lstm.go, gauss.go ...: the equation, as operations on vectors   |  gemm*.go, step.go:
//	   |      recorded by engine.Block, in one or more interleaved copies     |  code that orders itself
//	engine    registers (alloc.go), loops and tails (loop.go), constants (func.go)
//	   |      what a target is asked to do: target.go
//	x86       avx2 and avx512, checked and printed by avo    arm64    neon
//	   |
//	asm/avx2, asm/avx512, asm/neon
//	   |      which kernel of which instruction set: dispatch.go, from what the kernels say of themselves
//	asm/simd
//
// A recipe serves all instruction sets, so their results agree by construction. The same
// input gives the same files, byte for byte.
package main

import (
	"log"
	"maps"
	"os"
	"path/filepath"

	"github.com/elbow-go/elbow/asm/_gen/engine"
	"github.com/elbow-go/elbow/asm/_gen/recipe"
)

// families are the recipes and the stems of the files that they become.
var families = []struct {
	stem    string
	recipes func(f *engine.File)
}{
	{"vec", recipe.Vec},
	{"rnn", recipe.Rnn},
	{"lstm", recipe.Lstm},
	{"gru", recipe.Gru},
	{"linear", recipe.Linear},
	{"optim", recipe.Optim},
	{"softmax", recipe.Softmax},
	{"norm", recipe.Norm},
	{"noise", recipe.Noise},
	{"dist", recipe.Dist},
	{"gauss", recipe.Gauss},
	{"bivariate", recipe.Bivariate},
	{"logistic", recipe.Logistic},
	{"multivariate", recipe.Multivariate},
	{"step", recipe.Step}, // where there are registers for it: see Traits.Among
	{"gemm", recipe.Gemm},
	{"gemmhalf", recipe.GemmHalf}, // where vectors have halves: see ProductTraits.Halves
	{"gemm64", recipe.Gemm64},
	{"int8", recipe.Int8},
	{"dot", recipe.Int8Dot}, // where some machines have the instruction: see Traits.Dots
}

// missing reports whether a target has no functions of a family.
func missing(stem string, t *engine.Traits) bool {
	return stem == "step" && !t.Among || stem == "dot" && !t.Dots.Instruction || stem == "gemmhalf" && !t.Product.Halves
}

func main() {
	log.SetFlags(0)
	log.SetPrefix("asm/_gen: ")
	for _, a := range archs {
		for _, t := range a.isas {
			for _, fam := range families {
				if missing(fam.stem, t.Traits()) {
					continue
				}
				f := engine.NewFile(t.NewAsm(fam.stem))
				f.Names = recipe.Names
				fam.recipes(f)
				f.Finish()
				maps.Copy(variants, f.Serves)
				path := filepath.Join("..", t.Traits().Name, fam.stem+"_"+a.goarch)
				if err := write(f, path, "asm/_gen/recipe/"+fam.stem+".go"); err != nil {
					log.Fatalf("%s: %v", path, err)
				}
			}
		}
	}
	if err := writeDispatch(filepath.Join("..", "simd")); err != nil {
		log.Fatal(err)
	}
}

// write checks a family and writes its two files.
func write(f *engine.File, path, by string) error {
	code, decls, err := f.Files(by)
	if err != nil {
		return err
	}
	if err := os.WriteFile(path+".s", code, 0o666); err != nil {
		return err
	}
	return os.WriteFile(path+".go", decls, 0o666)
}
