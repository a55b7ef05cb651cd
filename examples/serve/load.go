package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"maps"
	"math"
	"math/rand/v2"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/elbow-go/elbow/cell"
)

// A loader puts load on a server: sessions that each send frames at a fixed rate, whether or not answers have come. The time
// of an answer counts from when its frames were due, so frames that had to wait for a slow server are not forgotten.
type loader struct {
	url                     string
	sessions, frames, check int
	rate                    float64
	duration                time.Duration
	stream                  bool
	net                     *network // to check answers with

	client     *http.Client
	begin, end time.Time

	mu      sync.Mutex
	took    []time.Duration // of all messages
	last    time.Time       // when the last answer came
	errors  map[string]int
	starts  int
	checked int // frames
	wrong   int // of these
}

func load(ctx context.Context, args []string, out io.Writer) error {
	l := &loader{errors: map[string]int{}}
	flags := flag.NewFlagSet("load", flag.ContinueOnError)
	flags.StringVar(&l.url, "url", "http://localhost:8080", "of the server")
	flags.IntVar(&l.sessions, "sessions", 1000, "at a time")
	flags.Float64Var(&l.rate, "rate", 100, "frames a second of each session")
	flags.IntVar(&l.frames, "frames", 1, "frames that go together")
	flags.DurationVar(&l.duration, "duration", 10*time.Second, "of the load")
	flags.BoolVar(&l.stream, "stream", false, "a session is one request that lasts, instead of a request for each message")
	flags.IntVar(&l.check, "check", 0, "of so many sessions, compare all bits with the network run alone; with -weights as for the server")
	source := sourceFlags(flags)
	if err := flags.Parse(args); err != nil {
		return err
	}
	if flags.NArg() > 0 || min(l.sessions, l.frames) < 1 || !(l.rate > 0) || l.duration <= 0 || l.check < 0 {
		return errors.New("load: want flags only, and numbers above 0")
	}
	if l.check > 0 {
		var err error
		if l.net, err = source.open(); err != nil {
			return err
		}
	}
	if err := l.run(ctx); err != nil {
		return err
	}
	l.report(out)
	if l.wrong > 0 {
		return fmt.Errorf("load: %d of %d frames have other bits than a session alone", l.wrong, l.checked)
	}
	return nil
}

func (l *loader) run(ctx context.Context) error {
	transport := &http.Transport{MaxIdleConnsPerHost: l.sessions, MaxConnsPerHost: l.sessions}
	defer transport.CloseIdleConnections()
	l.client = &http.Client{Transport: transport}
	d, err := l.start(ctx, "GET", "/model")
	if err != nil {
		return err
	}
	l.begin = time.Now().Add(time.Duration(l.sessions)*time.Millisecond/2 + 100*time.Millisecond)
	l.end = l.begin.Add(l.duration)
	within, cancel := context.WithDeadline(ctx, l.end.Add(10*time.Second))
	defer cancel()
	var all sync.WaitGroup
	for i := range l.sessions {
		all.Go(func() { l.session(within, i, d.Inputs, d.Outputs) })
	}
	all.Wait()
	if now := time.Now(); ctx.Err() != nil && now.Before(l.end) { // it was to stop
		l.duration = max(now.Sub(l.begin), 0)
	}
	return nil
}

// start asks for the network, or for a session.
func (l *loader) start(ctx context.Context, method, path string) (d description, err error) {
	r, err := http.NewRequestWithContext(ctx, method, l.url+path, nil)
	if err != nil {
		return d, err
	}
	a, err := l.client.Do(r)
	if err != nil {
		return d, err
	}
	defer a.Body.Close()
	if a.StatusCode/100 != 2 {
		return d, refusal(a)
	}
	return d, json.NewDecoder(a.Body).Decode(&d)
}

// refusal is the error in an answer.
func refusal(a *http.Response) error {
	var text struct{ Error string }
	if err := json.NewDecoder(io.LimitReader(a.Body, 1<<12)).Decode(&text); err != nil {
		return errors.New(a.Status)
	}
	return fmt.Errorf("%s: %s", a.Status, text.Error)
}

