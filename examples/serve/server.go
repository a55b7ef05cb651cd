package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"mime"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"
)

// A server has the sessions of one network and the workers that run it.
type server struct {
	net      *network
	limits   limits
	sessions *sessions
	queue    *queue
	figures  *figures
	workers  sync.WaitGroup
	steps    int

	stopping context.Context // ends when the server is to stop
	stop     func()
	buffers  sync.Pool // of *buffer
}

// A buffer is the memory of a request.
type buffer struct {
	body []byte
	call call
}

func newServer(net *network, workers, batch, steps int, l limits) *server {
	s := &server{net: net, limits: l, sessions: newSessions(l.sessions, l.idle), queue: newQueue(), figures: newFigures(), steps: steps}
	s.buffers.New = func() any { return &buffer{call: call{done: make(chan struct{}, 1)}} }
	s.stopping, s.stop = context.WithCancel(context.Background())
	for range workers {
		w := newWorker(net, s.queue, s.figures, batch, steps)
		s.workers.Go(w.run)
	}
	s.workers.Go(s.expire)
	return s
}

// close ends the workers, after all handlers have ended.
func (s *server) close() {
	s.stop()
	s.queue.close()
	s.workers.Wait()
}

// expire ends sessions that are not used, until the server stops.
func (s *server) expire() {
	tick := time.NewTicker(max(s.limits.idle/8, time.Millisecond))
	defer tick.Stop()
	for {
		select {
		case <-s.stopping.Done():
			return
		case now := <-tick.C:
			s.figures.expired.Add(uint64(s.sessions.expire(now)))
		}
	}
}

func (s *server) handler() http.Handler {
	mux := http.NewServeMux()
	for pattern, h := range map[string]func(http.ResponseWriter, *http.Request) (int, error){
		"POST /sessions": s.start, "DELETE /sessions/{id}": s.delete, "POST /sessions/{id}/frames": s.frames, "POST /sessions/{id}/stream": s.stream,
		"GET /model": s.model, "GET /healthz": s.health, "GET /metrics": s.metrics,
	} {
		_, path, _ := strings.Cut(pattern, " ")
		name := path[strings.LastIndexByte(path, '/')+1:]
		if name == "{id}" {
			name = "delete"
		}
		mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) {
			code, err := h(w, r)
			if err != nil {
				code = refuse(w, err)
			}
			s.figures.response(name, code)
		})
	}
	return mux
}

// refuse answers with an error as JSON, and the status that belongs to it.
func refuse(w http.ResponseWriter, err error) int {
	var tooLarge *http.MaxBytesError
	var tooMany tooManyError
	var unknown unknownError
	var full fullError
	code := http.StatusBadRequest
	switch {
	case errors.As(err, &tooLarge):
		code, err = http.StatusRequestEntityTooLarge, fmt.Errorf("the request has more than %d bytes", tooLarge.Limit)
	case errors.As(err, &tooMany):
		code = http.StatusRequestEntityTooLarge
	case errors.As(err, &unknown):
		code = http.StatusNotFound
	case errors.Is(err, errBusy):
		code = http.StatusConflict
	case errors.As(err, &full), errors.Is(err, errQueue), errors.Is(err, errStopped):
		code = http.StatusServiceUnavailable
		w.Header().Set("Retry-After", "1")
	}
	reply(w, code, map[string]string{"error": err.Error()})
	return code
}

func reply(w http.ResponseWriter, code int, v any) {
	w.Header().Set("Content-Type", jsonFrames)
	w.WriteHeader(code)
	json.NewEncoder(w).Encode(v)
}

// description is what clients have to know of the network.
type description struct {
	ID      string `json:"id,omitempty"` // of a new session
	Kind    string `json:"kind"`
	Layers  int    `json:"layers"`
	Inputs  int    `json:"inputs"`
	Outputs int    `json:"outputs"`
}

func (s *server) describe(id string) description {
	return description{id, s.net.stack.Layers[0].Kind.String(), len(s.net.stack.Layers), s.net.in(), s.net.out()}
}

func (s *server) model(w http.ResponseWriter, _ *http.Request) (int, error) {
	reply(w, http.StatusOK, s.describe(""))
	return http.StatusOK, nil
}

func (s *server) health(w http.ResponseWriter, _ *http.Request) (int, error) {
	if s.stopping.Err() != nil {
		return 0, errStopped
	}
	io.WriteString(w, "ok\n")
	return http.StatusOK, nil
}

func (s *server) metrics(w http.ResponseWriter, _ *http.Request) (int, error) {
	w.Header().Set("Content-Type", "text/plain; version=0.0.4; charset=utf-8")
	s.figures.write(w, s.sessions.len(), s.queue.len())
	return http.StatusOK, nil
}

func (s *server) start(w http.ResponseWriter, _ *http.Request) (int, error) {
	if s.stopping.Err() != nil {
		return 0, errStopped
	}
	one, err := s.sessions.start(s.net.h0, s.net.c0)
	if err != nil {
		return 0, err
	}
	s.figures.sessions.Add(1)
	w.Header().Set("Location", "/sessions/"+one.id)
	reply(w, http.StatusCreated, s.describe(one.id))
	return http.StatusCreated, nil
}

func (s *server) delete(w http.ResponseWriter, r *http.Request) (int, error) {
	one, err := s.sessions.get(r.PathValue("id"))
	if err != nil {
		return 0, err
	}
	s.sessions.end(one)
	s.figures.deleted.Add(1)
	w.WriteHeader(http.StatusNoContent)
	return http.StatusNoContent, nil
}

