//go:build !unix

package main

import (
	"os"
	"os/signal"
	"syscall"
)

// catch returns the signals that ask the program to end.
func catch() <-chan os.Signal {
	c := make(chan os.Signal, 8)
	signal.Notify(c, os.Interrupt, syscall.SIGTERM)
	return c
}

// unread reports whether err is that of writing into a pipe that nobody reads any more, which
// has no name of its own here.
func unread(error) bool { return false }
