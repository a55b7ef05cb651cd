package main

import "math"

// settings are those of get_speech_timestamps and VADIterator, with their defaults in parentheses.
type settings struct {
	rate, chunk int
	threshold   float64 // from which a chunk is speech (0.5); below threshold-0.15, at least 0.01, it is none
	minSpeech   float64 // seconds; shorter speech is left out (0.25)
	minSilence  float64 // seconds after which speech has ended (0.1)
	pad         float64 // seconds added to both ends (0.03)
	maxSpeech   float64 // seconds after which speech is cut (infinite)
}

// samples returns so many seconds in samples.
func (s *settings) samples(seconds float64) float64 { return float64(float64(s.rate) * seconds) }

// segment is speech from a sample to another.
type segment struct{ start, end int }

// cutSilence is how long a silence within speech is, in seconds, at which speech that is too long is rather cut.
const cutSilence = 0.098

// segmenter finds speech as get_speech_timestamps does, given the probabilities of a whole signal.
//
//	p >= threshold             speech begins, or goes on
//	p < threshold - 0.15       a silence begins; once it is long enough the speech before it is a segment
//	between them               nothing changes
type segmenter struct {
	settings
	chunks  int
	speech  bool
	start   int // of the speech
	silence int // where a silence in it begins, 0 if none does
	pause   segment
	found   []segment
}

// add takes the probability of the next chunk.
func (s *segmenter) add(p float64) {
	at := s.chunk * s.chunks
	s.chunks++
	if p >= s.threshold {
		if long := at - s.silence; s.silence > 0 && float64(long) > s.samples(cutSilence) && long > s.pause.end-s.pause.start {
			s.pause = segment{s.silence, at} // the longest, and of those the first
		}
		s.silence = 0
		if !s.speech {
			s.speech, s.start = true, at
			return
		}
	}
	if s.speech && float64(at-s.start) > s.samples(s.maxSpeech)-float64(s.chunk)-2*s.samples(s.pad) && s.cut(at) {
		return
	}
	if !s.speech || p >= max(s.threshold-0.15, 0.01) {
		return
	}
	if s.silence == 0 {
		s.silence = at
	}
	if float64(at-s.silence) < s.samples(s.minSilence) {
		return
	}
	if float64(s.silence-s.start) > s.samples(s.minSpeech) {
		s.found = append(s.found, segment{s.start, s.silence})
	}
	s.speech, s.silence, s.pause = false, 0, segment{}
}

// cut ends speech that is too long: at its longest pause, behind which it goes on, or here, and then reports true.
func (s *segmenter) cut(at int) (here bool) {
	if here = s.pause.end == 0; here {
		s.found = append(s.found, segment{s.start, at})
		s.speech = false
	} else {
		s.found = append(s.found, segment{s.start, s.pause.start})
		s.start = s.pause.end
	}
	s.silence, s.pause = 0, segment{}
	return here
}

// end returns the segments of a signal of so many samples.
func (s *segmenter) end(length int) []segment {
	if s.speech && float64(length-s.start) > s.samples(s.minSpeech) {
		s.found = append(s.found, segment{s.start, length})
	}
	pad := s.samples(s.pad)
	for i := range s.found {
		f := &s.found[i]
		if i == 0 {
			f.start = int(max(0, float64(f.start)-pad))
		}
		if i == len(s.found)-1 {
			f.end = int(min(float64(length), float64(f.end)+pad))
			break
		}
		next := &s.found[i+1]
		if gap := next.start - f.end; float64(gap) < 2*pad {
			f.end, next.start = f.end+gap/2, max(0, next.start-gap/2)
		} else {
			f.end, next.start = int(min(float64(length), float64(f.end)+pad)), int(max(0, float64(next.start)-pad))
		}
	}
	return s.found
}

// iterator finds beginnings and ends of speech while a signal comes in, as VADIterator does. It knows nothing of
// what comes, so it differs from segmenter: speech of any length counts, none is cut, and every end is padded in full.
type iterator struct {
	settings
	at      int // the end of the chunk
	speech  bool
	silence int // where the chunk ended with which a silence began
}

// An event is the beginning or the end of speech, at a sample.
type event struct {
	start bool
	at    int
}

// add takes the probability of the next chunk, and returns what has happened, if ok.
func (it *iterator) add(p float64) (e event, ok bool) {
	it.at += it.chunk
	pad := it.samples(it.pad)
	switch {
	case p >= it.threshold:
		it.silence = 0
		if !it.speech {
			it.speech = true
			return event{true, int(max(0, float64(it.at)-pad-float64(it.chunk)))}, true
		}
	case p < it.threshold-0.15 && it.speech:
		if it.silence == 0 {
			it.silence = it.at
		}
		if float64(it.at-it.silence) >= it.samples(it.minSilence) {
			e = event{false, int(float64(it.silence) + pad - float64(it.chunk))}
			it.speech, it.silence = false, 0
			return e, true
		}
	}
	return event{}, false
}

// standard are the settings that Silero VAD has by default.
func standard(n *network) settings {
	return settings{n.rate, n.chunk, 0.5, 0.25, 0.1, 0.03, math.Inf(1)}
}
