package main

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/elbow-go/elbow/blas"
	"github.com/elbow-go/elbow/cell"
)

// TestMain runs a server in place of the tests where a test asks for one. Everything runs on our own
// products: OpenBLAS, where it is built in, gives a session other bits in other company.
func TestMain(m *testing.M) {
	if err := blas.Use("go"); err != nil {
		panic(err)
	}
	if args := os.Getenv("SERVE_TEST_ARGS"); args != "" {
		if err := run(context.Background(), strings.Split(args, "\n"), os.Stdout); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

func write(t *testing.T, path string, b []byte) {
	t.Helper()
	if err := os.WriteFile(path, b, 0o666); err != nil {
		t.Fatal(err)
	}
}

// started runs a server as a process of its own and waits until it listens.
func started(t *testing.T, args ...string) *exec.Cmd {
	t.Helper()
	c := exec.Command(os.Args[0])
	c.Env = append(os.Environ(), "SERVE_TEST_ARGS="+strings.Join(args, "\n"))
	c.Stderr = os.Stderr
	out, err := c.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Process.Kill(); c.Wait() })
	if _, err := out.Read(make([]byte, 1)); err != nil {
		t.Fatalf("the server does not start: %v", err)
	}
	return c
}

// TestKill: a server that is killed and started again under load. Every client is told what happened, in words, starts a new
// session and goes on; no answer has other bits than that of a session alone.
func TestKill(t *testing.T) {
	if testing.Short() {
		t.Skip("starts processes, which an emulator may not do")
	}
	free, err := net.Listen("tcp", "localhost:0")
	if err != nil {
		t.Fatal(err)
	}
	address := free.Addr().String()
	free.Close()
	s := saved(t, cell.LSTM, 1, cell.Options{})
	for _, how := range []string{"", "-stream"} {
		args := []string{"-weights", s.file, "-prefix", "rnn.", "-listen", address}
		server := started(t, args...)
		var out strings.Builder
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() {
			load := strings.Fields("load -sessions 8 -rate 100 -duration 1h -check 8 -prefix rnn. " + how)
			ended <- run(ctx, append(load, "-url", "http://"+address, "-weights", s.file), &out)
		}()
		busy(t, "http://"+address)
		server.Process.Kill()
		server.Wait()
		time.Sleep(300 * time.Millisecond) // every client has noticed
		server = started(t, args...)
		busy(t, "http://"+address)
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("%v", err)
		}
		server.Process.Kill()
		server.Wait()
		text := out.String()
		refused := strings.Contains(text, "connection refused") || strings.Contains(text, "refused it")
		if !strings.Contains(text, " 0 with other bits") || !refused || !strings.Contains(text, "\n16 sessions started\n") {
			t.Errorf("%s%s", how, text)
		}
	}
}

// busy waits until the server at an address has 8 sessions and has answered 400 frames.
func busy(t *testing.T, url string) {
	t.Helper()
	for sessions, frames := 0, 0; sessions < 8 || frames < 400; {
		time.Sleep(10 * time.Millisecond)
		_, text := post(t, "GET", url+"/metrics", "", nil)
		for line := range strings.Lines(text) {
			fmt.Sscanf(line, "serve_sessions %d", &sessions)
			fmt.Sscanf(line, "serve_frames_total %d", &frames)
		}
	}
}

// TestForgotten: a session of a server that has ended is told so by the next one.
func TestForgotten(t *testing.T) {
	n := opened(t, saved(t, cell.GRU, 1, cell.Options{}))
	_, before := serving(t, n, 1, 4, 4, wide)
	url := begun(t, before)
	_, after := serving(t, n, 1, 4, 4, wide)
	code, text := post(t, "POST", after.URL+strings.TrimPrefix(url, before.URL)+"/frames", binaryFrames, make([]byte, 20))
	if code != 404 || !strings.Contains(text, "of a server that has ended, and its state is lost: start a new one") {
		t.Errorf("%d %s", code, text)
	}
}
