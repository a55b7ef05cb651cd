package main

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/elbow-go/elbow/blas/blastest"
)

// TestReport: the page of a training is in its folder, with its results, and is made without the data as well.
func TestReport(t *testing.T) {
	blastest.UseGo(t)
	dir, data := filepath.Join(t.TempDir(), "run"), write(t, "waves.csv", waves(120, nil))
	mustRun(t, "train", "-data", data, "-out", dir, "-model", "rnn", "-hidden", "6", "-epochs", "3")
	out := mustRun(t, "report", dir)
	page, err := os.ReadFile(filepath.Join(dir, reportFile))
	if err != nil || !strings.Contains(out, dir+": "+reportFile) {
		t.Fatalf("%v, %s", err, out)
	}
	for _, want := range []string{"rnn, lstm 6, gauss, trained on waves.csv", `id="training"`, `id="forecast"`, `id="settings"`, "nll ", "nats per step"} {
		if !strings.Contains(string(page), want) {
			t.Errorf("no %s in the page", want)
		}
	}
	var result struct {
		Files []string
		Bytes int64
	}
	if err := json.Unmarshal([]byte(mustRun(t, "report", "-model", dir, "-json")), &result); err != nil || result.Bytes != int64(len(page)) || len(result.Files) != 1 {
		t.Errorf("%+v, %v", result, err)
	}
	if err := os.Remove(data); err != nil {
		t.Fatal(err)
	}
	other := t.TempDir()
	mustRun(t, "report", dir, "-out", other)
	if page, err = os.ReadFile(filepath.Join(other, reportFile)); err != nil || !strings.Contains(string(page), "could not be read") {
		t.Errorf("without data: %v", err)
	}
	for _, bad := range [][]string{{"report", dir, "-model", dir}, {"report", dir, dir}, {"report", dir, "-data", "nowhere.csv"}, {"report", dir, "-given", "a=1"}, {"report", t.TempDir()}, {"explore", dir}, {"explore", dir, "-port", "-1"}} {
		if code, _, _ := elbow(t.Context(), bad...); code == 0 {
			t.Errorf("elbow %v: exit code 0", bad)
		}
	}
	if err := os.WriteFile(filepath.Join(dir, summaryFile), []byte("{"), 0o666); err != nil {
		t.Fatal(err)
	}
	mustFail(t, []string{filepath.Join(dir, summaryFile)}, "report", dir)
}

// TestExplore: the page is served at the address that is printed, until the command is ended.
func TestExplore(t *testing.T) {
	blastest.UseGo(t)
	dir := filepath.Join(t.TempDir(), "run")
	mustRun(t, "train", "-out", dir, "-model", "vrae", "-window", "16", "-hidden", "4", "-latent", "2", "-epochs", "1")
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	r, w := io.Pipe()
	code := make(chan int, 1)
	go func() {
		code <- run(ctx, []string{"explore", dir}, w, io.Discard)
		w.Close()
	}()
	address, said := "", ""
	for buf := make([]byte, 4096); address == ""; {
		n, err := r.Read(buf)
		if said += string(buf[:n]); err != nil {
			t.Fatalf("%v: %s", err, said)
		}
		address = regexp.MustCompile(`http://127\.0\.0\.1:\d+/\n`).FindString(said)
	}
	go io.Copy(io.Discard, r)
	if !regexp.MustCompile(`a move is decoded in [\d.]+ ms`).MatchString(said) {
		t.Error(said)
	}
	for path, want := range map[string]string{"": `id="explore"`, "decode?plane=0&given=0&x=0&y=0": `"kind":"roll"`} {
		answer, err := http.Get(strings.TrimSpace(address) + path)
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(answer.Body)
		answer.Body.Close()
		if err != nil || !strings.Contains(string(body), want) {
			t.Errorf("%q: %v, %.200s", path, err, body)
		}
	}
	cancel()
	if c := <-code; c != codeInterrupted {
		t.Errorf("exit code %d", c)
	}
	if _, err := http.Get(strings.TrimSpace(address)); err == nil {
		t.Error("it still answers")
	}
}