// A talk is a session as the loader sees it.
type talk struct {
	*loader
	id      string
	first   time.Time // the first message is due
	in, out int
	noise   *rand.Rand
	x       []byte // a message
	values  []float32
	took    []time.Duration
	last    time.Time
	got     []byte
	alone   *cell.Stream[float32] // or nil
	checked int
	wrong   int
	pending chan []float32 // messages that are to be checked
}

// session talks to the server until the end, in a new session after every error. Each is a talk of its own: the last message of one that
// failed may still be on its way to the connection.
func (l *loader) session(ctx context.Context, i, in, out int) {
	period := time.Duration(float64(l.frames) / l.rate * float64(time.Second))
	phase := time.Duration(float64(period) * float64(i) / float64(l.sessions))
	wait := 50 * time.Millisecond
	for starts := uint64(0); ctx.Err() == nil && time.Now().Before(l.end); {
		d, err := l.start(ctx, "POST", "/sessions")
		if err == nil {
			t := &talk{loader: l, id: d.ID, first: l.begin.Add(phase), in: in, out: out, noise: rand.New(rand.NewPCG(starts, uint64(i))),
				values: make([]float32, in*l.frames), got: make([]byte, 4*out*l.frames)}
			starts++
			if late := time.Since(t.first); late > 0 {
				t.first = t.first.Add(late.Truncate(period) + period)
			}
			if i < l.check {
				t.alone, t.pending = l.net.session(), make(chan []float32, 1<<12)
			}
			if l.stream {
				err = t.stream(ctx, period)
			} else {
				err = t.requests(ctx, period)
			}
			if len(t.took) > 0 {
				wait = 50 * time.Millisecond
			}
			l.add(t)
			l.start(ctx, "DELETE", "/sessions/"+t.id) // it may be gone
		}
		if err == nil || errors.Is(ctx.Err(), context.Canceled) {
			break
		}
		l.fail(err)
		time.Sleep(min(wait, time.Until(l.end)))
		wait = min(2*wait, time.Second)
	}
}

// add counts what a talk has seen.
func (l *loader) add(t *talk) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.took = append(l.took, t.took...)
	if t.last.After(l.last) {
		l.last = t.last
	}
	l.starts, l.checked, l.wrong = l.starts+1, l.checked+t.checked, l.wrong+t.wrong
}

// What is of one session or connection alone.
var (
	sessionID = regexp.MustCompile(`\b[a-z2-7]{8}-[a-z2-7]{26}\b`)
	address   = regexp.MustCompile(`(\d+\.\d+\.\d+\.\d+|\[[0-9a-f:]+\]):\d+(->\S+:\d+)?`)
)

// fail counts an error, without what is of one session alone.
func (l *loader) fail(err error) {
	var u *url.Error
	if errors.As(err, &u) {
		err = u.Err
	}
	text := sessionID.ReplaceAllString(err.Error(), "ID")
	text = address.ReplaceAllString(text, "ADDRESS")
	l.mu.Lock()
	defer l.mu.Unlock()
	l.errors[text]++
}

// next makes the message that is due now, if it is before the end.
func (t *talk) next(k int, period time.Duration) (due time.Time, ok bool) {
	if due = t.first.Add(time.Duration(k) * period); due.After(t.end) {
		return due, false
	}
	time.Sleep(time.Until(due))
	for i := range t.values {
		t.values[i] = 2*t.noise.Float32() - 1
	}
	t.x = encodeFrames(t.x[:0], t.values, binaryFrames, t.in)
	if t.alone != nil {
		t.pending <- slices.Clone(t.values)
	}
	return due, true
}

// answered takes the answer to a message that was due then.
func (t *talk) answered(due time.Time) error {
	t.last = time.Now()
	t.took = append(t.took, t.last.Sub(due))
	if t.alone == nil {
		return nil
	}
	y, err := decodeFrames(nil, t.got, binaryFrames, t.out, math.MaxInt)
	if err != nil {
		return err
	}
	for x := <-t.pending; len(x) > 0; x, y = x[t.in:], y[t.out:] {
		if t.checked++; !slices.Equal(t.net.step(t.alone, x[:t.in]), y[:t.out]) {
			t.wrong++
		}
	}
	return nil
}