// frames answers a request of some frames with their outputs. A request that is refused has changed nothing.
func (s *server) frames(w http.ResponseWriter, r *http.Request) (int, error) {
	b := s.buffers.Get().(*buffer)
	defer s.buffers.Put(b)
	kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil {
		kind = r.Header.Get("Content-Type")
	}
	if err := s.answer(b, kind, w, r); err != nil {
		return 0, err
	}
	w.Header().Set("Content-Type", kind)
	w.Header().Set("Content-Length", strconv.Itoa(len(b.body)))
	w.Write(b.body) // an error is that the client has gone
	return http.StatusOK, nil
}

// answer has the frames of a request run and leaves what to answer in b. Then the session is free again, before the client
// can know.
func (s *server) answer(b *buffer, kind string, w http.ResponseWriter, r *http.Request) error {
	one, err := s.sessions.get(r.PathValue("id"))
	if err != nil {
		return err
	}
	defer s.sessions.release(one)
	if b.body, err = readAll(b.body[:0], http.MaxBytesReader(w, r.Body, s.limits.body)); err != nil {
		return err
	}
	if b.call.x, err = decodeFrames(b.call.x[:0], b.body, kind, s.net.in(), s.limits.frames); err != nil {
		return err
	}
	if err := s.push(b, one, s.limits.queue); err != nil {
		return err
	}
	b.body = encodeFrames(b.body[:0], b.call.y, kind, s.net.out())
	return nil
}

// push has the frames in a buffer run, and waits for it.
func (s *server) push(b *buffer, one *session, most int) error {
	c := &b.call
	c.session, c.frames, c.at, c.since = one, len(c.x)/s.net.in(), 0, time.Now()
	c.y = grow(c.y, c.frames*s.net.out())
	if err := s.queue.push(c, most); err != nil {
		return err
	}
	<-c.done
	c.session = nil
	return nil
}

// stream answers frames one by one, as they come in, for as long as the client sends some. What ended it before the client
// did is in the trailer Serve-Error.
func (s *server) stream(w http.ResponseWriter, r *http.Request) (int, error) {
	if kind := r.Header.Get("Content-Type"); kind != binaryFrames {
		return 0, fmt.Errorf("a stream of type %.60q, want %s", kind, binaryFrames)
	}
	if s.stopping.Err() != nil {
		return 0, errStopped
	}
	one, err := s.sessions.get(r.PathValue("id"))
	if err != nil {
		return 0, err
	}
	defer s.sessions.release(one)
	s.figures.streams.Add(1)
	defer s.figures.streams.Add(-1)
	rc := http.NewResponseController(w)
	if err := rc.EnableFullDuplex(); err != nil && r.ProtoMajor == 1 {
		return 0, err
	}
	defer context.AfterFunc(s.stopping, func() { rc.SetReadDeadline(time.Now()) })() // what the client has not sent, nobody waits for
	w.Header().Set("Content-Type", binaryFrames)
	w.WriteHeader(http.StatusOK)
	rc.Flush() // an error is that the client has gone, which the first frame tells too
	if err := s.pump(w, rc, r.Body, one); err != nil {
		w.Header().Set(http.TrailerPrefix+"Serve-Error", err.Error())
	}
	rc.SetWriteDeadline(time.Now().Add(s.limits.request)) // for the end; that of the last answer may have passed
	return http.StatusOK, nil
}

// pump runs the frames of a stream: those that are there together, up to a turn of a worker.
func (s *server) pump(w io.Writer, rc *http.ResponseController, body io.Reader, one *session) error {
	b := s.buffers.Get().(*buffer)
	defer s.buffers.Put(b)
	size := 4 * s.net.in()
	in := bufio.NewReaderSize(body, max(4096, size))
	for {
		rc.SetReadDeadline(time.Now().Add(s.limits.idle))
		if s.stopping.Err() != nil {
			return errStopped
		}
		n := size * max(1, min(in.Buffered()/size, s.steps))
		if cap(b.body) < n {
			b.body = make([]byte, n)
		}
		b.body = b.body[:n]
		switch _, err := io.ReadFull(in, b.body); {
		case err == io.EOF:
			return nil
		case err != nil && s.stopping.Err() != nil:
			return errStopped
		case err != nil:
			return fmt.Errorf("within a frame, or after no frame in %v: %w", s.limits.idle, err)
		}
		var err error
		if b.call.x, err = decodeFrames(b.call.x[:0], b.body, binaryFrames, s.net.in(), s.steps); err != nil {
			return err
		}
		if err := s.push(b, one, math.MaxInt); err != nil {
			return err
		}
		rc.SetWriteDeadline(time.Now().Add(s.limits.request))
		b.body = encodeFrames(b.body[:0], b.call.y, binaryFrames, s.net.out())
		if _, err := w.Write(b.body); err != nil {
			return err
		}
		if in.Buffered() < size {
			if err := rc.Flush(); err != nil {
				return err
			}
		}
	}
}

// readAll is [io.ReadAll] into memory that is there.
func readAll(dst []byte, r io.Reader) ([]byte, error) {
	for {
		if len(dst) == cap(dst) {
			dst = append(dst, 0)[:len(dst)]
		}
		n, err := r.Read(dst[len(dst):cap(dst)])
		if dst = dst[:len(dst)+n]; err == io.EOF {
			return dst, nil
		} else if err != nil {
			return dst, err
		}
	}
}
