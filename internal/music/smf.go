package music

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
)

// This file takes Standard MIDI Files apart as players do: damage ends a track, not the
// file, and what a file says of itself (how many tracks it has, how long they are) is
// believed only where the bytes agree. No memory is taken for a length that a file names.

// midiFile is what is in a MIDI file.
type midiFile struct {
	format   int
	division uint16 // ticks per quarter note, or the frames and ticks of a time code
	tracks   []midiTrack
	damage   []string // what is wrong, with the place
}

// midiTrack holds the notes of a track. Times are in ticks from its begin.
type midiTrack struct {
	notes     []midiNote
	tempos    []midiTempo
	length    int64
	drums     int // notes for drums
	outside   int // notes that are not on the keyboard, and where the first one is
	outsideAt int
	large     int // second data bytes above 127, and where the first one is
	largeAt   int
}

// midiNote is a note that sounds from start to end.
type midiNote struct {
	start, end int64
	note       uint8
}

// midiTempo is a change of the tempo.
type midiTempo struct {
	at     int64
	micros uint32 // microseconds per quarter note
}

// General MIDI keeps channel 10, counted from 1, for drums.
const drumChannel = 9

// smfReader walks over a file.
type smfReader struct {
	data []byte
	at   int // the byte it looks at
	file midiFile
}

// maxPreamble is how far into a file its header may begin: RIFF files of type RMID have
// chunks before it, files that were on a Mac 128 bytes.
const maxPreamble = 4096

// parseSMF takes a file apart. An error says that nothing can be read.
func parseSMF(data []byte) (*midiFile, error) {
	if len(data) == 0 {
		return nil, errors.New("byte 0: the file is empty")
	}
	r := smfReader{data: data}
	if r.at = bytes.Index(data[:min(len(data), maxPreamble)], []byte("MThd")); r.at < 0 {
		return nil, fmt.Errorf("byte 0: no MIDI file: it begins with %q, not with MThd", data[:min(len(data), 8)])
	}
	if r.at > 0 && !bytes.HasPrefix(data, []byte("RIFF")) {
		r.damaged(0, "%d bytes before the header", r.at)
	}
	if err := r.header(); err != nil {
		return nil, err
	}
	return &r.file, nil
}

// damaged notes what is wrong at a byte.
func (r *smfReader) damaged(at int, format string, args ...any) {
	r.file.damage = append(r.file.damage, fmt.Sprintf("byte %d: %s", at, fmt.Sprintf(format, args...)))
}

// header reads the header chunk, then the tracks.
func (r *smfReader) header() error {
	head := r.at
	if len(r.data)-head < 14 {
		return fmt.Errorf("byte %d: the file ends in the middle of its header", len(r.data))
	}
	length := binary.BigEndian.Uint32(r.data[head+4:])
	r.file.format = int(binary.BigEndian.Uint16(r.data[head+8:]))
	promised := int(binary.BigEndian.Uint16(r.data[head+10:]))
	r.file.division = binary.BigEndian.Uint16(r.data[head+12:])
	if r.file.format > 2 {
		r.damaged(head+8, "format %d, which does not exist, is read as 1", r.file.format)
		r.file.format = 1
	}
	r.at = head + 14
	if end := int64(head) + 8 + int64(length); length > 6 && end <= int64(len(r.data)) {
		r.at = int(end) // there may be more in a header than we know of
	} else if length != 6 {
		r.damaged(head+4, "the header says it has %d bytes, 6 are read", length)
	}
	if !r.chunkAt(r.at) {
		r.at = head + 14
	}
	r.readTracks()
	if n := len(r.file.tracks); n != promised {
		r.damaged(head+10, "the header says there are %d tracks, %d are there and read", promised, n)
	}
	return nil
}

// readTracks reads all tracks that are there.
func (r *smfReader) readTracks() {
	for len(r.data)-r.at >= 8 {
		begin := r.at + 8
		end := int64(begin) + int64(binary.BigEndian.Uint32(r.data[r.at+4:]))
		switch tag := string(r.data[r.at : r.at+4]); {
		case tag == "MTrk":
			r.at = begin
			r.track(end)
		case tag == "MThd":
			r.damaged(r.at, "a second MIDI file begins here, which is not read")
			return
		case end <= int64(len(r.data)): // chunks of other kinds may stand anywhere
			r.at = int(end)
		case !r.find(r.at + 1):
			return
		}
	}
}

