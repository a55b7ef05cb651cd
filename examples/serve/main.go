// Serve runs a recurrent network, trained elsewhere, for many clients over HTTP.
//
//	serve -weights model.safetensors -prefix lstm.     listens on localhost:8080
//	serve load -sessions 1000 -rate 100                puts load on it and says how long it took
//	serve random -in 40 -hidden 256 lstm.safetensors   a file to try it with
//
//	POST /sessions ------> session: states h, c
//	POST .../frames --+                          +-> worker: gather states and frames of up to 64 sessions,
//	POST .../stream --+--> queue, first come ----+           one pass of cell.Stack, scatter states and outputs
//
// README.md has the interface and what it was measured to do.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/signal"
	"runtime"
	"syscall"
	"time"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second signal ends the program at once
	err := run(ctx, os.Args[1:], os.Stdout)
	switch {
	case errors.Is(err, flag.ErrHelp):
	case err != nil:
		fmt.Fprintln(os.Stderr, "serve:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string, out io.Writer) error {
	if len(args) > 0 {
		switch args[0] {
		case "load":
			return load(ctx, args[1:], out)
		case "random":
			return random(args[1:], out)
		}
	}
	return serve(ctx, args, out)
}

// limits bound what clients can make the server do.
type limits struct {
	sessions int           // at a time
	idle     time.Duration // after which a session ends
	body     int64         // bytes of a request
	frames   int           // of a request
	queue    int           // requests that wait
	request  time.Duration // for the client to send one and to read the answer
}

func serve(ctx context.Context, args []string, out io.Writer) error {
	flags := flag.NewFlagSet("serve", flag.ContinueOnError)
	source := sourceFlags(flags)
	listen := flags.String("listen", "localhost:8080", "address")
	workers := flags.Int("workers", runtime.GOMAXPROCS(0), "goroutines that compute, each a batch at a time")
	batch := flags.Int("batch", 64, "most sessions in a batch")
	steps := flags.Int("steps", 16, "most frames of a session in a batch; a longer request takes several turns")
	grace := flags.Duration("grace", 10*time.Second, "for requests to end when the server stops")
	var l limits
	flags.IntVar(&l.sessions, "sessions", 4096, "most sessions at a time")
	flags.DurationVar(&l.idle, "idle", 5*time.Minute, "after which a session that is not used ends")
	flags.Int64Var(&l.body, "body", 1<<20, "most bytes of a request")
	flags.IntVar(&l.frames, "frames", 1000, "most frames of a request")
	flags.IntVar(&l.queue, "queue", 1024, "most requests that wait; streams come on top, one each")
	flags.DurationVar(&l.request, "timeout", 30*time.Second, "for a client to send a request and to read the answer")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if flags.NArg() > 0 || min(*workers, *batch, *steps, l.sessions, l.frames, l.queue) < 1 || min(l.idle, l.request) <= 0 || l.body < 1 {
		return errors.New("want flags only, all numbers at least 1")
	}
	net1, err := source.open()
	if err != nil {
		return err
	}
	listener, err := net.Listen("tcp", *listen)
	if err != nil {
		return err
	}
	s := newServer(net1, *workers, *batch, *steps, l)
	fmt.Fprintf(out, "%v, on http://%v\n", net1, listener.Addr())
	defer fmt.Fprintln(out, "stopped")
	return s.run(ctx, listener, *grace)
}

// run serves until ctx ends, then lets the requests that are under way come to their ends.
func (s *server) run(ctx context.Context, listener net.Listener, grace time.Duration) error {
	h := &http.Server{Handler: s.handler(), ReadTimeout: s.limits.request, WriteTimeout: s.limits.request, IdleTimeout: s.limits.idle, MaxHeaderBytes: 1 << 14}
	failed := make(chan error, 1)
	go func() { failed <- h.Serve(listener) }()
	var err error
	select {
	case err = <-failed:
	case <-ctx.Done():
		s.stop()
		until, cancel := context.WithTimeout(context.Background(), grace)
		defer cancel()
		if err = h.Shutdown(until); err != nil {
			err = fmt.Errorf("requests were still under way after %v: %w", grace, errors.Join(err, h.Close()))
		}
	}
	s.close()
	return err
}
