// Package dataset turns what people have into what a model sees, and back.
//
//	path --recognise--> kind --read--> pieces of raw values --split--> train, valid, test
//	                                        |                             |
//	                                        |          learn, once: model.Form (kept in the checkpoint)
//	                                        +---- encode by the form ---> sequences of rows
//	                                                                      |
//	samples of a model --decode by the form--> write, in the format of the kind
//
// A kind of data is one file of this package and one line of the table kinds: how it is
// recognised, read and split, what it suits, and how samples of it are written. The parsers
// of single files are packages of their own beneath it (music, wave, npy, idx, table).
//
// What is found out about the data that a model is trained on (scale, symbols, sample rate,
// grid, columns and so on) is one value, the [model.Form]. [Open] learns it from the train
// part; [OpenAs] reads other data by it and by nothing else, so that a model sees new data as
// it saw those it has learned from. What cannot be read so is an error, never a guess.
//
// Sequences are held as what they were read from, bytes, notes or numbers, and become rows
// when a batch is made.
package dataset
