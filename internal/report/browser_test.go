package report

import (
	"bytes"
	"context"
	_ "embed"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"
)

//go:embed testdata/harness.html
var harness []byte

// looked is what the harness has found.
type looked struct {
	Wrong   []string
	Figures int
	Millis  float64 // the median of the moves
}

// asked is a page to be looked at.
type asked struct {
	Page  string `json:"page"`
	Width int    `json:"width"`
	Move  bool   `json:"move"` // over the plane
}

// widths are those at which pages are looked at.
var widths = []int{400, 1400}

// browse looks at pages in a browser and returns what the harness says of each.
func browse(t *testing.T, pages http.Handler, list []asked) (found []looked) {
	t.Helper()
	browser := ""
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if path, err := exec.LookPath(name); err == nil {
			browser = path
			break
		}
	}
	if browser == "" {
		t.Skip("no Chromium on this machine")
	}
	results := make(chan []byte, 1)
	mux := http.NewServeMux()
	mux.HandleFunc("/harness", func(w http.ResponseWriter, _ *http.Request) { w.Write(harness) })
	mux.HandleFunc("/asked", func(w http.ResponseWriter, _ *http.Request) { json.NewEncoder(w).Encode(list) })
	mux.HandleFunc("/result", func(_ http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		results <- body
	})
	mux.Handle("/", framed{pages})
	server := httptest.NewServer(mux)
	defer server.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	c := exec.CommandContext(ctx, browser, "--headless=new", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--no-first-run", "--user-data-dir="+t.TempDir(),
		"--autoplay-policy=no-user-gesture-required", "--window-size=1600,1000", server.URL+"/harness")
	var said bytes.Buffer
	c.Stderr, c.WaitDelay = &said, 2*time.Second
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	select {
	case body := <-results:
		if err := json.Unmarshal(body, &found); err != nil || len(found) != len(list) {
			t.Errorf("%v: %.400s", err, body)
		}
	case <-ctx.Done():
		t.Errorf("the browser does not answer: %.400s", said.String())
	}
	cancel()
	_ = c.Wait() // it was ended
	return found
}

// framed lets the pages be shown in the frame of the harness.
type framed struct{ http.Handler }

func (f framed) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	f.Handler.ServeHTTP(unframed{w}, r)
}

type unframed struct{ http.ResponseWriter }

func (w unframed) Write(p []byte) (int, error) {
	w.Header().Del("Content-Security-Policy") // that of the page itself stays
	return w.ResponseWriter.Write(p)
}

// TestBrowser: in a browser every figure of every kind of data is drawn, at one of two widths or, for
// ELBOW_TEST_LONG, at both, with labels that are neither cut nor cover each other, and pointing at a plane and
// its keys decode.
func TestBrowser(t *testing.T) {
	if testing.Short() {
		t.Skip("a browser takes long")
	}
	mux, want := http.NewServeMux(), map[string]int{}
	var list []asked
	for i, k := range kinds {
		r := k.run(t)
		p := Of(r)
		page := "/" + k.name
		mux.HandleFunc(page, func(w http.ResponseWriter, _ *http.Request) {
			if err := p.Write(w); err != nil {
				t.Error(err)
			}
		})
		for _, s := range p.Sections {
			want[page] += len(s.Figures)
		}
		if k.plane {
			page += "/explore/"
			e, err := Explore(r)
			if err != nil {
				t.Fatal(err)
			}
			mux.Handle(page, http.StripPrefix(strings.TrimSuffix(page, "/"), e))
			want[page] = want["/"+k.name]
		}
		at := widths
		if os.Getenv("ELBOW_TEST_LONG") == "" {
			at = widths[i%len(widths):][:1]
		}
		for _, width := range at {
			list = append(list, asked{page, width, k.plane})
		}
	}
	for i, l := range browse(t, mux, list) {
		if a := list[i]; len(l.Wrong) > 0 || l.Figures != want[a.Page] {
			t.Errorf("%s, %d wide: %d figures, want %d; %q", a.Page, a.Width, l.Figures, want[a.Page], l.Wrong)
		} else if a.Move {
			t.Logf("%s, %d wide: a move is drawn after %.1f ms", a.Page, a.Width, l.Millis)
		}
	}
}
