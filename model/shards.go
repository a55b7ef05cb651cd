package model

import (
	"errors"
	"sync/atomic"

	"github.com/elbow-go/elbow/cell"
	"github.com/elbow-go/elbow/dist"
	"github.com/elbow-go/elbow/internal/pages"
	"github.com/elbow-go/elbow/internal/par"
	"github.com/elbow-go/elbow/kernels"
)

// shards computes batches in parts, the shards, which are neighbours in the order of the batch and
// have about as many steps each. What shards come to is summed along the tree of package dist. So the bits
// depend on the number of shards alone, and not on that of the goroutines, of which each has neighbouring shards
// or, if there are more of them than shards, a part of one.
//
//	batch --> shards --> replicas: pass, pass, ... --fold--> fold --> loss, totals, gradient
//
// A pass has one shard or, where it can add up their gradients itself, all shards of a subtree: see cutter.
//
// The gradient is summed stage by stage of the backward pass: of the first stages it is on its way to other ranks
// while those after them are computed.
type shards struct {
	model    Model[float32]
	replicas []*replica
	threads  int
	bounds   []int // the first sequence of every shard, and the end of the last one
	rows     []int // how many draws of sequences every shard had in the last segment
	sums     []shardSum
	fold     dist.Fold[*shardSum]
	grads    []stageGrads

	comm     *dist.Comm               // of the ranks that share out the shards
	parts    []dist.Part[[][]float32] // the gradients of this rank
	going    *dist.Reduction          // of them
	lo, hi   int                      // those of this one
	stopping bool                     // this rank is to stop
	stopped  bool                     // a rank is, and all know it

	segment  segmentOf
	obj      Objective
	together bool      // a pass has all shards of a subtree
	h, c     []float32 // states after the last segment [batch, State]

	run func(lo, hi int) // a closure per call would be an allocation
}

// replica computes neighbouring shards one after the other.
type replica struct {
	lo, hi  int         // its shards
	nodes   []dist.Node // the subtrees that they are
	threads int
	pass    Pass[float32]
	batch   Batch[float32]
	grads   []gradient               // as many as wait for others in folds
	folds   []dist.Fold[[][]float32] // of stages
	node    dist.Node                // that is computed
	ends    []int                    // where the rows of its shards end
	grad    *gradient                // of it
	stage   int                      // the first one that is not final
}

// A cutter is a pass that can compute several shards at once, since their rows lie one after the other.
type cutter interface {
	// cuts reports whether it can with such an objective if all sequences have a single step.
	cuts(obj Objective) bool
	// cut has the next Backward compute the gradient of each part of the rows by itself and add them up along the
	// tree. ends are where they end.
	cut(ends []int)
	// part returns what Loss and Totals are of the rows lo..hi.
	part(lo, hi int) (loss float64, t Totals)
}

// stageGrads are the gradients of a stage.
type stageGrads struct {
	fold dist.Fold[[][]float32]
	left atomic.Int32 // replicas that are not through with it
}

// shardSum is what some shards come to, beside the gradient.
type shardSum struct {
	Loss     float64
	Totals   Totals
	Channels channels
}

func (s *shardSum) add(t *shardSum) {
	s.Loss += t.Loss
	s.Totals.Add(t.Totals)
	s.Channels = s.Channels.merge(t.Channels)
}

// segmentOf says which steps of which sequences make a batch, as the function segment takes them.
type segmentOf struct {
	seqs         []Sequence
	batch        []int
	from, length int
	samples      int
	noise        kernels.Noise
	h, c         []float32 // initial states [batch, State], nil for zero
	carry        bool      // the states after it are wanted
	phases       phases
}

// steps returns how many steps the segment has.
func (p *segmentOf) steps(dim int) int {
	sum := 0
	for _, i := range p.batch {
		n := max(p.seqs[i].Steps(dim)-p.from, 0)
		if p.length > 0 {
			n = min(n, p.length)
		}
		sum += n
	}
	return sum
}