// find goes to the next track at or after a place, if there is one.
func (r *smfReader) find(from int) bool {
	k := bytes.Index(r.data[from:], []byte("MTrk"))
	if k >= 0 {
		r.at = from + k
	}
	return k >= 0
}

// isTrack reports whether a track begins at a place.
func (r *smfReader) isTrack(at int) bool { return bytes.HasPrefix(r.data[at:], []byte("MTrk")) }

// chunkAt reports whether a chunk or the end of the file is at a place.
func (r *smfReader) chunkAt(at int) bool {
	if at == len(r.data) || r.isTrack(at) {
		return true
	}
	if len(r.data)-at < 8 {
		return false
	}
	for _, c := range r.data[at : at+4] {
		if c < ' ' || c > '~' {
			return false
		}
	}
	return int64(binary.BigEndian.Uint32(r.data[at+4:])) <= int64(len(r.data)-at-8)
}

// track reads the events of a track, which its chunk says goes up to end, and goes to the
// chunk after it. The length is right if a chunk or the end of the file is there. If it is
// not, the events go on until one of them ends the track or another track begins.
func (r *smfReader) track(end int64) {
	begin, name := r.at, len(r.file.tracks)
	limit := len(r.data)
	right := end <= int64(limit) && r.chunkAt(int(end))
	if right {
		limit = int(end)
	}
	t := trackReader{data: r.data[:limit], at: begin}
	ended, cut := false, false
	for !ended && t.at < limit && (right || !r.isTrack(t.at)) {
		var err error
		at := t.at
		if ended, err = t.event(); err != nil {
			if cut = err == errTrackEnd && limit == len(r.data); !cut {
				r.damaged(t.at, "track %d: %v; what comes before is read", name, err)
			}
			t.at = at
			break
		}
	}
	t.finish()
	if t.large > 0 {
		r.damaged(t.largeAt, "track %d: %d values above 127, the first here", name, t.large)
	}
	r.file.tracks = append(r.file.tracks, t.midiTrack)
	switch {
	case cut || end > int64(len(r.data)) && t.at == len(r.data) && !ended:
		r.damaged(len(r.data), "track %d: the file ends in the middle of it; what is there is read", name)
	case right && !(ended && t.at < limit && r.isTrack(t.at)):
		if ended && t.at < limit {
			r.damaged(t.at, "track %d: %d bytes after its end are not read", name, limit-t.at)
		}
		r.at = limit
		return
	case ended && int64(t.at) == end: // what comes then is no chunk
	default:
		r.damaged(begin-4, "track %d: the chunk says it has %d bytes, it has %d", name, end-int64(begin), t.at-begin)
	}
	if !r.find(t.at) {
		r.at = len(r.data)
	}
}

// trackReader reads events up to the end of data.
type trackReader struct {
	midiTrack
	data   []byte
	at     int
	now    int64
	status byte
	begun  [16][128]sounding
}

// sounding is a note that has begun and not ended.
type sounding struct {
	begin int64 // plus 1; 0 if the note is silent
	again bool  // it began while it sounded already
}

var errTrackEnd = errors.New("an event is cut off")

// event reads one event. It tells whether it was the one that ends the track.
func (t *trackReader) event() (ended bool, err error) {
	delta, err := t.number()
	if err != nil {
		return false, err
	}
	t.now += delta
	if t.at == len(t.data) {
		return false, errTrackEnd
	}
	switch first := t.data[t.at]; {
	case first == 0xff:
		t.at++
		return t.meta()
	case first == 0xf0 || first == 0xf7:
		t.at++
		_, err = t.block()
		return false, err
	case first > 0xf0: // messages of a wire, not of a file, with so many bytes of data
		return false, t.skip(1 + [16]int{1: 1, 2: 2, 3: 1}[first&15])
	case first >= 0x80:
		t.status = first
		t.at++
	case t.status == 0:
		return false, fmt.Errorf("data byte %#02x, want a status byte", first)
	}
	// A status holds until the next one, also across meta events, as it does for players.
	return false, t.channelEvent()
}

