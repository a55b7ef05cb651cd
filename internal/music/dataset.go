package music

// Dataset is a set of pieces. StepsPerQuarter says how long a step is.
type Dataset struct {
	Name            string
	StepsPerQuarter int

	// The three parts as the source has them; one or two may be empty.
	Train, Valid, Test []Piece
	// All takes their place where the source has no parts: it is for others to divide.
	All []Piece

	// Skipped has a line for each piece that was left out: file, place and reason.
	Skipped []string
	// Notes has lines on what was read although something in it is not as it should be, and
	// on what of a piece cannot be in a roll, such as notes outside the keyboard.
	Notes []string
}

// part is one of the lists of pieces of a data set with its name in files and messages.
type part struct {
	name   string
	pieces *[]Piece
}

// parts returns the three parts, and All if it holds something.
func (d *Dataset) parts() []part {
	list := []part{{"train", &d.Train}, {"valid", &d.Valid}, {"test", &d.Test}}
	if len(d.All) > 0 {
		list = append(list, part{"all", &d.All})
	}
	return list
}
