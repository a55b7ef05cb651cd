package main

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/elbow-go/elbow/cell"
	"github.com/elbow-go/elbow/kernels"
	"github.com/elbow-go/elbow/weights"
)

// wide are limits that no test runs into.
var wide = limits{sessions: 100, idle: time.Minute, body: 1 << 20, frames: 1000, queue: 100, request: time.Minute}

// saved writes a network of 5 inputs to a file, with a dense layer of 3 outputs, and returns its source.
func saved(t testing.TB, kind cell.Kind, layers int, o cell.Options) *source {
	t.Helper()
	st := cell.NewStack[float32](cell.StackConfig{Kind: kind, In: 5, Hidden: 12, Layers: layers, Options: o})
	st.Init(kernels.Noise{Seed: 1})
	fc := cell.NewDense[float32](st.Out(), 3, cell.Linear)
	fc.Init(kernels.Noise{Seed: 2})
	f := new(weights.File)
	if err := weights.AddStack(f, "rnn.", st, weights.PyTorch); err != nil {
		t.Fatal(err)
	}
	weights.AddDense(f, "fc.", fc, weights.PyTorch)
	s := &source{file: filepath.Join(t.TempDir(), "net.safetensors"), convention: "pytorch", prefix: "rnn."}
	if err := f.WriteFile(s.file); err != nil {
		t.Fatal(err)
	}
	return s
}

