package main

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/mmcloughlin/avo/build"
)

// mnemonics are the instructions that the targets know.
func mnemonics(t *testing.T) map[string]bool {
	all := map[string]bool{}
	for m := range reflect.TypeFor[*build.Context]().Methods() {
		if strings.ToUpper(m.Name) == m.Name && m.Type.NumOut() == 0 {
			all[m.Name] = true
		}
	}
	table, err := os.ReadFile("arm64/table.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range regexp.MustCompile(`(?m)^\t\{"([A-Z]\w+)"`).FindAllStringSubmatch(string(table), -1) {
		all[m[1]] = true
	}
	return all
}

// TestNeutral: the engine and the recipes import no target and name no instruction, no register and no
// instruction set. Comments may, to give reasons.
func TestNeutral(t *testing.T) {
	names := mnemonics(t)
	if !names["VADDPS"] || !names["ADDQ"] || !names["FMLA"] {
		t.Fatalf("%d mnemonics, but not all", len(names))
	}
	words := regexp.MustCompile(`\w+`)
	sets := regexp.MustCompile(`^(?i:avx\w*|sse\w*|neon|x86|amd64|arm64)$`)
	registers := regexp.MustCompile(`^((?i:[xyz]mm\d+)|R?[ABCD]X|R?[SD]I|R[89]|[RVXYZK]\d+)$`)
	for _, dir := range []string{"engine", "recipe"} {
		files, err := filepath.Glob(dir + "/*.go")
		if err != nil || len(files) == 0 {
			t.Fatalf("no files in %s: %v", dir, err)
		}
		for _, file := range files {
			if strings.HasSuffix(file, "_test.go") {
				continue
			}
			fset := token.NewFileSet()
			f, err := parser.ParseFile(fset, file, nil, parser.SkipObjectResolution)
			if err != nil {
				t.Fatal(err)
			}
			for _, imp := range f.Imports {
				path, _ := strconv.Unquote(imp.Path.Value)
				const numbers = "github.com/elbow-go/elbow/internal/f32" // which the references have too
				if strings.Contains(path, ".") && path != "github.com/elbow-go/elbow/asm/_gen/engine" && path != numbers {
					t.Errorf("%s imports %s", file, path)
				}
			}
			ast.Inspect(f, func(n ast.Node) bool {
				text := ""
				switch n := n.(type) {
				case *ast.Ident:
					text = n.Name
				case *ast.BasicLit:
					text = n.Value
				}
				for _, w := range words.FindAllString(text, -1) {
					prose := strings.Contains(text, " ") // docs of what is generated may name a set
					if names[w] || registers.MatchString(w) || sets.MatchString(w) && !prose {
						t.Errorf("%s: %s", fset.Position(n.Pos()), w)
					}
				}
				return true
			})
		}
	}
}
