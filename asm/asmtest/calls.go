package asmtest

import (
	"cmp"
	"fmt"
	"math"
	"math/rand/v2"
	"reflect"
	"runtime/debug"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/elbow-go/elbow/asm"
)

// Calls lists the exported functions of a package that take sizes. Its methods call them with
// sizes of all kinds, most of them wrong, on slices among words that nobody may write, and
// accept two things: that the call returns with those words as they were; and the panic that
// names the function, with everything as it was.
type Calls struct {
	Package string // the first word of every panic, as in "kernels: LSTMStep: ..."
	Dir     string // of its source; the default is the folder of the test
	Funcs   []Func

	// Arg returns an argument that the table knows how to make, and whether it does. What it
	// does not know are sizes, named as parameters are in this module, slices of numbers, and
	// pointers to structs of all that, which are made field by field, with the name of a field as
	// param, and at times nil.
	Arg func(d *Draw, fn, param string, t reflect.Type) (v any, ok bool)

	params  map[string][]string // names of parameters, receiver first
	room    room
	through int // calls that returned
}

// A Func is one function of the table.
type Func struct {
	Name  string // as it is declared, methods as Type.Method
	Says  string // the name in its panics, if that is another
	Forms []any  // the function itself, once for each element type; of a method its expression
}

// Run tests that the table is complete, and makes n calls of every form under every
// instruction set.
func (c *Calls) Run(t *testing.T, n int) {
	for _, problem := range c.incomplete() {
		t.Error(problem)
	}
	if t.Failed() {
		return
	}
	ForEachISA(t, func(t *testing.T) {
		for _, f := range c.Funcs {
			for form := range f.Forms {
				if err := c.try(f, form, n); err != nil {
					t.Error(err)
				}
			}
		}
	})
}

// try makes n calls of one form, until one goes wrong. It is an error too if all were refused.
func (c *Calls) try(f Func, form, n int) error {
	c.through = 0
	rng := rand.New(rand.NewPCG(uint64(form)<<8|uint64(asm.Active()), uint64(len(f.Name))))
	data := make([]byte, 48)
	for range n {
		for i := range data {
			data[i] = byte(rng.Uint32())
		}
		if err := c.call(f, form, data); err != nil {
			return err
		}
	}
	if c.through == 0 {
		return fmt.Errorf("isa=%v: %s refused all of %d calls", asm.Active(), f.Name, n)
	}
	return nil
}

// Fuzz turns bytes into a function, an instruction set and arguments.
func (c *Calls) Fuzz(f *testing.F) {
	if problems := c.incomplete(); len(problems) > 0 {
		f.Fatal(strings.Join(problems, "\n"))
	}
	isas := asm.Available()
	for i := range c.Funcs {
		f.Add(byte(i), byte(i), []byte{0, 1, 2, 3, 4, 5, 6, 7, 100, 200})
		f.Add(byte(i), byte(i), []byte{3, 0, 0, 0, 0, 0, 255, 255, 0, 5, 0, 9, 0, 17})
	}
	f.Fuzz(func(t *testing.T, fn, kind byte, data []byte) {
		was := asm.Active()
		defer asm.Use(was)
		asm.Use(isas[int(kind/2)%len(isas)])
		one := c.Funcs[int(fn)%len(c.Funcs)]
		if err := c.call(one, int(kind)%len(one.Forms), data); err != nil {
			t.Fatal(err)
		}
	})
}

// A Draw is what is left of the bytes that arguments are drawn from.
type Draw struct {
	data []byte
	odd  int            // of 4 sizes so many are from beyond
	same map[string]any // by field of a struct
}

// Same returns make(), but in most calls what it has returned for the field before, since several
// structs of a call have to agree in it.
func (d *Draw) Same(field string, make func() any) any {
	if v, before := d.same[field]; before && d.Byte() < 240 {
		return v
	}
	if d.same == nil {
		d.same = map[string]any{}
	}
	d.same[field] = make()
	return d.same[field]
}

// Byte returns the next byte, and 0 behind the last.
func (d *Draw) Byte() byte {
	if len(d.data) == 0 {
		return 0
	}
	b := d.data[0]
	d.data = d.data[1:]
	return b
}

// Size returns a small size, or one from beyond.
func (d *Draw) Size(param string) int {
	if x, odd := d.OddSize(); odd {
		return x
	}
	switch b := int(d.Byte()); {
	case strings.HasPrefix(strings.ToLower(param), "ld"):
		return b % 100
	case b >= 192:
		return b - 192
	default:
		return b % 8
	}
}

// OddSize reports whether a size that the table makes should be from beyond, and returns one.
func (d *Draw) OddSize() (int, bool) {
	if int(d.Byte())%4 < d.odd {
		return oddSizes[int(d.Byte())%len(oddSizes)], true
	}
	return 0, false
}

// oddSizes are negative, or the sizes of nothing that fits in memory. Many have a product with a
// small number, with one another, or with the 4 and 8 bytes of an element that wraps around to a
// small number, which a check must not take for the length of a slice.
var oddSizes = makeOddSizes()

func makeOddSizes() []int {
	odd := []int{-1, -2, -3, -64, math.MinInt, math.MinInt + 1, math.MinInt / 2, math.MaxInt, math.MaxInt - 1, math.MaxInt - 63}
	for _, shift := range []int{27, 28, 29, 30, 31, 32, 33, 48, 58, 59, 60, 61, 62} {
		if x := 1 << shift; x > 0 { // an int may have 32 bits
			odd = append(odd, x-1, x, x+1)
		}
	}
	for _, f := range []uint{3, 4, 5, 6, 7, 8, 12, 16, 20, 24, 28, 64, 72} {
		for _, whole := range []uint{math.MaxUint, math.MaxInt} {
			x := int(whole/f) + 1 // f x is just above the range of uint or int
			odd = append(odd, x, x+1)
		}
	}
	return slices.DeleteFunc(odd, func(x int) bool { return 0 <= x && x < 1<<26 })
}

