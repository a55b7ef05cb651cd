package main

import (
	"fmt"
	"go/ast"
	"go/format"
	"go/parser"
	"go/token"
	"go/types"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/elbow-go/elbow/asm/_gen/arm64"
	"github.com/elbow-go/elbow/asm/_gen/engine"
	"github.com/elbow-go/elbow/asm/_gen/recipe"
	"github.com/elbow-go/elbow/asm/_gen/x86"
)

// Package asm/simd is printed from what the leaf packages declare: one function per kernel, which
// calls the kernel of the instruction set in question. Kernels that do the same for other kinds
// of arguments (a form of the scale, no prior, a peephole) share a function: Of of a Kernel is
// its name, and When the condition, in Go, under which it calls the kernel. Its parameters are
// all those of its kernels, in their order, behind what the conditions ask for. A pointer that is
// nil says that there is no such array.

// archs are the architectures with machine code, and their instruction sets, best first.
var archs = []struct {
	goarch string
	isas   []engine.Target
}{
	{"amd64", []engine.Target{x86.AVX512, x86.AVX2}},
	{"arm64", []engine.Target{arm64.NEON}},
}

// selectors are what conditions ask for and no kernel takes, and their types.
var selectors = [][2]string{{"scale", "Scale"}, {"relu", "bool"}}

// variants are what the kernels say of their places in package simd.
var variants = map[string]engine.Variant{}

// A leaf is a function that an instruction set has.
type leaf struct {
	engine.Variant
	name, doc string
	params    []param
	results   string
	isas      []engine.Target
}

type param struct{ name, typ string }

// A dispatch is a function of package simd.
type dispatch struct {
	name   string
	leaves []*leaf
}

// in is the function of that name in a list, or nil.
func (d *dispatch) in(list []*dispatch) *dispatch {
	if i := slices.IndexFunc(list, func(e *dispatch) bool { return e.name == d.name }); i >= 0 {
		return list[i]
	}
	return nil
}

// writeDispatch writes package simd into dir from the leaf packages beside it.
func writeDispatch(dir string) error {
	var structs []string
	var tags []string
	var all []*dispatch // of all architectures
	own := map[string][]*dispatch{}
	for _, a := range archs {
		leaves, decls, err := declared(filepath.Dir(dir), a.goarch, a.isas)
		if err != nil {
			return err
		}
		structs = append(structs, decls...)
		tags = append(tags, a.goarch)
		own[a.goarch] = functions(leaves)
		for _, d := range own[a.goarch] {
			if d.in(all) == nil {
				all = append(all, d)
			}
		}
	}
	none := &strings.Builder{}
	for _, d := range all {
		d.print(none, nil)
	}
	for _, a := range archs {
		text := &strings.Builder{}
		for _, d := range all {
			if o := d.in(own[a.goarch]); o != nil {
				o.print(text, a.isas)
			} else {
				d.print(text, nil)
			}
		}
		imports := fmt.Sprintf("import (\n%q\n", modulePath)
		for _, isa := range a.isas {
			imports += fmt.Sprintf("%q\n", modulePath+"/"+isa.Traits().Name)
		}
		if err := writeGo(dir, "simd_"+a.goarch, "!purego", imports+")\n"+text.String()); err != nil {
			return err
		}
	}
	tag := strings.Join(tags, " || ")
	if len(tags) > 1 {
		tag = "(" + tag + ")"
	}
	if err := writeGo(dir, "simd_none", "purego || !"+tag, fmt.Sprintf("import %q\n", modulePath)+none.String()); err != nil {
		return err
	}
	slices.Sort(structs)
	text := fmt.Sprintf("import %q\n\n", modulePath) + sizes() + "// Kernels lists the functions of this package that call machine code.\nvar Kernels = []string{\n"
	slices.SortFunc(all, func(d, e *dispatch) int { return strings.Compare(d.name, e.name) })
	for _, d := range all {
		text += fmt.Sprintf("%q,\n", d.name)
	}
	return writeGo(dir, "simd", "", text+"}\n\n"+strings.Join(slices.Compact(structs), "\n"))
}