func opened(t testing.TB, s *source) *network {
	t.Helper()
	n, err := s.open()
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// serving runs a server for the time of a test.
func serving(t testing.TB, n *network, workers, batch, steps int, l limits) (*server, *httptest.Server) {
	t.Helper()
	s := newServer(n, workers, batch, steps, l)
	h := httptest.NewServer(s.handler())
	t.Cleanup(func() { s.stop(); h.Close(); s.close() })
	return s, h
}

// post sends a request and returns status and body.
func post(t testing.TB, method, url, kind string, body []byte) (int, string) {
	t.Helper()
	r, err := http.NewRequest(method, url, bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", kind)
	a, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer a.Body.Close()
	text, err := io.ReadAll(a.Body)
	if err != nil {
		t.Fatal(err)
	}
	return a.StatusCode, string(text)
}

// begun starts a session and returns its address.
func begun(t testing.TB, h *httptest.Server) string {
	t.Helper()
	code, text := post(t, "POST", h.URL+"/sessions", "", nil)
	var d description
	if err := json.Unmarshal([]byte(text), &d); err != nil || code != http.StatusCreated || d.Inputs != 5 || d.ID == "" {
		t.Fatalf("%d %s %v", code, text, err)
	}
	return h.URL + "/sessions/" + d.ID
}

// TestBits: whatever company sessions are in, however their frames are cut, and in whichever form they come, their outputs
// have the bits of a session alone.
func TestBits(t *testing.T) {
	for _, c := range []struct {
		kind   cell.Kind
		layers int
		o      cell.Options
		dense  string
		int8   bool
	}{{kind: cell.LSTM, layers: 2, dense: "fc."}, {kind: cell.GRU, layers: 1}, {kind: cell.LSTM, layers: 1, o: cell.Options{Proj: 7}}, {kind: cell.LSTM, layers: 2, int8: true, dense: "fc."}, {kind: cell.RNNTanh, layers: 1}} {
		s := saved(t, c.kind, c.layers, c.o)
		s.dense, s.int8 = c.dense, c.int8
		n := opened(t, s)
		server, h := serving(t, n, 2, 8, 4, wide)
		var all sync.WaitGroup
		for i := range 20 {
			all.Go(func() { sameBits(t, n, h, uint64(i)) })
		}
		all.Wait()
		if got := server.figures.frames.Load(); got != 20*60 {
			t.Errorf("%d frames, want %d", got, 20*60)
		}
	}
}

// sameBits sends 60 frames in requests of either form, or as a stream.
func sameBits(t *testing.T, n *network, h *httptest.Server, seed uint64) {
	noise := rand.New(rand.NewPCG(1, seed))
	x := make([]float32, 60*n.in())
	for i := range x {
		x[i] = noise.Float32()
	}
	url, alone := begun(t, h), n.session()
	var want []float32
	for at := 0; at < len(x); at += n.in() {
		want = append(want, n.step(alone, x[at:at+n.in()])...)
	}
	var got []float32
	add := func(kind string, text []byte) {
		y, err := decodeFrames(nil, text, kind, n.out(), 1000)
		if err != nil {
			t.Errorf("%v: %s", err, text)
		}
		got = append(got, y...)
	}
	kind := []string{binaryFrames, jsonFrames}[seed%2]
	for len(x) > 0 && seed%3 > 0 {
		part := x[:min(len(x), n.in()*(1+noise.IntN(9)))]
		x = x[len(part):]
		code, text := post(t, "POST", url+"/frames", kind, encodeFrames(nil, part, kind, n.in()))
		if code != http.StatusOK {
			t.Errorf("%d %s", code, text)
			return
		}
		add(kind, []byte(text))
	}
	if len(x) > 0 { // as a stream in odd pieces
		pieces, raw := io.Pipe()
		go func() {
			b := encodeFrames(nil, x, binaryFrames, n.in())
			for len(b) > 0 {
				k := min(len(b), 1+noise.IntN(100))
				raw.Write(b[:k])
				b = b[k:]
			}
			raw.Close()
		}()
		a, err := http.Post(url+"/stream", binaryFrames, pieces)
		if err != nil {
			t.Error(err)
			return
		}
		defer a.Body.Close()
		text, err := io.ReadAll(a.Body)
		if err != nil || a.Trailer.Get("Serve-Error") != "" {
			t.Errorf("%v, %v", err, a.Trailer)
		}
		add(binaryFrames, text)
	}
	if !slices.Equal(got, want) {
		t.Errorf("session %d: other bits than alone, %d numbers, want %d", seed, len(got), len(want))
	}
}

// TestRefusals: what a client does wrong or the server has no room for is told, and changes nothing.
func TestRefusals(t *testing.T) {
	l := wide
	l.sessions, l.body, l.frames = 2, 400, 10
	n := opened(t, saved(t, cell.LSTM, 1, cell.Options{}))
	server, h := serving(t, n, 1, 4, 4, l)
	url := begun(t, h)
	begun(t, h)
	frame := encodeFrames(nil, []float32{1, 2, 3, 4, 5}, binaryFrames, 5)
	nan := bytes.Repeat([]byte{0xff}, 20)
	for what, c := range map[string]struct {
		url, kind, body string
		code            int
		want            string
	}{
		"a session too many":    {h.URL + "/sessions", "", "", 503, "2 sessions are open"},
		"part of a frame":       {url + "/frames", binaryFrames, "123", 400, "a multiple of 20"},
		"no frame":              {url + "/frames", binaryFrames, "", 400, "no frames"},
		"NaN":                   {url + "/frames", binaryFrames, string(frame) + string(nan), 400, "frame 1, number 0 is NaN"},
		"too many frames":       {url + "/frames", binaryFrames, strings.Repeat(string(frame), 11), 413, "more than 10 frames"},
		"too many bytes":        {url + "/frames", binaryFrames, strings.Repeat(string(frame), 21), 413, "more than 400 bytes"},
		"another type":          {url + "/frames", "text/plain", "1", 400, "text/plain"},
		"a stream of JSON":      {url + "/stream", jsonFrames, "[]", 400, "want application/octet-stream"},
		"no JSON":               {url + "/frames", jsonFrames, "{", 400, "array of arrays"},
		"a short frame":         {url + "/frames", jsonFrames, "[[1,2,3,4]]", 400, "number 4 is"},
		"a long frame":          {url + "/frames", jsonFrames, "[[1,2,3,4,5,6]]", 400, "frame 0 of 5 numbers"},
		"null":                  {url + "/frames", jsonFrames, "[[1,2,null,4,5]]", 400, "number 2"},
		"a number too large":    {url + "/frames", jsonFrames, "[[1,2,1e40,4,5]]", 400, "1e40"},
		"JSON without end":      {url + "/frames", jsonFrames, "[[1,2,3,4,5]", 400, "EOF"},
		"JSON and more":         {url + "/frames", jsonFrames, "[[1,2,3,4,5]] 1", 400, "more behind"},
		"no frames in JSON":     {url + "/frames", jsonFrames, "[]", 400, "no frames"},
		"no session":            {h.URL + "/sessions/me/frames", binaryFrames, string(frame), 404, "no session"},
		"another server's":      {h.URL + "/sessions/" + strings.Repeat("x", 8) + "-" + strings.Repeat("y", 26) + "/frames", binaryFrames, string(frame), 404, "a server that has ended"},
		"a session that is not": {h.URL + "/sessions/" + server.sessions.run + "-y/stream", binaryFrames, string(frame), 404, "not used for too long"},
	} {
		code, text := post(t, "POST", c.url, c.kind, []byte(c.body))
		if code != c.code || !strings.Contains(text, c.want) || !strings.Contains(text, `{"error":`) {
			t.Errorf("%s: %d %s, want %d and %q", what, code, text, c.code, c.want)
		}
	}
	got, err := http.Post(url+"/frames", binaryFrames, bytes.NewReader(frame))
	if err != nil {
		t.Fatal(err)
	}
	y, _ := io.ReadAll(got.Body)
	if want := encodeFrames(nil, n.step(n.session(), []float32{1, 2, 3, 4, 5}), binaryFrames, 12); !bytes.Equal(y, want) {
		t.Error("a refused request has changed the state")
	}
}

// TestQueue: requests beyond the limit are sent away, a session takes one at a time, and those that wait are served.
func TestQueue(t *testing.T) {
	l := wide
	l.queue = 1
	n := opened(t, saved(t, cell.GRU, 1, cell.Options{}))
	s, h := serving(t, n, 0, 4, 4, l) // nobody works yet
	a, b := begun(t, h), begun(t, h)
	frame := encodeFrames(nil, []float32{1, 2, 3, 4, 5}, binaryFrames, 5)
	first := make(chan int)
	go func() {
		code, _ := post(t, "POST", a+"/frames", binaryFrames, frame)
		first <- code
	}()
	for s.queue.len() == 0 {
		time.Sleep(time.Millisecond)
	}
	if code, text := post(t, "POST", b+"/frames", binaryFrames, frame); code != 503 || !strings.Contains(text, "wait") {
		t.Errorf("%d %s", code, text)
	}
	for _, what := range []string{"POST /frames", "DELETE "} {
		method, path, _ := strings.Cut(what, " ")
		if code, text := post(t, method, a+path, binaryFrames, frame); code != 409 || !strings.Contains(text, "one at a time") {
			t.Errorf("%s: %d %s", what, code, text)
		}
	}
	s.workers.Go(newWorker(n, s.queue, s.figures, 4, 4).run)
	if code := <-first; code != 200 {
		t.Errorf("the request that waited: %d", code)
	}
	if code, text := post(t, "DELETE", a, "", nil); code != 204 || s.sessions.len() != 1 {
		t.Errorf("%d %s, %d sessions", code, text, s.sessions.len())
	}
}

// TestIdle: sessions end when nobody uses them, and streams when nothing comes.
func TestIdle(t *testing.T) {
	l := wide
	l.idle = 30 * time.Millisecond
	s, h := serving(t, opened(t, saved(t, cell.GRU, 1, cell.Options{})), 1, 4, 4, l)
	url := begun(t, h)
	body, writer := io.Pipe()
	defer writer.Close()
	if a, err := http.Post(url+"/stream", binaryFrames, body); err == nil { // or it has ended before
		io.Copy(io.Discard, a.Body)
		if text := a.Trailer.Get("Serve-Error"); a.StatusCode == 200 && !strings.Contains(text, "no frame in 30ms") {
			t.Errorf("%d %v", a.StatusCode, a.Trailer)
		}
	}
	for s.sessions.len() > 0 {
		time.Sleep(time.Millisecond)
	}
	if s.figures.expired.Load() != 1 {
		t.Errorf("%d sessions expired", s.figures.expired.Load())
	}
}

// TestStreamEnd: a stream that was silent for longer than a client may take to read an answer still ends as it should.
func TestStreamEnd(t *testing.T) {
	l := wide
	l.request = 200 * time.Millisecond
	s := newServer(opened(t, saved(t, cell.GRU, 1, cell.Options{})), 1, 4, 4, l)
	listener, err := net.Listen("tcp", "localhost:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- s.run(ctx, listener, time.Minute) }()
	h := &httptest.Server{URL: "http://" + listener.Addr().String()}
	for _, rest := range [][]byte{nil, {1}} {
		body, writer := io.Pipe()
		a, err := http.Post(begun(t, h)+"/stream", binaryFrames, body)
		if err != nil {
			t.Fatal(err)
		}
		writer.Write(make([]byte, 4*5))
		if _, err := io.ReadFull(a.Body, make([]byte, 4*12)); err != nil {
			t.Fatal(err)
		}
		time.Sleep(2 * l.request)
		writer.Write(rest)
		writer.Close()
		if more, err := io.ReadAll(a.Body); err != nil || len(more) > 0 || (a.Trailer.Get("Serve-Error") != "") != (rest != nil) {
			t.Errorf("%d bytes of a frame: %v, %d bytes, %v", len(rest), err, len(more), a.Trailer)
		}
	}
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

// TestOverflow: answers are JSON even if a state grows beyond all bounds.
func TestOverflow(t *testing.T) {
	n := &network{stack: cell.NewStack[float32](cell.StackConfig{Kind: cell.RNNReLU, In: 5, Hidden: 12, Layers: 1})}
	for _, p := range n.stack.Layers[0].Tensors() {
		for i := range p.Data {
			p.Data[i] = 9
		}
	}
	if err := n.prepare(new(source)); err != nil {
		t.Fatal(err)
	}
	_, h := serving(t, n, 1, 4, 4, wide)
	code, text := post(t, "POST", begun(t, h)+"/frames", jsonFrames, encodeFrames(nil, make([]float32, 5*50), jsonFrames, 5))
	if code != 200 || !json.Valid([]byte(text)) || !strings.Contains(text, "null,null") {
		t.Errorf("%d %.200s", code, text)
	}
}

// TestStop: a server that is told to stop takes no new sessions, answers what it has taken, and says so to streams.
func TestStop(t *testing.T) {
	listener, err := net.Listen("tcp", "localhost:0")
	if err != nil {
		t.Fatal(err)
	}
	s := newServer(opened(t, saved(t, cell.LSTM, 1, cell.Options{})), 1, 4, 4, wide)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- s.run(ctx, listener, time.Minute) }()
	h := &httptest.Server{URL: "http://" + listener.Addr().String()}
	url := begun(t, h)
	body, writer := io.Pipe()
	a, err := http.Post(url+"/stream", binaryFrames, body)
	if err != nil {
		t.Fatal(err)
	}
	frame := encodeFrames(nil, []float32{1, 2, 3, 4, 5}, binaryFrames, 5)
	writer.Write(frame)
	if _, err := io.ReadFull(a.Body, make([]byte, 4*12)); err != nil {
		t.Fatal(err)
	}
	s.stop() // as run does, but the listener is still open
	if code, text := post(t, "GET", h.URL+"/healthz", "", nil); code != 503 || !strings.Contains(text, "stopping") {
		t.Errorf("%d %s", code, text)
	}
	if code, text := post(t, "POST", h.URL+"/sessions", "", nil); code != 503 || !strings.Contains(text, "stopping") {
		t.Errorf("%d %s", code, text)
	}
	if rest, err := io.ReadAll(a.Body); err != nil || len(rest) > 0 || !strings.Contains(a.Trailer.Get("Serve-Error"), "stopping") {
		t.Errorf("%v, %d bytes, %v", err, len(rest), a.Trailer)
	}
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

// TestMetrics: the figures have the form that Prometheus reads.
func TestMetrics(t *testing.T) {
	_, h := serving(t, opened(t, saved(t, cell.GRU, 1, cell.Options{})), 1, 4, 4, wide)
	url := begun(t, h)
	post(t, "POST", url+"/frames", jsonFrames, []byte("[[1,2,3,4,5],[1,2,3,4,5]]"))
	post(t, "POST", url+"/frames", jsonFrames, []byte("[]"))
	code, text := post(t, "GET", h.URL+"/metrics", "", nil)
	line := regexp.MustCompile(`^(# (HELP|TYPE) \w+ .+|\w+(\{\w+="[^"]*"(,\w+="[^"]*")*\})? [0-9.e+-]+)$`)
	for l := range strings.Lines(text) {
		if !line.MatchString(strings.TrimSuffix(l, "\n")) {
			t.Errorf("%q", l)
		}
	}
	for _, want := range []string{"serve_frames_total 2\n", "serve_sessions 1\n", `serve_batch_sessions_bucket{le="1"} 1`, `serve_responses_total{handler="frames",code="200"} 1`, `serve_responses_total{handler="frames",code="400"} 1`, `serve_responses_total{handler="sessions",code="201"} 1`} {
		if code != 200 || !strings.Contains(text, want) {
			t.Errorf("%q is missing in %s", want, text)
		}
	}
}

// TestSources: networks from ONNX nodes, and those that cannot be sessions.
func TestSources(t *testing.T) {
	dir := t.TempDir()
	onnx := func(name string, st *cell.Stack[float32]) string {
		g := weights.NewGraph[float32]("g")
		y, _, _, err := g.Stack(st, g.Input("x", "steps", 1, st.In()), "", "")
		if err != nil {
			t.Fatal(err)
		}
		g.Output("y", y, "steps", 1, st.Out())
		var b bytes.Buffer
		if err := g.Write(&b, nil); err != nil {
			t.Fatal(err)
		}
		path := filepath.Join(dir, name)
		write(t, path, b.Bytes())
		return path
	}
	stack := func(layers int, both cell.Bidirectional) *cell.Stack[float32] {
		st := cell.NewStack[float32](cell.StackConfig{Kind: cell.LSTM, In: 5, Hidden: 4, Layers: layers, Bidirectional: both})
		st.Init(kernels.Noise{Seed: 3})
		return st
	}
	st := stack(2, cell.OneWay)
	file := onnx("two.onnx", st)
	f, err := weights.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	nodes, err := weights.Recurrents[float32](f)
	f.Close()
	if err != nil || len(nodes) != 2 {
		t.Fatal(err, len(nodes))
	}
	var names []string
	for name, node := range nodes {
		if names = append(names, name); node.Stack.In() == 5 && len(names) == 2 {
			slices.Reverse(names)
		}
	}
	n := opened(t, &source{file: file, convention: "pytorch", nodes: strings.Join(names, ",")})
	st.Pack()
	s, err := st.NewStream(1)
	if err != nil {
		t.Fatal(err)
	}
	x := []float32{1, 2, 3, 4, 5}
	if got, want := n.step(n.session(), x), s.Push(x); !slices.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
	for what, c := range map[string]struct {
		source
		want string
	}{
		"several nodes":  {source{file: file}, "-nodes to choose"},
		"no such node":   {source{file: file, nodes: "x"}, `no recurrent node "x"`},
		"no dense node":  {source{file: file, nodes: strings.Join(names, ","), dense: "x"}, `no dense node "x"`},
		"wrong order":    {source{file: file, nodes: names[1] + "," + names[0]}, "inputs, want 4"},
		"both ways":      {source{file: onnx("both.onnx", stack(1, cell.Concat))}, "from their ends"},
		"no file":        {source{}, "-weights"},
		"no convention":  {source{file: file, convention: "x"}, "onednn"},
		"nothing in it":  {source{file: saved(t, cell.GRU, 1, cell.Options{}).file, prefix: "x."}, "a recurrent layer"},
		"wide dense one": {source{file: saved(t, cell.GRU, 1, cell.Options{}).file, prefix: "rnn.", dense: "rnn."}, "left over"},
	} {
		if c.convention == "" {
			c.convention = "pytorch"
		}
		if _, err := c.source.open(); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", what, err, c.want)
		}
	}
}

// TestLoad: the load generator, a check of its answers in both forms, and a network that it takes for another.
func TestLoad(t *testing.T) {
	s := saved(t, cell.LSTM, 1, cell.Options{})
	_, h := serving(t, opened(t, s), 2, 8, 4, wide)
	args := []string{"-url", h.URL, "-sessions", "6", "-rate", "50", "-frames", "2", "-duration", "200ms", "-check", "6", "-weights", s.file, "-prefix", "rnn."}
	for _, more := range [][]string{nil, {"-stream"}} {
		var out strings.Builder
		if err := load(t.Context(), append(args, more...), &out); err != nil || !strings.Contains(out.String(), " 0 with other bits") || !strings.Contains(out.String(), "\n6 sessions started\n") {
			t.Errorf("%v %s", err, out.String())
		}
		if out.Reset(); load(t.Context(), append(args, append(more, "-int8")...), &out) == nil {
			t.Error("other weights have the same bits: " + out.String())
		}
	}
}

// FuzzFrames: any bytes are frames of finite numbers, which can be written and read again, or an error; neither takes much memory.
func FuzzFrames(f *testing.F) {
	f.Add([]byte("[[1,2],[3.5e3,-4]]"), uint8(2), true)
	f.Add([]byte("[[1,null]]"), uint8(2), true)
	f.Add([]byte(" [ [ ] ] "), uint8(1), true)
	f.Add(encodeFrames(nil, []float32{1, -2, 3e38, 0}, binaryFrames, 2), uint8(2), false)
	f.Fuzz(func(t *testing.T, body []byte, in uint8, text bool) {
		kind, size := binaryFrames, int(in%8)+1
		if text {
			kind = jsonFrames
		}
		const most = 20
		x, err := decodeFrames(nil, body, kind, size, most)
		if cap(x) > 4*(most+1)*size+64 {
			t.Errorf("room for %d numbers", cap(x))
		}
		if err != nil {
			return
		}
		if len(x) == 0 || len(x)%size != 0 || len(x) > most*size {
			t.Fatalf("%d numbers in frames of %d", len(x), size)
		}
		for _, kind := range []string{binaryFrames, jsonFrames} {
			y, err := decodeFrames(nil, encodeFrames(nil, x, kind, size), kind, size, most)
			if err != nil || !slices.Equal(x, y) {
				t.Errorf("%s: %v, %v, want %v", kind, err, y, x)
			}
		}
	})
}
