// Package music holds what the command needs to know about music: pieces as piano rolls,
// the readers and writers of their file formats, and the tunes that ship inside the binary.
//
//	JSB JSON --ReadJSON--+
//	MIDI -----ReadMIDI---+--> Roll, Piece, Dataset --WriteMIDI, WriteJSON--> files
//	ABC --ReadABC, Rolls-+          |
//	Tunes (embedded ABC)-+          +--Rows--> 0/1 matrix [steps, 88] and back by FromRows
//
// A Roll says which notes sound at each step of a regular grid. It does not know whether
// a note that sounds at two steps in a row is held or struck again; where that is known,
// as in ABC, it travels beside the roll as a second roll, that of the struck notes.
//
// Everything that is read may be damaged or hostile. Errors name the file and the place;
// the limits on sizes are constants beside each reader.
package music