// sizes is the text of the functions that say what vectors and tiles an instruction set has.
func sizes() string {
	text := ""
	for _, f := range []struct {
		doc, head, none string
		value           func(t *engine.Traits) any
	}{
		{"Lanes is how many float32 a vector of the instruction set has.", "Lanes(isa asm.ISA) int", "1",
			func(t *engine.Traits) any { return t.Lanes(4) }},
		{"TileRows is the most rows in a tile of GemmTiles of 1 to 4 vectors, where A is not packed.", "TileRows(isa asm.ISA, vecs int) int", "1",
			func(t *engine.Traits) any { return fmt.Sprintf("%#v[vecs]", recipe.RowMajorRows(t)) }},
		{"PackedRows is TileRows where A is packed tile by tile, and 0 if tiles gain nothing by that.", "PackedRows(isa asm.ISA, vecs int) int", "0",
			func(t *engine.Traits) any {
				if !t.ElementOperand {
					return 0
				}
				return fmt.Sprintf("%#v[vecs]", t.Product.MaxRows)
			}},
		{"PairRows is the most rows that GemmRow takes.", "PairRows(isa asm.ISA) int", "0",
			func(t *engine.Traits) any { return recipe.PairRows(t) }},
		{"TileRows16 is the most rows in a tile of GemmTile16.", "TileRows16(isa asm.ISA) int", "1",
			func(t *engine.Traits) any { return t.Product.MaxRows16 }},
		{"Int8Rows is the most rows in a tile of Int8Tiles.", "Int8Rows(isa asm.ISA) int", "1",
			func(t *engine.Traits) any { return t.Dots.MaxRows }},
		{"Int8DotRows is the most rows in a tile of Int8DotTiles.", "Int8DotRows(isa asm.ISA) int", "1",
			func(t *engine.Traits) any { return t.Dots.DotRows }},
		{"Copies is how many vectors a loop works on in turn, if it finds registers for that.", "Copies(isa asm.ISA) int", "1",
			func(t *engine.Traits) any { return t.Copies }},
		{"Among reports whether there is LSTMTiles, which computes gates among a product.", "Among(isa asm.ISA) bool", "false",
			func(t *engine.Traits) any { return t.Among }},
	} {
		text += fmt.Sprintf("// %s\nfunc %s {\nswitch isa {\n", f.doc, f.head)
		for _, a := range archs {
			for _, isa := range a.isas {
				text += fmt.Sprintf("case asm.%s:\nreturn %v\n", strings.ToUpper(isa.Traits().Name), f.value(isa.Traits()))
			}
		}
		text += "}\nreturn " + f.none + "\n}\n\n"
	}
	return text
}

const modulePath = "github.com/elbow-go/elbow/asm"

func writeGo(dir, file, tag, text string) error {
	head := "// Code generated by asm/_gen/dispatch.go. DO NOT EDIT.\n\n"
	if tag != "" {
		head += "//go:build " + tag + "\n\n"
	}
	out, err := format.Source([]byte(head + "package simd\n\n" + text))
	if err != nil {
		return fmt.Errorf("%s: %w", file, err)
	}
	return os.WriteFile(filepath.Join(dir, file+".go"), out, 0o666)
}

// declared reads the declarations of the instruction sets of an architecture: the kernels, in
// order, and the argument types.
func declared(root, goarch string, isas []engine.Target) (leaves []*leaf, structs []string, err error) {
	byName := map[string]*leaf{}
	for _, isa := range isas {
		files, err := filepath.Glob(filepath.Join(root, isa.Traits().Name, "*_"+goarch+".go"))
		if err != nil {
			return nil, nil, err
		}
		for _, name := range files {
			src, err := os.ReadFile(name)
			if err != nil {
				return nil, nil, err
			}
			fset := token.NewFileSet()
			file, err := parser.ParseFile(fset, name, src, parser.ParseComments|parser.SkipObjectResolution)
			if err != nil {
				return nil, nil, err
			}
			for _, d := range file.Decls {
				f, is := d.(*ast.FuncDecl)
				if !is {
					g := d.(*ast.GenDecl)
					structs = append(structs, string(src[fset.Position(g.Doc.Pos()).Offset:fset.Position(g.End()).Offset])+"\n")
					continue
				}
				l := newLeaf(f)
				if old := byName[l.name]; old == nil {
					byName[l.name] = l
					leaves = append(leaves, l)
				} else if !slices.Equal(l.params, old.params) || l.results != old.results {
					return nil, nil, fmt.Errorf("%s of %s is not what it is for others", l.name, isa.Traits().Name)
				}
				byName[l.name].isas = append(byName[l.name].isas, isa)
			}
		}
	}
	return leaves, structs, nil
}

func newLeaf(f *ast.FuncDecl) *leaf {
	l := &leaf{name: f.Name.Name, Variant: engine.Variant{Of: f.Name.Name}, params: fields(f.Type.Params)}
	if v := variants[l.name]; v.Of != "" {
		l.Variant = v
	}
	if r := fields(f.Type.Results); len(r) > 0 {
		l.results = fmt.Sprintf(" (%s)", grouped(r))
	}
	l.doc = f.Doc.Text()
	return l
}

func fields(list *ast.FieldList) (all []param) {
	if list == nil {
		return nil
	}
	for _, f := range list.List {
		for _, n := range f.Names {
			all = append(all, param{n.Name, types.ExprString(f.Type)})
		}
	}
	return all
}

// grouped is a list of parameters, neighbours of one type together.
func grouped(params []param) string {
	var b strings.Builder
	for i, p := range params {
		b.WriteString(p.name)
		if i+1 == len(params) || params[i+1].typ != p.typ {
			b.WriteString(" " + p.typ)
		}
		if i+1 < len(params) {
			b.WriteString(", ")
		}
	}
	return b.String()
}

