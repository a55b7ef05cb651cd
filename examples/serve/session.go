package main

import (
	"crypto/rand"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"
)

// A session is one sequence: the states after its last frame. Whoever has it, has it alone, until the release.
type session struct {
	id   string
	h, c []float32

	busy bool      // held by sessions.mu
	used time.Time // likewise
}

// sessions are those that have not ended.
type sessions struct {
	mu   sync.Mutex
	run  string // of this process: the ids of its sessions begin with it
	all  map[string]*session
	most int
	idle time.Duration
}

func newSessions(most int, idle time.Duration) *sessions {
	return &sessions{run: strings.ToLower(rand.Text()[:8]), all: map[string]*session{}, most: most, idle: idle}
}

var errBusy = errors.New("another request of this session is under way: a session takes one at a time")

// fullError says that there are too many sessions.
type fullError int

func (e fullError) Error() string {
	return fmt.Sprintf("%d sessions are open, and no more are allowed: try again later", int(e))
}

// unknownError says why there is no such session.
type unknownError struct{ id, run string }

func (e unknownError) Error() string {
	run, _, ok := strings.Cut(e.id, "-")
	switch {
	case !ok || len(e.id) > 64:
		return fmt.Sprintf("%.64q is no session: POST /sessions starts one", e.id)
	case run != e.run:
		return fmt.Sprintf("session %s is of a server that has ended, and its state is lost: start a new one", e.id)
	default:
		return fmt.Sprintf("session %s has ended, was deleted or not used for too long: start a new one", e.id)
	}
}

// start makes a session with the given states.
func (ss *sessions) start(h, c []float32) (*session, error) {
	ss.mu.Lock()
	defer ss.mu.Unlock()
	if len(ss.all) >= ss.most {
		return nil, fullError(ss.most)
	}
	s := &session{id: ss.run + "-" + strings.ToLower(rand.Text()), h: slices.Clone(h), c: slices.Clone(c), used: time.Now()}
	ss.all[s.id] = s
	return s, nil
}

// get takes a session for one request.
func (ss *sessions) get(id string) (*session, error) {
	ss.mu.Lock()
	defer ss.mu.Unlock()
	s := ss.all[id]
	switch {
	case s == nil:
		return nil, unknownError{id, ss.run}
	case s.busy:
		return nil, errBusy
	}
	s.busy = true
	return s, nil
}

// release gives it back.
func (ss *sessions) release(s *session) {
	ss.mu.Lock()
	defer ss.mu.Unlock()
	s.busy, s.used = false, time.Now()
}

// end removes a session that get has taken.
func (ss *sessions) end(s *session) {
	ss.mu.Lock()
	defer ss.mu.Unlock()
	delete(ss.all, s.id)
}

// expire removes the sessions that have not been used for too long at that time, and says how many.
func (ss *sessions) expire(now time.Time) (n int) {
	ss.mu.Lock()
	defer ss.mu.Unlock()
	for id, s := range ss.all {
		if !s.busy && now.Sub(s.used) > ss.idle {
			delete(ss.all, id)
			n++
		}
	}
	return n
}

func (ss *sessions) len() int {
	ss.mu.Lock()
	defer ss.mu.Unlock()
	return len(ss.all)
}
