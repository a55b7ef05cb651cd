// Package music holds what the command needs to know about music: pieces as piano rolls,
// the readers and writers of their file formats, and the tunes that ship inside the binary.
//
//	JSON, MIDI, ABC --Open--+--> Dataset of Pieces --Read--> 0/1 rows [steps, 88]
//	Tunes (embedded ABC)----+           |
//	                                    +--Roll--> WriteMIDI, pictures
//	rows of a model ---------FromRows-----^
//
// A Roll says which notes sound at each step of a regular grid; a Piece is one that is held
// as its notes, and made into rows when a batch needs them. Neither knows whether a note
// that sounds at two steps in a row is held or struck again; where that is known, as in ABC,
// it travels beside the roll as a second roll, that of the struck notes.
//
// Everything that is read may be damaged or hostile. What cannot be read is left out, piece
// by piece, with file, place and reason, and what is read although something is wrong with
// it is remarked upon. The limits on sizes are constants beside each reader; what is held in
// memory counts for the budget of the caller.
//
// The reader of MIDI files is our own, although gitlab.com/gomidi/midi/v2 has one: that
// library reads what follows the standard and refuses the rest of a file, and what players
// play often does not follow it (running status over meta events, wrong lengths and counts,
// files that are cut off). A check of all that before the library sees the file is as long as
// a reader. The library writes the files, and in the tests reads what we write. There is no
// kept library for ABC in Go.
package music
