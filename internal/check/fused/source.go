package main

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// exact are the functions of package math whose result is defined to the last bit, or is no
// float at all. All others have several implementations.
var exact = strings.Fields("Abs Ceil Copysign Dim FMA Float32bits Float32frombits Float64bits Float64frombits Floor Frexp Ilogb Inf " +
	"IsInf IsNaN Ldexp Logb Max Min Mod Modf NaN Nextafter Nextafter32 Remainder Round RoundToEven Signbit Sqrt Trunc")

// mathUses returns the places in a folder's sources, tests aside, that use another function
// of package math.
func mathUses(root, dir string) ([]place, error) {
	entries, err := os.ReadDir(filepath.Join(root, dir))
	if err != nil {
		return nil, err
	}
	var places []place
	for _, e := range entries {
		if !strings.HasSuffix(e.Name(), ".go") || strings.HasSuffix(e.Name(), "_test.go") {
			continue
		}
		s, err := parse(filepath.Join(root, dir, e.Name()))
		if err != nil {
			return nil, err
		}
		for _, u := range s.mathUses() {
			u.file = dir + "/" + e.Name()
			places = append(places, u)
		}
	}
	return places, nil
}

// A source is a file of Go.
type source struct {
	set  *token.FileSet
	file *ast.File
}

func parse(path string) (*source, error) {
	s := &source{set: token.NewFileSet()}
	var err error
	s.file, err = parser.ParseFile(s.set, path, nil, parser.SkipObjectResolution)
	return s, err
}

// mathUses returns the places that use a function of package math that is not exact.
func (s *source) mathUses() (places []place) {
	name := ""
	for _, imp := range s.file.Imports {
		if path, _ := strconv.Unquote(imp.Path.Value); path == "math" {
			name = "math"
			if imp.Name != nil {
				name = imp.Name.Name
			}
		}
	}
	ast.Inspect(s.file, func(n ast.Node) bool {
		sel, ok := n.(*ast.SelectorExpr)
		if !ok {
			return true
		}
		if x, ok := sel.X.(*ast.Ident); !ok || name == "" || x.Name != name || constant(sel.Sel.Name) || slices.Contains(exact, sel.Sel.Name) {
			return true
		}
		line := s.set.Position(sel.Pos()).Line
		places = append(places, place{line: line, function: s.function(line), what: "math." + sel.Sel.Name})
		return true
	})
	return places
}

// constant reports whether a name of package math is that of a constant.
func constant(name string) bool {
	return slices.ContainsFunc([]string{"Max", "Min", "Smallest"}, func(p string) bool { return len(name) > len(p) && strings.HasPrefix(name, p) }) ||
		slices.Contains(strings.Fields("E Pi Phi Sqrt2 SqrtE SqrtPi SqrtPhi Ln2 Log2E Ln10 Log10E"), name)
}

// function returns the name of the function at a line, Type.Name for a method.
func (s *source) function(line int) string {
	for _, d := range s.file.Decls {
		f, ok := d.(*ast.FuncDecl)
		if !ok || line < s.set.Position(f.Pos()).Line || line > s.set.Position(f.End()).Line {
			continue
		}
		if f.Recv == nil {
			return f.Name.Name
		}
		return receiver(f.Recv.List[0].Type) + "." + f.Name.Name
	}
	return "a variable"
}

// receiver returns the name in the type of a receiver: T of *T and of T[X].
func receiver(t ast.Expr) string {
	switch t := t.(type) {
	case *ast.StarExpr:
		return receiver(t.X)
	case *ast.IndexExpr:
		return receiver(t.X)
	case *ast.IndexListExpr:
		return receiver(t.X)
	case *ast.Ident:
		return t.Name
	}
	return "?"
}
