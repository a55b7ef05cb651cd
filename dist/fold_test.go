package dist

import (
	"fmt"
	"testing"
)

// tree is the sum of the leaves lo..hi as the definition has it: halves of a power of two.
func tree(lo, level, leaves int) string {
	if level == 0 {
		return fmt.Sprint(lo)
	}
	middle := lo + 1<<(level-1)
	if middle >= leaves {
		return tree(lo, level-1, leaves)
	}
	return "(" + tree(lo, level-1, leaves) + "+" + tree(middle, level-1, leaves) + ")"
}

// sums are the parts that the leaves lo..hi come to.
func sums(lo, hi, leaves int) *Fold[*string] {
	f := &Fold[*string]{Leaves: leaves, Join: func(into, from *string) { *into = "(" + *into + "+" + *from + ")" }}
	for i := lo; i < hi; i++ {
		s := fmt.Sprint(i)
		f.Push(Node{First: i}, &s)
	}
	return f
}

// TestFold: the order is that of the tree, for all numbers of leaves, wherever they are computed.
func TestFold(t *testing.T) {
	for leaves := 1; leaves <= 33; leaves++ {
		want := tree(0, 6, leaves)
		for places := 1; places <= leaves; places++ {
			all := sums(0, 0, leaves)
			for p := range places {
				for _, part := range sums(p*leaves/places, (p+1)*leaves/places, leaves).Parts() {
					if got := tree(part.First, part.Level, leaves); got != *part.Value {
						t.Fatalf("%d leaves, place %d of %d: node %+v is %s, want %s", leaves, p, places, part.Node, *part.Value, got)
					}
					all.Push(part.Node, part.Value)
				}
			}
			parts := all.Parts()
			if len(parts) != 1 || *parts[0].Value != want {
				t.Fatalf("%d leaves in %d places: %v, want %s", leaves, places, parts, want)
			}
		}
	}
}

// TestFoldDepth: what waits for a neighbour is little.
func TestFoldDepth(t *testing.T) {
	f := Fold[int]{Leaves: 1024, Join: func(int, int) {}}
	most := 0
	for i := range 1024 {
		f.Push(Node{First: i}, i)
		most = max(most, len(f.Parts()))
	}
	if most != 10 {
		t.Errorf("%d parts at a time, want 10", most)
	}
	f.Reset()
	if a := testing.AllocsPerRun(5, func() {
		f.Reset()
		for i := range 1024 {
			f.Push(Node{First: i}, i)
		}
	}); a != 0 {
		t.Errorf("%v allocations", a)
	}
}
