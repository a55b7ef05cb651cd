package main

import (
	"cmp"
	"flag"
	"fmt"
	"log"
	"os"
	"os/exec"
	"path"
	"slices"
	"strings"
)

const modulePath = "github.com/elbow-go/elbow"

// patterns are the packages to look into.
var patterns = []string{"./cell", "./cmd/elbow", "./internal/...", "./kernels", "./model", "./sound"}

// leftOut are the product, and folders whose results only pictures and people see.
var leftOut = []string{"internal/tile", "internal/check", "internal/figure", "internal/measure", "internal/report"}

// allowed are functions that may do what is looked for, and why. In package kernels those
// whose name ends in 64 may too: float64 has no promise of bits there.
var allowed = map[string]string{
	"internal/f32.FMA":    "a product of two float32 is exact in float64, so it makes no difference",
	"internal/f32.fmaTie": "likewise",
	"cmd/elbow.varNats":   "a baseline, whose input comes from products of gonum that are not pinned down either",
	"cmd/elbow.bestNu":    "likewise",
	"kernels.lse64.add":   "for float64",
	"kernels.lse64.value": "for float64",
}

func main() {
	log.SetFlags(0)
	log.SetPrefix("fused: ")
	arch := flag.String("arch", "arm64", "architecture to compile for")
	flag.Parse()
	found, err := check(*arch)
	if err != nil {
		log.Fatal(err)
	}
	for _, p := range found {
		fmt.Println(p)
	}
	if len(found) > 0 {
		log.Fatalf("%d places with other bits on other architectures: write float64(x*y) + z, and take functions from internal/f64", len(found))
	}
}

// check returns what is found in the packages, those of the module in the current folder.
func check(arch string) ([]place, error) {
	root, err := os.Getwd()
	if err != nil {
		return nil, err
	}
	dirs, err := list()
	if err != nil {
		return nil, err
	}
	found, err := compile(root, arch, dirs)
	if err != nil {
		return nil, err
	}
	for _, dir := range dirs {
		uses, err := mathUses(root, dir)
		if err != nil {
			return nil, err
		}
		found = append(found, uses...)
	}
	if arch == "arm64" {
		if err := allNeeded(found); err != nil {
			return nil, err
		}
	}
	found = slices.DeleteFunc(found, place.allowed)
	slices.SortFunc(found, func(a, b place) int {
		return cmp.Or(strings.Compare(a.file, b.file), cmp.Compare(a.line, b.line), strings.Compare(a.what, b.what))
	})
	return slices.Compact(found), nil
}

// list returns the folders of the packages to look into.
func list() ([]string, error) {
	cmd := exec.Command("go", append([]string{"list"}, patterns...)...)
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("go list: %w", err)
	}
	var dirs []string
	for p := range strings.FieldsSeq(string(out)) {
		dir, ok := strings.CutPrefix(p, modulePath+"/")
		if !ok {
			return nil, fmt.Errorf("go list: package %s, want those of %s", p, modulePath)
		}
		if !slices.ContainsFunc(leftOut, func(l string) bool { return dir == l || strings.HasPrefix(dir, l+"/") }) {
			dirs = append(dirs, dir)
		}
	}
	return dirs, nil
}

// A place is a line of ours that is not the same everywhere.
type place struct {
	file     string // relative to the module
	line     int
	function string // Type.Name for a method
	what     string // FMADDD, math.Log
}

func (p place) String() string {
	return fmt.Sprintf("%s:%d: %s in %s", p.file, p.line, p.what, p.function)
}

// name returns the folder and the name of the function.
func (p place) name() string { return path.Dir(p.file) + "." + p.function }

func (p place) allowed() bool {
	_, ok := allowed[p.name()]
	return ok || path.Dir(p.file) == "kernels" && strings.HasSuffix(p.function, "64")
}

// allNeeded reports an exception that nothing has been found for.
func allNeeded(found []place) error {
	for name := range allowed {
		if !slices.ContainsFunc(found, func(p place) bool { return p.name() == name }) {
			return fmt.Errorf("%s is allowed to fuse but does not: take it off the list", name)
		}
	}
	return nil
}