// meta reads a meta event after its first byte.
func (t *trackReader) meta() (ended bool, err error) {
	if t.at == len(t.data) {
		return false, errTrackEnd
	}
	kind := t.data[t.at]
	t.at++
	content, err := t.block()
	if err != nil {
		// A wrong length of the last event of all does no harm.
		return kind == 0x2f, err
	}
	if kind == 0x51 && len(content) >= 3 {
		if micros := uint32(content[0])<<16 | uint32(content[1])<<8 | uint32(content[2]); micros > 0 {
			t.tempos = append(t.tempos, midiTempo{t.now, micros})
		}
	}
	return kind == 0x2f, nil
}

// channelEvent reads the data bytes of an event and takes in the notes.
func (t *trackReader) channelEvent() error {
	n := 2
	kind, channel := t.status&0xf0, t.status&0x0f
	if kind == 0xc0 || kind == 0xd0 {
		n = 1
	}
	if len(t.data)-t.at < n {
		t.at = len(t.data)
		return errTrackEnd
	}
	if b := t.data[t.at]; b >= 0x80 {
		return fmt.Errorf("status byte %#02x, want a data byte", b)
	}
	if n == 2 && t.data[t.at+1] >= 0x80 {
		// Some programs write values that are too large. Players take them as they come.
		if t.large == 0 {
			t.largeAt = t.at + 1
		}
		t.large++
	}
	if kind == 0x80 || kind == 0x90 {
		note, velocity := t.data[t.at], t.data[t.at+1]
		switch {
		case kind == 0x80 || velocity == 0:
			t.off(channel, note)
		case channel == drumChannel:
			t.drums++
		case note < Lowest || note > Highest:
			if t.outside == 0 {
				t.outsideAt = t.at
			}
			t.outside++
		default:
			t.on(channel, note)
		}
	}
	t.at += n
	return nil
}

// on begins a note; one of its pitch and channel that sounds already ends there.
func (t *trackReader) on(channel, note uint8) {
	s := &t.begun[channel][note]
	again := s.begin > 0
	t.end(channel, note)
	*s = sounding{t.now + 1, again}
}

// off ends a note. If it began only now while it sounded already, the event is meant for
// the one that sounded: many programs write the end of a note after the begin of the next.
func (t *trackReader) off(channel, note uint8) {
	if s := &t.begun[channel][note]; s.again && s.begin == t.now+1 {
		s.again = false
		return
	}
	t.end(channel, note)
}

func (t *trackReader) end(channel, note uint8) {
	if s := &t.begun[channel][note]; s.begin > 0 {
		t.notes = append(t.notes, midiNote{s.begin - 1, t.now, note})
		*s = sounding{}
	}
}

// finish ends what still sounds with the track.
func (t *trackReader) finish() {
	for channel := range t.begun {
		for note := range t.begun[channel] {
			t.end(uint8(channel), uint8(note))
		}
	}
	t.length = t.now
}

// block reads a length and as many bytes.
func (t *trackReader) block() ([]byte, error) {
	start := t.at
	n, err := t.number()
	if err != nil {
		return nil, err
	}
	if left := int64(len(t.data) - t.at); n > left {
		t.at = start
		return nil, fmt.Errorf("an event says it has %d bytes, the track has %d more", n, left)
	}
	content := t.data[t.at : t.at+int(n)]
	t.at += int(n)
	return content, nil
}

func (t *trackReader) skip(n int) error {
	if len(t.data)-t.at < n {
		t.at = len(t.data)
		return errTrackEnd
	}
	t.at += n
	return nil
}

// number reads a number of seven bits a byte, the highest first, of at most 28 bits.
func (t *trackReader) number() (int64, error) {
	start := t.at
	var n int64
	for {
		if t.at == len(t.data) {
			return 0, errTrackEnd
		}
		b := t.data[t.at]
		t.at++
		n = n<<7 | int64(b&0x7f)
		if n >= 1<<28 {
			t.at = start
			return 0, errors.New("a number of more than 28 bits")
		}
		if b < 0x80 {
			return n, nil
		}
	}
}