// functions are the dispatch functions of the leaves, in the order of these.
func functions(leaves []*leaf) (all []*dispatch) {
	for _, l := range leaves {
		i := slices.IndexFunc(all, func(d *dispatch) bool { return d.name == l.Of })
		if i < 0 {
			i = len(all)
			all = append(all, &dispatch{name: l.Of})
		}
		all[i].leaves = append(all[i].leaves, l)
	}
	return all
}

// params are those of all leaves, each behind the one that it follows in its leaf.
func (d *dispatch) params() (all []param) {
	for _, l := range d.leaves {
		at := 0
		for _, p := range l.params {
			i := slices.Index(all, p)
			if i < 0 {
				i = at
				all = slices.Insert(all, i, p)
			}
			at = i + 1
		}
	}
	for _, s := range slices.Backward(selectors) {
		if slices.ContainsFunc(d.leaves, func(l *leaf) bool { return strings.Contains(l.When, s[0]) }) {
			all = slices.Insert(all, 0, param{s[0], s[1]})
		}
	}
	return slices.Insert(all, 0, param{"isa", "asm.ISA"})
}

var see = regexp.MustCompile(`see ([\w./]+\w)`)

// doc is the comment of the kernel, if there is but one.
func (d *dispatch) doc() string {
	l := d.leaves[0]
	if len(d.leaves) == 1 {
		return "// " + strings.ReplaceAll(strings.TrimSpace(l.doc), "\n", "\n// ") + "\n"
	}
	return fmt.Sprintf("// %s chooses among %d kernels by its arguments: see %s.\n", d.name, len(d.leaves), see.FindStringSubmatch(l.doc)[1])
}

// print writes the function for some instruction sets, or for none.
func (d *dispatch) print(b *strings.Builder, isas []engine.Target) {
	head := fmt.Sprintf("func %s(%s)%s {\n", d.name, grouped(d.params()), d.leaves[0].results)
	if isas == nil {
		fmt.Fprintf(b, "\n%spanic(missing)\n}\n", head)
		return
	}
	fmt.Fprintf(b, "\n%s%s%sswitch isa {\n", d.doc(), head, d.pieces())
	for _, isa := range isas {
		leaves := slices.DeleteFunc(slices.Clone(d.leaves), func(l *leaf) bool { return !slices.Contains(l.isas, isa) })
		if len(leaves) == 0 {
			continue
		}
		fmt.Fprintf(b, "case asm.%s:\n", strings.ToUpper(isa.Traits().Name))
		if leaves[0].When == "" {
			leaves[0].call(b, isa)
			continue
		}
		b.WriteString("switch {\n")
		for _, l := range leaves {
			fmt.Fprintf(b, "case %s:\n", l.When)
			l.call(b, isa)
		}
		b.WriteString("}\n")
	}
	b.WriteString("}\npanic(missing)\n}\n")
}

// pieces is the text that makes several calls of one that would take too long. It returns behind them,
// so that what is live across these calls costs a single one nothing: a loop that fell through to the
// kernel would have all arguments stored on the stack before.
func (d *dispatch) pieces() string {
	moves := map[string]string{}
	for _, l := range d.leaves {
		if l.Moves == nil {
			return ""
		}
		maps.Copy(moves, l.Moves)
	}
	var args, rest, arrays, places []string
	count, most, begin := "n", "MaxElems", "if n == 0 {\nreturn\n}\nif n > MaxElems"
	for _, p := range d.params() {
		if p.name == "rows" {
			count, most, begin = "rows", "most", "if most := Rows(rows, n); rows > most"
		}
	}
	for _, p := range d.params() {
		rest = append(rest, p.name)
		if p.name == count {
			args = append(args, most)
		} else {
			args = append(args, p.name)
		}
		if by := moves[p.name]; by != "" {
			arrays = append(arrays, p.name)
			places = append(places, fmt.Sprintf("after(%s, %s)", p.name, strings.TrimSuffix(most+"*"+by, "*1")))
		}
	}
	return fmt.Sprintf("%s {\nfor ; %s > %s; %s -= %s {\n%s(%s)\n%s = %s\n}\n%s(%s)\nreturn\n}\n", begin, count, most, count, most,
		d.name, strings.Join(args, ", "), strings.Join(arrays, ", "), strings.Join(places, ", "), d.name, strings.Join(rest, ", "))
}

// call writes the call of the kernel, and that nothing comes after it.
func (l *leaf) call(b *strings.Builder, isa engine.Target) {
	var args []string
	for _, p := range l.params {
		arg := p.name
		if t, pointer := strings.CutPrefix(p.typ, "*"); pointer && ast.IsExported(t) {
			arg = fmt.Sprintf("(*%s.%s)(%s)", isa.Traits().Name, t, arg) // the same type by another name
		}
		args = append(args, arg)
	}
	call := fmt.Sprintf("%s.%s(%s)\n", isa.Traits().Name, l.name, strings.Join(args, ", "))
	if l.results != "" {
		b.WriteString("return " + call)
	} else {
		b.WriteString(call + "return\n")
	}
}
