package asmtest

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"reflect"
	"unsafe"
)

// room is memory with the slices of a call in it, and roomGap words before, between and behind
// them.
type room struct {
	words, fill, was []uint64
	used             int
	parts            []part
}

// A part is where a slice is, in words; the last may be a part of the slice only.
type part struct{ from, bytes int }

const (
	roomLen = 512 // elements of most slices
	roomGap = 128
)

// clear frees the room.
func (r *room) clear() {
	if r.words == nil {
		rng := rand.New(rand.NewPCG(1, 1))
		r.fill = make([]uint64, 16*(roomLen+roomGap))
		for i := range r.fill { // as two float32 and as one float64, a normal number below 1
			r.fill[i] = rng.Uint64()&0x007fffff_007fffff | 0x3f000000_3f000000
		}
		r.words, r.was = remoteWords(len(r.fill)), make([]uint64, len(r.fill))
		r.used = len(r.fill)
	}
	copy(r.words[:r.used], r.fill)
	r.used, r.parts = roomGap, r.parts[:0]
}

// slice returns a slice of numbers: long, short, empty or nil. Its capacity goes on behind its
// length, so that it does not stop a function that takes more than it was given.
func (r *room) slice(d *Draw, t reflect.Type) reflect.Value {
	n := roomLen
	switch b := int(d.Byte()); {
	case b < 2:
		return reflect.Zero(t)
	case b < 32:
		n = b - 2
	}
	size := int(t.Elem().Size())
	r.parts = append(r.parts, part{r.used, n * size})
	at := unsafe.Pointer(&r.words[r.used])
	r.used += (n*size+7)/8 + roomGap
	v := reflect.SliceAt(t.Elem(), at, n+4*roomGap/size).Slice(0, n)
	for i := range n {
		switch e := v.Index(i); e.Kind() {
		case reflect.Int, reflect.Int32:
			e.SetInt(int64(i % 3))
		case reflect.Uint32:
			e.SetUint(uint64(i % 3))
		default:
			return v
		}
	}
	return v
}

// ready notes what is in the room.
func (r *room) ready() { copy(r.was, r.words[:r.used]) }

// written returns what was written to since ready: outside of the slices, or anywhere.
func (r *room) written(anywhere bool) (what string, yes bool) {
	now, was := asBytes(r.words[:r.used]), asBytes(r.was[:r.used])
	if anywhere {
		if at, yes := difference(now, was, 0); yes {
			return r.place(at), true
		}
		return "", false
	}
	from := 0
	for _, p := range r.parts {
		if at, yes := difference(now[:8*p.from], was, from); yes {
			return "outside of the slices, " + r.place(at), true
		}
		from = 8*p.from + p.bytes
	}
	if at, yes := difference(now, was, from); yes {
		return "outside of the slices, " + r.place(at), true
	}
	return "", false
}

// difference returns the first place from which on now is not what it was.
func difference(now, was []byte, from int) (at int, yes bool) {
	if bytes.Equal(now[from:], was[from:len(now)]) {
		return 0, false
	}
	for at = from; now[at] == was[at]; at++ {
	}
	return at, true
}

// place describes a place in the room by the slice before it.
func (r *room) place(at int) string {
	for i, p := range r.parts {
		if i+1 == len(r.parts) || at < 8*r.parts[i+1].from {
			return fmt.Sprintf("byte %d of slice %d, which has %d", at-8*p.from, i, p.bytes)
		}
	}
	return "without any slice"
}

func asBytes(w []uint64) []byte {
	return unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(w))), 8*len(w))
}
