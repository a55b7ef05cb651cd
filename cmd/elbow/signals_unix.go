//go:build unix

package main

import (
	"errors"
	"os"
	"os/signal"
	"syscall"
)

// catch returns the signals that ask the program to end: INT, TERM and HUP, the last one not
// under nohup. It also has writing into a pipe that nobody reads any more fail, rather than end
// the program in the middle of a training.
func catch() <-chan os.Signal {
	c := make(chan os.Signal, 8)
	signal.Notify(c, os.Interrupt, syscall.SIGTERM)
	if !signal.Ignored(syscall.SIGHUP) {
		signal.Notify(c, syscall.SIGHUP)
	}
	signal.Notify(make(chan os.Signal, 1), syscall.SIGPIPE)
	return c
}

// unread reports whether err is that of writing into a pipe that nobody reads any more.
func unread(err error) bool { return errors.Is(err, syscall.EPIPE) }