// newShards prepares for so many shards and goroutines. Of the shards a rank computes its share.
func newShards(m Model[float32], count, threads int, comm *dist.Comm) *shards {
	count, threads = max(count, 1), max(threads, 1)
	s := &shards{model: m, comm: comm, threads: threads, bounds: make([]int, count+1), rows: make([]int, count), sums: make([]shardSum, count)}
	s.fold = dist.Fold[*shardSum]{Leaves: count, Join: (*shardSum).add}
	s.lo, s.hi = dist.Share(count, comm.Rank(), comm.Size())
	n := min(threads, s.hi-s.lo)
	for i := range n {
		lo, hi := share(s.hi-s.lo, i, n)
		r := &replica{lo: s.lo + lo, hi: s.lo + hi}
		lo, hi = share(threads, i, n)
		r.threads = hi - lo
		r.pass = m.NewPass(r.threads)
		r.nodes = dist.Nodes(count, r.lo, r.hi)
		s.replicas = append(s.replicas, r)
	}
	s.run = func(lo, hi int) {
		for _, r := range s.replicas[lo:hi] {
			s.differentiate(r)
		}
	}
	return s
}

// after returns the shard that follows on a subtree.
func (s *shards) after(n dist.Node) int { return min(n.First+1<<n.Level, len(s.sums)) }

// gradients returns how many gradients are in memory at a time.
func gradients(count, threads int) int {
	n, sum := min(threads, count), 0
	for i := range n {
		f := dist.Fold[int]{Leaves: count, Join: func(int, int) {}}
		most := 0
		for lo, hi := share(count, i, n); lo < hi; lo++ {
			most = max(most, len(f.Parts())+1)
			f.Push(dist.Node{First: lo}, 0)
		}
		sum += most
	}
	return sum
}

// addSlices returns what adds slices to others, on so many goroutines.
func addSlices(threads int) func(into, from [][]float32) {
	return func(into, from [][]float32) {
		par.Do(threads, len(into), func(lo, hi int) {
			for i := lo; i < hi; i++ {
				kernels.Axpy(into[i], from[i], 1)
			}
		})
	}
}

// gradTo makes g what gradients go to.
func (s *shards) gradTo(g gradient) {
	fold := func(threads int) dist.Fold[[][]float32] {
		return dist.Fold[[][]float32]{Leaves: len(s.sums), Join: addSlices(threads)}
	}
	s.grads = make([]stageGrads, len(g.stages))
	for i := range s.grads {
		s.grads[i].fold = fold(s.threads)
	}
	// Where parts will be, a sum of nothing says.
	none := dist.Fold[[][]float32]{Leaves: len(s.sums), Join: func(_, _ [][]float32) {}}
	all := none
	s.replicas[0].grads = []gradient{g}
	for _, r := range s.replicas {
		own := none
		for i := r.lo; i < r.hi; i++ {
			at := len(own.Parts())
			if at == len(r.grads) {
				r.grads = append(r.grads, newGradient(s.model))
			}
			own.Push(dist.Node{First: i}, r.grads[at].data)
		}
		for _, part := range own.Parts() {
			all.Push(part.Node, part.Value)
		}
		r.folds = make([]dist.Fold[[][]float32], len(g.stages))
		for i := range r.folds {
			r.folds[i] = fold(r.threads)
		}
		if p, ok := r.pass.(interface{ report(func(stage int)) }); ok && s.comm.Size() > 1 {
			p.report(func(stage int) { s.reached(r, stage) })
		}
	}
	s.parts = all.Parts()
}

