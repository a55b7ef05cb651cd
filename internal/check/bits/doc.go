// Command bits trains thirteen small models in every way this machine can and compares what
// they leave behind, to the bit.
//
//	go run ./internal/check/bits        (make check-bits)
//
//	inputs, made here --> elbow train, eval, encode --> files --> without seconds, --> SHA-256
//	                       |                                      threads and so on       |
//	                       +- columns: each instruction set, the build with tag           |
//	                          purego, 1, 2, 3 and 7 threads, arm64 in an emulator         |
//	                                                                                      |
//	table: a row for each training, a column for each way <-------------------------------+
//
// The first column shows the beginning of the hash over all files of a training, the others
// whether theirs is the same. Below the table is what differs, with both hashes and the first
// value that is not the same.
//
// The trainings are as short as they can be, since the emulator is hundreds of times slower
// than the machine. They have all models but those that only programs train, every kind of
// data, every likelihood and optimiser, and the settings that take ways of their own.
package main
