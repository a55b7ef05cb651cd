// Command _gen writes the machine code of Elbow: one .s file and one file of Go
// declarations per family and instruction set.
//
//	recipe/vec.go, lstm.go, ...        the equation, as operations on vectors
//	   |  recorded by Block (engine/ir.go), in one or more interleaved copies
//	registers and forms (alloc.go), loops and tails (loop.go), constants (func.go)
//	   |  checked and printed by avo
//	asm/avx2, asm/avx512               products (recipe/gemm*.go) get there through engine/machine.go and x86
//	   |  which kernel of which instruction set (dispatch.go)
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
	"github.com/mmcloughlin/avo/pass"
	"github.com/mmcloughlin/avo/printer"
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
	{"step", recipe.Step}, // AVX-512 only: elsewhere there are no registers for it
}

// products are those that need no blocks.
var products = []struct {
	stem    string
	recipes func(a engine.Asm)
}{
	{"gemm", recipe.Gemm},
}

func main() {
	log.SetFlags(0)
	log.SetPrefix("asm/_gen: ")
	for _, isa := range []*engine.ISA{engine.AVX2, engine.AVX512} {
		for _, fam := range families {
			if fam.stem == "step" && !isa.AVX512 {
				continue
			}
			f := engine.NewFile(isa, fam.stem)
			fam.recipes(f)
			f.Finish()
			maps.Copy(variants, f.Serves)
			if err := write(f, filepath.Join("..", isa.Name, fam.stem), fam.stem); err != nil {
				log.Fatalf("%s %s: %v", isa.Name, fam.stem, err)
			}
		}
	}
	for _, t := range []engine.Target{x86.AVX2, x86.AVX512} {
		for _, fam := range products {
			a := t.NewAsm(fam.stem, false)
			fam.recipes(a)
			text, decls, err := a.Files("asm/_gen/recipe/" + fam.stem + ".go")
			if err != nil {
				log.Fatalf("%s %s: %v", t.Traits().Name, fam.stem, err)
			}
			path := filepath.Join("..", t.Traits().Name, fam.stem)
			if err := os.WriteFile(path+"_amd64.s", text, 0o666); err != nil {
				log.Fatal(err)
			}
			if err := os.WriteFile(path+"_amd64.go", decls, 0o666); err != nil {
				log.Fatal(err)
			}
		}
	}
	if err := writeDispatch(filepath.Join("..", "simd")); err != nil {
		log.Fatal(err)
	}
}

// write checks a family and writes its two files.
func write(f *engine.File, path, stem string) error {
	file, err := f.Ctx.Result()
	if err != nil {
		return err
	}
	if err := pass.Compile.Execute(file); err != nil {
		return err
	}
	cfg := printer.Config{Name: "asm/_gen/recipe/" + stem + ".go", Pkg: f.ISA.Name}
	for ext, p := range map[string]printer.Printer{"_amd64.s": printer.NewGoAsm(cfg), "_amd64.go": printer.NewStubs(cfg)} {
		text, err := p.Print(file)
		if err != nil {
			return err
		}
		if err := os.WriteFile(path+ext, text, 0o666); err != nil {
			return err
		}
	}
	return nil
}
