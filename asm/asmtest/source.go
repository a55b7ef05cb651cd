package asmtest

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"strings"
)

// A declared function is exported, or a method of an exported type.
type declared struct {
	path, name string
	params     []string // receiver first
	sized      bool     // an int, a slice or a pointer is among the parameters
}

// functions calls f for the declarations of all functions in dir, tests aside.
func functions(dir string, f func(path string, decl *ast.FuncDecl)) error {
	files, err := filepath.Glob(filepath.Join(dir, "*.go"))
	if err != nil {
		return err
	}
	for _, path := range files {
		if strings.HasSuffix(path, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		for _, decl := range file.Decls {
			if decl, ok := decl.(*ast.FuncDecl); ok {
				f(path, decl)
			}
		}
	}
	return nil
}

func declarations(dir string) (all []declared, err error) {
	err = functions(dir, func(path string, decl *ast.FuncDecl) {
		if name, params, sized := signature(decl); name != "" {
			all = append(all, declared{path, name, params, sized})
		}
	})
	return all, err
}

// Params returns the names of the parameters of every exported function of the package in dir,
// and of the methods of its exported types, as Type.Method with the receiver first.
func Params(dir string) (map[string][]string, error) {
	all, err := declarations(dir)
	params := map[string][]string{}
	for _, d := range all {
		if params[d.name] == nil { // it may be declared again for another build
			params[d.name] = d.params
		}
	}
	return params, err
}

// Reach returns which functions of the imported package pkg the functions of the package in dir
// call, themselves or through others of their package. Of methods it knows only the names: it may
// return too many.
func Reach(dir, pkg string) (map[string][]string, error) {
	calls, reach := map[string][]string{}, map[string][]string{} // methods have a dot before their name
	err := functions(dir, func(_ string, decl *ast.FuncDecl) {
		from := decl.Name.Name
		if decl.Recv != nil {
			from = "." + from
		}
		var look func(n ast.Node) bool
		look = func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.SelectorExpr:
				if x, ok := n.X.(*ast.Ident); ok && x.Name == pkg {
					reach[from] = append(reach[from], n.Sel.Name)
				}
				calls[from] = append(calls[from], "."+n.Sel.Name)
				ast.Inspect(n.X, look)
				return false // n.Sel is no function of this package
			case *ast.Ident:
				calls[from] = append(calls[from], n.Name)
			}
			return true
		}
		ast.Inspect(decl, look)
	})
	all := map[string][]string{}
	for from := range calls {
		seen := map[string]bool{}
		var walk func(name string)
		walk = func(name string) {
			if !seen[name] {
				seen[name] = true
				all[from] = append(all[from], reach[name]...)
				for _, next := range calls[name] {
					walk(next)
				}
			}
		}
		walk(from)
	}
	return all, err
}

// incomplete returns what keeps the table from being complete: exported functions and methods with
// an int, a slice or a pointer that are not in it, and lines of it without a function.
func (c *Calls) incomplete() (problems []string) {
	all, err := declarations(c.Dir)
	if err != nil {
		return []string{err.Error()}
	}
	if c.params, err = Params(c.Dir); err != nil {
		return []string{err.Error()}
	}
	listed := map[string]bool{}
	for _, f := range c.Funcs {
		listed[f.Name] = true
		if c.params[f.Name] == nil || len(f.Forms) == 0 {
			problems = append(problems, fmt.Sprintf("%s is in the table, and no exported function with parameters", f.Name))
		}
	}
	for _, d := range all {
		if d.sized && !listed[d.name] {
			listed[d.name] = true
			problems = append(problems, fmt.Sprintf("%s: %s takes sizes and is not in the table", d.path, d.name))
		}
	}
	return problems
}

// signature returns the name of an exported function, or method of an exported type, the names
// of its parameters, and whether an int, a slice or a pointer is among them.
func signature(f *ast.FuncDecl) (name string, params []string, sized bool) {
	if !f.Name.IsExported() {
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
	for i, field := range append(fields, f.Type.Params.List...) {
		_, isSlice := field.Type.(*ast.ArrayType)
		_, isPointer := field.Type.(*ast.StarExpr) // to a struct of arguments
		sized = sized || isSlice || isPointer && i >= len(fields) || TypeName(field.Type) == "int"
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