// reached adds up what stages of a backward pass, up to the given one, have come to in the shards that a replica
// computes at the moment. That is sent to other ranks when all replicas have come as far with all of their shards.
func (s *shards) reached(r *replica, stage int) {
	for ; r.stage <= stage; r.stage++ {
		r.folds[r.stage].Push(r.node, r.grad.stage(r.stage))
		if s.after(r.node) == r.hi && s.grads[r.stage].left.Add(-1) == 0 {
			s.addUp(r.stage)
			if s.going != nil {
				s.going.Ready(r.grad.stages[r.stage])
			}
		}
	}
}

// addUp adds up what a stage has come to in all replicas.
func (s *shards) addUp(stage int) {
	fold := &s.grads[stage].fold
	fold.Reset()
	for _, r := range s.replicas {
		for _, part := range r.folds[stage].Parts() {
			fold.Push(part.Node, part.Value)
		}
	}
}

// split deals n sequences of the given lengths to the shards.
func (s *shards) split(n int, length func(i int) int) { divide(s.bounds, n, length) }

// divide deals n things in order, so that each of len(bounds)-1 takers has about as much of their lengths, and sets
// where in their order the parts begin and end.
func divide(bounds []int, n int, length func(i int) int) {
	total := 0
	for i := range n {
		total += length(i)
	}
	clear(bounds)
	count, before := len(bounds)-1, 0
	for i := range n {
		l := length(i)
		taker := 0
		if total > 0 { // where the middle of it is
			taker = min((2*before+l)*count/(2*total), count-1)
		}
		before += l
		bounds[taker+1] = i + 1
	}
	for i := range count { // takers of nothing
		bounds[i+1] = max(bounds[i+1], bounds[i])
	}
}

// gradient computes the sums over a segment and, where they are finite, its gradient. The error is that of
// another rank.
func (s *shards) gradient(p segmentOf, obj Objective) (shardSum, error) {
	dim := s.model.Settings().Data
	s.segment, s.obj, s.together = p, obj, s.canCut(&p, obj)
	s.split(len(p.batch), func(i int) int { return p.seqs[p.batch[i]].Steps(dim) })
	if n := len(p.batch) * p.samples * s.model.State(); p.carry {
		s.h, s.c = pages.Grow(s.h, n), pages.Grow(s.c, n)
	}
	for i := range s.grads {
		s.grads[i].left.Store(int32(len(s.replicas)))
	}
	if s.comm.Size() > 1 {
		s.going = s.comm.Begin(s.parts[0].Value, len(s.sums), s.parts)
	}
	par.Do(len(s.replicas), len(s.replicas), s.run)
	sum, err := s.sum(p.carry)
	if s.going != nil {
		err = errors.Join(err, s.going.Wait())
	}
	return sum, err
}

// canCut reports whether passes can compute several shards of a segment at once.
func (s *shards) canCut(p *segmentOf, obj Objective) bool {
	if c, ok := s.replicas[0].pass.(cutter); !ok || p.from > 0 || !c.cuts(obj) {
		return false
	}
	for _, i := range p.batch {
		if p.seqs[i].Steps(s.model.Settings().Data) != 1 {
			return false
		}
	}
	return true
}

// differentiate computes the shards of a replica.
func (s *shards) differentiate(r *replica) {
	for i := range r.folds {
		r.folds[i].Reset()
	}
	for _, n := range r.nodes {
		if s.together {
			s.compute(r, n)
			continue
		}
		for i := n.First; i < s.after(n); i++ {
			s.compute(r, dist.Node{First: i})
		}
	}
}

