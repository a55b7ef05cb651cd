// Package infile reads files from outside with a bound on what they may cost.
package infile

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"time"
)

// DefaultMax is the budget of a command unless -max-data sets another one.
const DefaultMax = 4 << 30

// Budget bounds what reading the data of one command may cost. All files of the command
// share it: what is held in memory counts until the end, the content of a stream by itself.
// The zero value allows DefaultMax bytes.
//
// A Budget belongs to one goroutine.
type Budget struct {
	Max int64 // bytes

	// OnRead, if set, follows the reading of files that take longer: it gets the path, how
	// many bytes of the file were read and how many it has, 0 if that is not known. It is
	// called for the first time after a second, then ten times a second.
	OnRead func(path string, read, size int64)

	held   int64
	piped  map[string][]byte // what came through pipes, which can be read only once
	start  time.Time
	called time.Time
}

// Limit returns how many bytes are allowed in all.
func (b *Budget) Limit() int64 {
	if b.Max > 0 {
		return b.Max
	}
	return DefaultMax
}

// Left returns how many bytes are left of them.
func (b *Budget) Left() int64 { return b.Limit() - b.held }

// Take counts n bytes that are about to be allocated for what path holds. An error names
// path and the flag that sets the limit.
func (b *Budget) Take(path string, n int64) error {
	if n < 0 || n > b.Left() {
		return b.exceeded(path)
	}
	b.held += n
	return nil
}

// Return gives back what Take took, once the memory is free again.
func (b *Budget) Return(n int64) { b.held -= n }

func (b *Budget) exceeded(path string) error { return &LimitError{path, b.Limit()} }

// LimitError is the error of what does not fit into a budget.
type LimitError struct {
	Path  string
	Limit int64
}

func (e *LimitError) Error() string {
	return fmt.Sprintf("%s: the data take more than the limit of %d bytes (-max-data sets it)", e.Path, e.Limit)
}

// mapFrom is the size from which on files are mapped.
const mapFrom = 1 << 20

// Read returns the whole content of a file, unpacked if it is gzipped, and takes its size
// from the budget. Nobody may write to it: a large file that is not packed is mapped into memory where the system can
// do that, on Linux, so that processes share it, and only as much of it is in memory as is in use. It must not become
// shorter while the process lives.
func (b *Budget) Read(path string) ([]byte, error) {
	f, err := b.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	hint := f.size
	if f.packed {
		hint = f.unpacked()
	} else if f.file != nil && f.size >= mapFrom && f.size <= b.Left() {
		if data, err := mapFile(f.file, f.size); err == nil {
			return data, b.Take(path, f.size)
		}
	}
	return b.ReadAll(path, hint, func() (io.ReadCloser, error) { return io.NopCloser(f), f.Rewind() })
}

// ReadAll returns all of what open gives, which is a part of what path holds, and takes its
// size from the budget. If that is more than hint, in bytes, it is counted and opened again,
// so that no more memory is in use than it takes. hint is allocated at once: it must not be
// the bare claim of a file.
func (b *Budget) ReadAll(path string, hint int64, open func() (io.ReadCloser, error)) ([]byte, error) {
	for {
		hint = min(hint, b.Left())
		buf, rest, err := read(hint, b.Left()-hint+1, open)
		switch {
		case err != nil:
			return nil, err
		case rest > b.Left()-hint:
			return nil, b.exceeded(path)
		case rest == 0:
			return buf, b.Take(path, int64(len(buf)))
		}
		hint += rest
	}
}

// read returns the first size bytes of what open gives, and how many follow, up to most.
func read(size, most int64, open func() (io.ReadCloser, error)) (buf []byte, rest int64, err error) {
	r, err := open()
	if err != nil {
		return nil, 0, err
	}
	defer r.Close()
	buf = make([]byte, size)
	for n := 0; n < len(buf); {
		k, err := r.Read(buf[n:])
		if n += k; err == io.EOF {
			if n < len(buf)/8*7 {
				return bytes.Clone(buf[:n]), 0, nil
			}
			return buf[:n], 0, nil
		} else if err != nil {
			return nil, 0, err
		}
	}
	rest, err = io.CopyN(io.Discard, r, most)
	if err == io.EOF {
		err = nil
	}
	return buf, rest, err
}

// Head returns the first n bytes of the content of a file, or fewer if it is shorter.
func (b *Budget) Head(path string, n int) ([]byte, error) {
	f, err := b.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	head := make([]byte, n)
	k, err := io.ReadFull(f, head)
	if errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, io.EOF) {
		err = nil
	}
	return head[:k], err
}

