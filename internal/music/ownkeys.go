package music

// OwnKeys returns the built-in tunes each in its own key, on the grid of [Builtin]. Valid
// and test are the same tunes as train.
func OwnKeys() *Dataset {
	train, valid, test := Tunes()
	d := &Dataset{Name: "tunes in their own keys", StepsPerQuarter: builtinGrid}
	for _, list := range [][]*Tune{train, valid, test} {
		for _, t := range list {
			d.Train = append(d.Train, t.transposed(0))
		}
	}
	d.Valid, d.Test = d.Train, d.Train
	return d
}
