//go:build !(linux || darwin)

package main

import (
	"errors"
	"os"
)

var endSignals = []os.Signal{os.Interrupt}

const canLimitFiles = false

func limitFiles(uint64) { panic("this system cannot limit the size of files") }

func mkfifo(string) error { return errors.New("no FIFO") }
