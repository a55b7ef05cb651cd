package dataset

import (
	"fmt"
	"slices"

	"github.com/elbow-go/elbow/model"
)

// least is how many steps or pieces a split in tenths needs.
const least = 10

// tenths splits in order: 80, 10 and 10 of 100 pieces or, if there are fewer than ten, of
// the time of each. Where the time of one is too short for that, the last piece is test and
// the one before it valid.
func tenths(s *set, _ *model.Form) (parts [3][]span, err error) {
	n := len(s.pieces)
	short := slices.IndexFunc(s.pieces, func(p piece) bool { return p.steps < least })
	if n < least && short < 0 {
		for i, p := range s.pieces {
			a, b := p.steps*8/10, p.steps*9/10
			parts[0], parts[1], parts[2] = append(parts[0], span{i, 0, a}), append(parts[1], span{i, a, b}), append(parts[2], span{i, b, p.steps})
		}
		return parts, nil
	}
	if n < 3 {
		return parts, fmt.Errorf("%.120q has %d steps: too few to be split into train, valid and test", s.pieces[short].name, s.pieces[short].steps)
	}
	test := min(n*9/10, n-1)
	valid := min(n*8/10, test-1)
	for i, p := range s.pieces {
		part := 0
		if i >= test {
			part = 2
		} else if i >= valid {
			part = 1
		}
		parts[part] = append(parts[part], span{i, 0, p.steps})
	}
	return parts, nil
}

// holdOut takes the last sixth of train, or at most so many sequences if most is above 0, for
// valid where a source has none. Of a few sequences it takes the last sixth of each.
func holdOut(train []span, most int) (rest, valid []span) {
	n := len(train) / 6
	if most > 0 {
		n = min(n, most)
	}
	if n > 0 {
		return train[:len(train)-n], train[len(train)-n:]
	}
	for _, at := range train {
		cut := at.to - (at.to-at.from)/6
		rest = append(rest, span{at.piece, at.from, cut})
		if cut < at.to {
			valid = append(valid, span{at.piece, cut, at.to})
		}
	}
	return rest, valid
}

// beside cuts sequences into n parts of almost equal length, so that a few long ones fill a
// batch. Training in truncated steps carries the state along each part.
func beside(seqs []model.Sequence, n, dim int) []model.Sequence {
	var list []model.Sequence
	for _, s := range seqs {
		steps := s.Steps(dim)
		parts := max(min(n, steps), 1)
		for i := range parts {
			from, to := steps*i/parts, steps*(i+1)/parts
			p := s.Slice(from, to, dim)
			p.Name = fmt.Sprintf("%s, steps %d to %d", s.Name, from, to)
			list = append(list, p)
		}
	}
	return list
}