// File is the content of a file, unpacked if it is gzipped, as a stream that can be read
// again from its beginning. Errors name the path. The content may be no larger than the
// budget: a small file can unpack to any size.
type File struct {
	path   string
	budget *Budget
	file   *os.File
	data   []byte // in place of file, for a pipe
	size   int64  // of the file
	count  *counter
	packed bool
	r      io.Reader
	read   int64 // bytes of content
}

// Open opens a regular file or a pipe. A pipe is read into memory first.
func (b *Budget) Open(path string) (*File, error) {
	f := &File{path: path, budget: b}
	if data, ok := b.piped[path]; ok {
		f.data, f.size = data, int64(len(data))
		return f, f.Rewind()
	}
	info, err := os.Stat(path) // before it is opened, which can block at a pipe
	if err != nil {
		return nil, err
	}
	switch mode := info.Mode(); {
	case mode.IsDir():
		return nil, fmt.Errorf("%s: a folder, want a file", path)
	case mode&os.ModeNamedPipe != 0:
		if f.data, err = b.pipe(path); err != nil {
			return nil, err
		}
		f.size = int64(len(f.data))
		return f, f.Rewind()
	case !mode.IsRegular():
		return nil, fmt.Errorf("%s: neither a file nor a pipe", path)
	}
	if f.file, err = os.Open(path); err != nil {
		return nil, err
	}
	f.size = info.Size()
	if err := f.Rewind(); err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}

// pipe reads a pipe to its end.
func (b *Budget) pipe(path string) ([]byte, error) {
	p, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer p.Close()
	data, err := io.ReadAll(io.LimitReader(p, b.Left()+1))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	if err := b.Take(path, int64(len(data))); err != nil {
		return nil, err
	}
	if b.piped == nil {
		b.piped = map[string][]byte{}
	}
	b.piped[path] = data
	return data, nil
}

// Rewind goes back to the beginning of the content.
func (f *File) Rewind() error {
	var raw io.Reader = bytes.NewReader(f.data)
	if f.file != nil {
		if _, err := f.file.Seek(0, io.SeekStart); err != nil {
			return err
		}
		raw = f.file
	}
	f.read, f.count = 0, &counter{r: raw}
	buffered := bufio.NewReaderSize(f.count, 1<<16)
	f.r = buffered
	if magic, _ := buffered.Peek(2); IsGzip(magic) {
		f.packed = true
		z, err := gzip.NewReader(buffered)
		if err != nil {
			return fmt.Errorf("%s: %w", f.path, err)
		}
		f.r = z
	}
	return nil
}

// Read implements io.Reader.
func (f *File) Read(p []byte) (int, error) {
	n, err := f.r.Read(p)
	f.read += int64(n)
	if f.read > f.budget.Limit() {
		return n, f.budget.exceeded(f.path)
	}
	f.budget.progress(f)
	if err != nil && err != io.EOF {
		if f.packed {
			return n, fmt.Errorf("%s: gzip, after %d bytes of content: %w", f.path, f.read, err)
		}
		return n, fmt.Errorf("%s: after %d bytes: %w", f.path, f.read, err)
	}
	return n, err
}

// unpacked returns about how many bytes a gzipped file unpacks to. The file ends with that,
// but only in 32 bits, and for its last part if it has several.
func (f *File) unpacked() int64 {
	var end [4]byte
	if f.size < 18 {
		return f.size
	}
	if f.file == nil {
		copy(end[:], f.data[f.size-4:])
	} else if _, err := f.file.ReadAt(end[:], f.size-4); err != nil {
		return f.size
	}
	return Hint(f.size, uint64(binary.LittleEndian.Uint32(end[:])))
}

// Hint returns what to expect of packed bytes that claim to unpack to so many: more than 16
// times as much is not believed.
func Hint(packed int64, claim uint64) int64 {
	return int64(min(claim, 16*uint64(packed)))
}

// Close closes the file.
func (f *File) Close() error {
	if f.file == nil {
		return nil
	}
	return f.file.Close()
}

// Path is what the file was opened by, and Size how many bytes it has, packed if it is.
func (f *File) Path() string { return f.path }
func (f *File) Size() int64  { return f.size }

func (b *Budget) progress(f *File) {
	if b.OnRead == nil {
		return
	}
	now := time.Now()
	if b.start.IsZero() {
		b.start = now
	}
	if now.Sub(b.start) > time.Second && now.Sub(b.called) > time.Second/10 {
		b.called = now
		b.OnRead(f.path, f.count.n, f.size)
	}
}

// counter counts the bytes that are read through it.
type counter struct {
	r io.Reader
	n int64
}

func (c *counter) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	c.n += int64(n)
	return n, err
}

// IsGzip reports whether data begin as a gzip file does.
func IsGzip(data []byte) bool { return len(data) >= 2 && data[0] == 0x1f && data[1] == 0x8b }
