// Command _gen writes the machine code of Elbow: one .s file and one file of Go
// declarations per family and instruction set, and the package that chooses among them.
//
//	recipe    lstm.go, gauss.go ...: the equation, as operations on vectors   |  gemm*.go, step.go:
//	   |      recorded by engine.Block, in one or more interleaved copies     |  code that orders itself
//	engine    registers (alloc.go), loops and tails (loop.go), constants (func.go)
//	   |      what a target is asked to do: machine.go and target.go
//	x86       avx2 and avx512, checked and printed by avo    arm64    neon
//	   |
//	asm/avx2, asm/avx512
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
	"github.com/elbow-go/elbow/asm/_gen/x86"
)

// families maps the stem of the output files to the recipes, in the order of the stem.
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
	{"noise", recipe.Noise},
	{"dist", recipe.Dist},
	{"gauss", recipe.Gauss},
	{"bivariate", recipe.Bivariate},
	{"logistic", recipe.Logistic},
	{"step", recipe.Step}, // where there are registers for it
	{"gemm", func(f *engine.File) { recipe.Gemm(f) }},
	{"gemm64", func(f *engine.File) { recipe.Gemm64(f) }},
}

func main() {
	log.SetFlags(0)
	log.SetPrefix("asm/_gen: ")
	for _, t := range []engine.Target{x86.AVX2, x86.AVX512} {
		for _, fam := range families {
			if fam.stem == "step" && t.Traits().Vectors < 32 {
				continue
			}
			f := engine.NewFile(t.NewAsm(fam.stem))
			f.Names = recipe.Names
			fam.recipes(f)
			f.Finish()
			maps.Copy(variants, f.Serves)
			if err := write(f, filepath.Join("..", t.Traits().Name, fam.stem), fam.stem); err != nil {
				log.Fatalf("%s %s: %v", t.Traits().Name, fam.stem, err)
			}
		}
	}
	if err := writeDispatch(filepath.Join("..", "simd")); err != nil {
		log.Fatal(err)
	}
}

// write checks a family and writes its two files.
func write(f *engine.File, path, stem string) error {
	code, decls, err := f.Files("asm/_gen/recipe/" + stem + ".go")
	if err != nil {
		return err
	}
	if err := os.WriteFile(path+"_amd64.s", code, 0o666); err != nil {
		return err
	}
	return os.WriteFile(path+"_amd64.go", decls, 0o666)
}