// compute computes the shards of a subtree in one pass.
func (s *shards) compute(r *replica, n dist.Node) {
	r.node, r.stage, r.grad = n, 0, &r.grads[len(r.folds[0].Parts())]
	first, after := n.First, s.after(n)
	sums := s.sums[first:after]
	clear(sums)
	p, b := &s.segment, &r.batch
	lo, hi, state := s.bounds[first], s.bounds[after], s.model.State()
	row := lo * p.samples
	b.Noise, b.Row0, b.H, b.C = p.noise, row, nil, nil
	p.phases.begin(phaseBatch)
	segment(b, p.seqs, p.batch[lo:hi], s.model.Settings(), p.from, p.length, p.samples, lo)
	if p.h != nil {
		b.H, b.C = p.h[row*state:], p.c[row*state:]
	}
	s.rows[first] = b.Shape.Batch() // in a subtree there are no states that this is asked for
	switch {
	case b.Shape.Rows() == 0:
		cell.Zero(r.grad.tensors)
		sums[0].Totals.Sequences = b.Shape.Batch() / p.samples
		if p.carry {
			clear(s.h[row*state : (row+b.Shape.Batch())*state])
			clear(s.c[row*state : (row+b.Shape.Batch())*state])
		}
	case len(sums) > 1:
		s.cut(r, sums, first)
	default:
		sums[0].Loss = r.grad.of(r.pass, b, s.obj, p.phases)
		sums[0].Totals = r.pass.Totals()
		if p.carry {
			r.pass.Final(s.h[row*state:], s.c[row*state:])
		}
	}
	s.reached(r, len(s.grads)-1)
}

// cut computes several shards from the first one on, whose batch is there.
func (s *shards) cut(r *replica, sums []shardSum, first int) {
	r.ends = r.ends[:0]
	for i := range sums {
		r.ends = append(r.ends, (s.bounds[first+i+1]-s.bounds[first])*s.segment.samples)
	}
	pass := r.pass.(cutter)
	pass.cut(r.ends)
	r.grad.of(r.pass, &r.batch, s.obj, s.segment.phases)
	from := 0
	for i, end := range r.ends {
		sums[i].Loss, sums[i].Totals = pass.part(from, end)
		from = end
	}
}

// final copies the states after the last segment to h and c.
func (s *shards) final(h, c []float32) {
	for i, n := range s.rows {
		lo := s.bounds[i] * s.segment.samples * s.model.State()
		hi := lo + n*s.model.State()
		copy(h[lo:hi], s.h[lo:hi])
		copy(c[lo:hi], s.c[lo:hi])
	}
}

// sum returns the sum over all shards, those of other ranks included. With carry the states of all are in h
// and c then.
func (s *shards) sum(carry bool) (shardSum, error) {
	if s.comm.Size() > 1 {
		if err := s.tell(carry); err != nil {
			return shardSum{}, err
		}
	}
	s.fold.Reset()
	for i := range s.sums {
		s.fold.Push(dist.Node{First: i}, &s.sums[i])
	}
	return *s.fold.Parts()[0].Value, nil
}

// scored deals sequences to be scored to the shards, the longest ones to the first, and returns what tells those of
// a shard.
func (s *shards) scored(seqs []Sequence) func(shard int) []int {
	dim := s.model.Settings().Data
	order := byLength(seqs, dim)
	n := len(order)
	s.split(n, func(i int) int { return seqs[order[n-1-i]].Steps(dim) })
	return func(shard int) []int { return order[n-s.bounds[shard+1] : n-s.bounds[shard]] }
}

// evaluate scores sequences, the longest ones in the first shard, with what is monitored of them if
// that is wanted. The error is that of another rank.
func (s *shards) evaluate(seqs []Sequence, c EvalConfig, monitored bool) (Score, channels, error) {
	scored := s.scored(seqs)
	par.Do(len(s.replicas), len(s.replicas), func(lo, hi int) {
		for _, r := range s.replicas[lo:hi] {
			t := c.summing(s.model, r.pass, seqs)
			for i := r.lo; i < r.hi; i++ {
				sum := shardSum{Channels: channels{}}
				if monitored {
					t.each = func() { r.pass.Channels(sum.Channels.add) }
				}
				sum.Totals = t.total(scored(i), s.bounds[i+1])
				s.sums[i] = sum
			}
		}
	})
	sum, err := s.sum(false)
	return c.score(s.model, sum.Totals), sum.Channels, err
}
