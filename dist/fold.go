package dist

// Node is a subtree of the binary tree over shards: the 1<<Level leaves from First on, as far as
// there are so many. First is a multiple of their number.
type Node struct{ First, Level int }

// Part is what a subtree comes to.
type Part[V any] struct {
	Node
	Value V
}

// Fold adds up parts of the tree that come from left to right, each as soon as its neighbour is
// there, and keeps those whose neighbour is not: log2 of the leaves, about, at a time.
type Fold[V any] struct {
	Leaves int
	Join   func(into, from V) // adds from to into

	parts []Part[V]
}

// Push adds the part that follows on the last one.
func (f *Fold[V]) Push(n Node, v V) {
	f.parts = append(f.parts, Part[V]{n, v})
	for i := len(f.parts) - 2; i >= 0; i-- {
		left, right := &f.parts[i], f.parts[i+1]
		// Leaves that are not there are skipped: without a right neighbour a subtree is one of the
		// next level already.
		for right.Level < left.Level && right.First+1<<right.Level >= f.Leaves {
			right.Level++
		}
		if right.Level != left.Level || left.First>>left.Level%2 == 1 {
			return
		}
		f.Join(left.Value, right.Value)
		left.Level++
		f.parts = f.parts[:i+1]
	}
}

// Parts returns what has been added up, from left to right. It is valid until the next call of another
// method. After all leaves it is one part.
func (f *Fold[V]) Parts() []Part[V] { return f.parts }

// Reset forgets all parts.
func (f *Fold[V]) Reset() { f.parts = f.parts[:0] }