// call makes one call with arguments drawn from data.
func (c *Calls) call(f Func, form int, data []byte) error {
	fn := reflect.ValueOf(f.Forms[form])
	c.room.clear()
	d := &Draw{data: data}
	d.odd = int(d.Byte()) % 4
	args := make([]reflect.Value, fn.Type().NumIn())
	for i := range args {
		args[i] = c.arg(d, f.Name, c.params[f.Name][i], fn.Type().In(i))
	}
	wrap(d, args)
	c.room.ready()
	endless := time.AfterFunc(time.Minute, func() { panic(c.text(f.Name, args) + " goes on for a minute") })
	said, panicked := protect(func() { fn.Call(args) })
	if !panicked {
		c.through++
	}
	endless.Stop()

	problem := ""
	if says := c.Package + ": " + cmp.Or(f.Says, f.Name) + ": "; panicked && !strings.HasPrefix(said, says) {
		problem = fmt.Sprintf("panic %q, want %q and the reason", said, says)
	} else if at, written := c.room.written(panicked); written {
		problem = "wrote " + at
		if panicked {
			problem += " before the panic " + said
		}
	}
	if problem == "" {
		return nil
	}
	return fmt.Errorf("%s: %s", c.text(f.Name, args), problem)
}

// wrap makes one of the sizes, in half of the calls, such that the product with another of them is
// just beyond the range of int or of uint.
func wrap(d *Draw, args []reflect.Value) {
	var ints []reflect.Value
	for i, a := range args {
		switch a.Kind() {
		case reflect.Int:
			args[i] = reflect.New(a.Type()).Elem()
			args[i].Set(a)
			ints = append(ints, args[i])
		case reflect.Pointer:
			if a.IsNil() || a.Elem().Kind() != reflect.Struct {
				continue
			}
			for j := range a.Elem().NumField() {
				if f := a.Elem().Field(j); f.Kind() == reflect.Int && f.CanSet() {
					ints = append(ints, f)
				}
			}
		}
	}
	one, b := d.Byte(), d.Byte()
	if len(ints) < 2 || one < 128 {
		return
	}
	i := int(one) % len(ints)
	j := (i + 1 + int(b/4)%(len(ints)-1)) % len(ints)
	other := ints[j].Int()
	if other < 2 || other > 1<<20 {
		return
	}
	whole := uint(math.MaxInt)
	if b%2 == 1 && other > 2 {
		whole = math.MaxUint
	}
	ints[i].SetInt(int64(whole/uint(other)) + 1 + int64(b/2%2))
}

// arg makes one argument.
func (c *Calls) arg(d *Draw, fn, param string, t reflect.Type) reflect.Value {
	if c.Arg != nil {
		if v, ok := c.Arg(d, fn, param, t); ok {
			if v == nil {
				return reflect.Zero(t)
			}
			return reflect.ValueOf(v)
		}
	}
	switch v := reflect.New(t).Elem(); t.Kind() {
	case reflect.Int:
		v.SetInt(int64(d.Size(param)))
		return v
	case reflect.Pointer:
		if t.Elem().Kind() != reflect.Struct || d.Byte() < 16 {
			return v
		}
		v.Set(reflect.New(t.Elem()))
		for i := range t.Elem().NumField() {
			if f := t.Elem().Field(i); f.IsExported() {
				v.Elem().Field(i).Set(c.arg(d, fn, f.Name, f.Type))
			}
		}
		return v
	case reflect.Slice:
		return c.room.slice(d, t)
	case reflect.Float32, reflect.Float64:
		v.SetFloat([]float64{0, 1, 0.5, -2}[d.Byte()%4])
		return v
	case reflect.Bool:
		v.SetBool(d.Byte()%2 == 1)
		return v
	case reflect.Uint8, reflect.Uint32:
		v.SetUint(uint64(d.Byte() % 8))
		return v
	default:
		return v
	}
}

// text describes a call.
func (c *Calls) text(fn string, args []reflect.Value) string {
	var text []string
	for i, v := range args {
		text = append(text, argText(c.params[fn][i], v))
	}
	return fmt.Sprintf("isa=%v: %s(%s)", asm.Active(), fn, strings.Join(text, ", "))
}

func argText(name string, v reflect.Value) string {
	switch v.Kind() {
	case reflect.Slice:
		return fmt.Sprintf("%s [%d]", name, v.Len())
	case reflect.Pointer:
		if v.IsNil() || v.Elem().Kind() != reflect.Struct {
			return name
		}
		var fields []string
		for i := range v.Elem().NumField() {
			if f := v.Elem().Type().Field(i); f.IsExported() {
				fields = append(fields, argText(f.Name, v.Elem().Field(i)))
			}
		}
		return fmt.Sprintf("%s {%s}", name, strings.Join(fields, ", "))
	}
	return fmt.Sprintf("%s %+v", name, v)
}

// protect calls f and returns what it panicked with. What reads or writes memory that is not
// there panics too.
func protect(f func()) (said string, panicked bool) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() {
		if r := recover(); r != nil {
			said, panicked = fmt.Sprint(r), true
		}
	}()
	f()
	return "", false
}
