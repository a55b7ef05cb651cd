package asmtest

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"slices"
	"strings"
)

// incomplete reads the source of the package and returns what keeps the table from being
// complete: exported functions and methods with an int or a slice that are not in it, and lines of it
// without a function.
func (c *Calls) incomplete() (problems []string) {
	c.params = map[string][]string{}
	files, err := filepath.Glob(filepath.Join(c.Dir, "*.go"))
	if err != nil {
		return []string{err.Error()}
	}
	listed := func(name string) bool {
		return slices.ContainsFunc(c.Funcs, func(f Func) bool { return f.Name == name })
	}
	for _, path := range files {
		if strings.HasSuffix(path, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
		if err != nil {
			return []string{err.Error()}
		}
		for _, decl := range file.Decls {
			name, params, sized := signature(decl)
			if name == "" || c.params[name] != nil { // declared again for another build
				continue
			}
			c.params[name] = params
			if sized && !listed(name) {
				problems = append(problems, fmt.Sprintf("%s: %s takes sizes and is not in the table", path, name))
			}
		}
	}
	for _, f := range c.Funcs {
		if c.params[f.Name] == nil || len(f.Forms) == 0 {
			problems = append(problems, fmt.Sprintf("%s is in the table, and no exported function with parameters", f.Name))
		}
	}
	return problems
}

// signature returns the name of an exported function, or method of an exported type, the names
// of its parameters, and whether an int or a slice is among them.
func signature(decl ast.Decl) (name string, params []string, sized bool) {
	f, ok := decl.(*ast.FuncDecl)
	if !ok || !f.Name.IsExported() {
		return "", nil, false
	}
	name = f.Name.Name
	var fields []*ast.Field
	if f.Recv != nil {
		receiver := TypeName(f.Recv.List[0].Type)
		if !ast.IsExported(receiver) {
			return "", nil, false
		}
		name = receiver + "." + name
		fields = append(fields, f.Recv.List...)
	}
	for _, field := range append(fields, f.Type.Params.List...) {
		_, isSlice := field.Type.(*ast.ArrayType)
		sized = sized || isSlice || TypeName(field.Type) == "int"
		if len(field.Names) == 0 {
			params = append(params, "_")
		}
		for _, n := range field.Names {
			params = append(params, n.Name)
		}
	}
	return name, params, sized
}

// TypeName returns the name of a type, without a pointer and type parameters.
func TypeName(e ast.Expr) string {
	switch e := e.(type) {
	case *ast.StarExpr:
		return TypeName(e.X)
	case *ast.IndexExpr:
		return TypeName(e.X)
	case *ast.Ident:
		return e.Name
	}
	return ""
}