// requests sends each message as a request of its own.
func (t *talk) requests(ctx context.Context, period time.Duration) error {
	for k := 0; ; k++ {
		due, ok := t.next(k, period)
		if !ok {
			return nil
		}
		a, err := t.post(ctx, "frames", bytes.NewReader(t.x))
		if err != nil {
			return err
		}
		_, err = io.ReadFull(a.Body, t.got)
		a.Body.Close()
		if err == nil {
			err = t.answered(due)
		}
		if err != nil {
			return err
		}
	}
}

func (t *talk) post(ctx context.Context, what string, body io.Reader) (*http.Response, error) {
	r, err := http.NewRequestWithContext(ctx, "POST", t.url+"/sessions/"+t.id+"/"+what, body)
	if err != nil {
		return nil, err
	}
	r.Header.Set("Content-Type", binaryFrames)
	a, err := t.client.Do(r)
	if err == nil && a.StatusCode != http.StatusOK {
		err = refusal(a)
		a.Body.Close()
	}
	return a, err
}

// stream sends all messages as one request.
func (t *talk) stream(ctx context.Context, period time.Duration) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var ended atomic.Bool
	k := 0
	a, err := t.post(ctx, "stream", &paced{next: func() bool {
		_, ok := t.next(k, period)
		k++
		ended.Store(!ok)
		return ok
	}, message: func() []byte { return t.x }})
	if err != nil {
		return err
	}
	defer a.Body.Close()
	for n := 0; ; n++ {
		_, err := io.ReadFull(a.Body, t.got)
		if why := a.Trailer.Get("Serve-Error"); err != nil && why != "" {
			return errors.New(why)
		}
		if err == io.EOF && ended.Load() {
			return nil
		}
		if err == nil {
			err = t.answered(t.first.Add(time.Duration(n) * period))
		}
		if err != nil {
			return err
		}
	}
}

// paced is the body of a request whose messages come when they are due.
type paced struct {
	next    func() bool
	message func() []byte
	rest    []byte
}

func (p *paced) Read(b []byte) (int, error) {
	if len(p.rest) == 0 {
		if !p.next() {
			return 0, io.EOF
		}
		p.rest = p.message()
	}
	n := copy(b, p.rest)
	p.rest = p.rest[n:]
	return n, nil
}

func (l *loader) report(out io.Writer) {
	how := "a request each"
	if l.stream {
		how = "a request for the session"
	}
	fmt.Fprintf(out, "%d sessions, %v frames/s each, messages of %d, %s: %.0f frames/s for %v\n", l.sessions, l.rate, l.frames, how, l.rate*float64(l.sessions), l.duration)
	done := float64(len(l.took) * l.frames)
	fmt.Fprintf(out, "answered %.1f %% of them, %.0f frames/s\n", 100*done/(l.rate*float64(l.sessions)*l.duration.Seconds()), done/max(l.duration, l.last.Sub(l.begin)).Seconds())
	if slices.Sort(l.took); len(l.took) > 0 {
		fmt.Fprint(out, "from due to answered:")
		for _, q := range []float64{50, 90, 99, 99.9, 100} {
			fmt.Fprintf(out, "  p%v %v", q, l.took[int(math.Ceil(q/100*float64(len(l.took))))-1].Round(10*time.Microsecond))
		}
		fmt.Fprintln(out)
	}
	if l.check > 0 {
		fmt.Fprintf(out, "checked %d frames of %d sessions: %d with other bits than a session alone\n", l.checked, l.check, l.wrong)
	}
	fmt.Fprintf(out, "%d sessions started\n", l.starts)
	for _, text := range slices.Sorted(maps.Keys(l.errors)) {
		fmt.Fprintf(out, "%6d times: %s\n", l.errors[text], text)
	}
}
