package elbow

import (
	"go/parser"
	"go/token"
	"io/fs"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// layers lists the packages from the bottom up. A package may import those of lower layers
// only; packages of one layer do not know each other.
var layers = [][]string{
	{"asm", "internal/array", "internal/f32", "internal/f64", "internal/pages", "internal/par", "internal/size"},
	{"internal/measure", "internal/tile", "sound"},
	{"kernels", "blas"},
	{"cell", "dist"},
	{"weights"},
	{"model"},
	{"cmd/elbow"},
	{"bench"},
	{"adapters", "examples"},
}

// lean lists what kernels, blas and cell may import from outside the standard library.
var lean = []string{"gonum.org/v1/gonum", "gonum.org/v1/netlib", "github.com/klauspost/cpuid/v2"}

const modulePath = "github.com/elbow-go/elbow"

// layerOf returns the layer of a folder, or -1: packages below a listed folder are in its
// layer, and the rest of internal serves model and the command.
func layerOf(dir string) (layer int, name string) {
	for i, l := range layers {
		for _, p := range l {
			if dir == p || strings.HasPrefix(dir, p+"/") {
				return i, p
			}
		}
	}
	return -1, dir
}

func TestImportsGoDown(t *testing.T) {
	seen := map[string]bool{}
	err := filepath.WalkDir(".", func(path string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if e.IsDir() {
			if n := e.Name(); path != "." && (n[0] == '.' || n[0] == '_' || n == "testdata" || n == "tools" || n == "run") {
				return fs.SkipDir
			}
			return nil
		}
		if !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return nil
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.ImportsOnly)
		if err != nil {
			return err
		}
		dir := filepath.ToSlash(filepath.Dir(path))
		layer, name := layerOf(dir)
		seen[name] = true
		for _, imp := range file.Imports {
			target, err := strconv.Unquote(imp.Path.Value)
			if err != nil {
				return err
			}
			inside, ok := strings.CutPrefix(target, modulePath+"/")
			if !ok {
				first, _, _ := strings.Cut(target, "/")
				helper := dir == "asm/asmtest" // imported by tests only
				if layer >= 0 && layer <= 3 && strings.Contains(first, ".") && !allowed(target) && !helper {
					t.Errorf("%s imports %s, want only the standard library and %v", path, target, lean)
				}
				continue
			}
			to, other := layerOf(inside)
			switch {
			case layer >= 0 && layer <= 3 && to < 0:
				t.Errorf("%s imports %s, which is for model and the command", path, inside)
			case (name == "examples" || name == "adapters") && strings.HasPrefix(inside, "internal/"):
				t.Errorf("%s imports %s: examples and adapters use what their readers can", path, inside)
			case layer >= 0 && to > layer:
				t.Errorf("%s imports %s: up", path, inside)
			case layer >= 0 && to == layer && other != name:
				t.Errorf("%s imports %s: sideways", path, inside)
			case layer < 0 && to >= 4 && !(dir == "internal/dataset" && inside == "model") && dir != "internal/report": // they make the data of models, and pages of them
				t.Errorf("%s imports %s: internal packages serve model and the command, not the reverse", path, inside)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, l := range layers {
		for _, p := range l {
			if !seen[p] {
				t.Errorf("package %s is listed but not there", p)
			}
		}
	}
}

// TestLean: a program of kernels and cell is built of nothing else of this module than what is below them, and of no
// library beyond those in lean and theirs.
func TestLean(t *testing.T) {
	out, err := exec.Command("go", "list", "-deps", "./kernels", "./cell").Output()
	if err != nil {
		t.Fatal(err)
	}
	others := append([]string{"golang.org/x/sys"}, lean...) // which cpuid takes
	for _, path := range strings.Fields(string(out)) {
		first, _, _ := strings.Cut(path, "/")
		inside, ok := strings.CutPrefix(path, modulePath+"/")
		switch layer, _ := layerOf(inside); {
		case ok && (layer < 0 || layer > 3):
			t.Errorf("kernels and cell depend on %s", path)
		case !ok && strings.Contains(first, ".") && !slices.ContainsFunc(others, func(l string) bool { return path == l || strings.HasPrefix(path, l+"/") }):
			t.Errorf("kernels and cell depend on %s, want %v", path, others)
		}
	}
}

func allowed(path string) bool {
	return slices.ContainsFunc(lean, func(l string) bool { return path == l || strings.HasPrefix(path, l+"/") })
}
