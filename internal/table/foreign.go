package table

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"unicode/utf16"
	"unicode/utf8"
)

// foreign are the beginnings of files that are something else, often with the name of a
// table.
var foreign = []struct{ magic, what string }{
	{"PK\x03\x04", "a spreadsheet of Excel or LibreOffice, or another zip file: save it as CSV"},
	{"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "an old spreadsheet of Excel: save it as CSV"},
	{"<!doctype", "HTML: save the table as CSV"},
	{"<html", "HTML: save the table as CSV"},
	{"<head", "HTML: save the table as CSV"},
	{"<body", "HTML: save the table as CSV"},
	{"<table", "HTML: save the table as CSV"},
	{"<?xml", "XML: save the table as CSV"},
	{"<!--", "HTML or XML: save the table as CSV"},
	{"{\\rtf", "a text document (RTF): save the table as CSV"},
	{"{", "JSON: write a table of numbers, a row a line"},
	{"@relation", "ARFF: save the table as CSV"},
	{"%pdf", "a PDF document: save the table as CSV"},
	{"SQLite format 3", "a data base (SQLite): export the table as CSV"},
	{"PAR1", "Parquet: save the table as CSV"},
	{"ARROW1", "Arrow: save the table as CSV"},
	{"FEA1", "Feather: save the table as CSV"},
	{"\x89HDF", "HDF5: save the table as CSV or npy"},
	{"MATLAB 5.0", "a MAT-file of MATLAB: save the table as CSV"},
	{"\x93NUMPY", "a NumPy array: name it .npy"},
	{"BZh", "packed with bzip2: unpack it, or pack it with gzip"},
	{"\xfd7zXZ", "packed with xz: unpack it, or pack it with gzip"},
	{"\x28\xb5\x2f\xfd", "packed with zstd: unpack it, or pack it with gzip"},
	{"7z\xbc\xaf\x27\x1c", "packed with 7-Zip: unpack it, or pack it with gzip"},
	{"Rar!\x1a", "packed with RAR: unpack it, or pack it with gzip"},
	{"\x1f\x8b", "packed twice with gzip: unpack it"},
	{"\x00\x05\x16\x07", "what macOS writes beside a file (._ in front of its name), not the file"},
	{"\xff\xfe\x00\x00", "text in UTF-32: save it as UTF-8"},
	{"\x00\x00\xfe\xff", "text in UTF-32: save it as UTF-8"},
}

// encoding is how the characters of a file are written.
type encoding int

const (
	utf8Text encoding = iota // or another one in which digits are bytes of ASCII
	utf16Little
	utf16Big
)

// look tells from the first bytes of a file how its text is written and how many of them
// are a byte order mark. An error says what the file is if it is no text.
func look(head []byte) (e encoding, mark int, err error) {
	lower := bytes.ToLower(bytes.TrimLeft(bytes.TrimPrefix(head, []byte("\xef\xbb\xbf")), " \t\r\n"))
	for _, f := range foreign {
		if bytes.HasPrefix(head, []byte(f.magic)) || bytes.HasPrefix(lower, []byte(f.magic)) {
			return 0, 0, errors.New(f.what)
		}
	}
	if isList(lower) {
		return 0, 0, errors.New("JSON: write a table of numbers, a row a line")
	}
	switch {
	case bytes.HasPrefix(head, []byte("\xef\xbb\xbf")):
		return utf8Text, 3, nil
	case bytes.HasPrefix(head, []byte("\xff\xfe")):
		return utf16Little, 2, nil
	case bytes.HasPrefix(head, []byte("\xfe\xff")):
		return utf16Big, 2, nil
	}
	var zeros [2]int
	for i, c := range head {
		if c == 0 {
			zeros[i&1]++
		}
	}
	// In UTF-16 without a mark the upper bytes of digits and separators are zero.
	switch n := len(head) / 2; {
	case zeros[0]+zeros[1] == 0:
		return utf8Text, 0, nil
	case zeros[0] == 0 && zeros[1] >= n-n/8:
		return utf16Little, 0, nil
	case zeros[1] == 0 && zeros[0] >= n-n/8:
		return utf16Big, 0, nil
	}
	return 0, 0, errors.New("a binary file: want a table of text")
}

// isList reports whether text begins as a list of JSON, [1 or ["a" or [[ or [{.
func isList(b []byte) bool {
	if len(b) < 2 || b[0] != '[' {
		return false
	}
	b = bytes.TrimLeft(b[1:], " \t\r\n")
	return len(b) > 0 && bytes.IndexByte([]byte(`"[{-0123456789`), b[0]) >= 0
}

// utf16Reader makes UTF-8 of UTF-16.
type utf16Reader struct {
	r    io.Reader
	path string
	big  bool
	in   [1 << 14]byte
	n    int    // bytes in in
	out  []byte // not returned yet
	buf  []byte // of out
	err  error
}

func (u *utf16Reader) Read(p []byte) (int, error) {
	for len(u.out) == 0 {
		if u.err != nil {
			return 0, u.err
		}
		u.fill()
	}
	n := copy(p, u.out)
	u.out = u.out[n:]
	return n, nil
}

// fill reads and converts a part. A half of a pair of code units waits for the other half.
func (u *utf16Reader) fill() {
	n, err := u.r.Read(u.in[u.n:])
	u.n += n
	u.err = err
	u.out = u.buf[:0]
	i := 0
	for ; i+1 < u.n; i += 2 {
		r := u.unit(i)
		if utf16.IsSurrogate(r) {
			if i+3 >= u.n && err == nil {
				break
			}
			second := rune(utf8.RuneError)
			if i+3 < u.n {
				second = u.unit(i + 2)
			}
			if r = utf16.DecodeRune(r, second); r != utf8.RuneError {
				i += 2
			}
		}
		u.out = utf8.AppendRune(u.out, r)
	}
	u.n = copy(u.in[:], u.in[i:u.n])
	u.buf = u.out
	if err == io.EOF && u.n > 0 {
		u.err = fmt.Errorf("%s: UTF-16 text that ends within a character", u.path)
	}
}

func (u *utf16Reader) unit(i int) rune {
	if u.big {
		return rune(u.in[i])<<8 | rune(u.in[i+1])
	}
	return rune(u.in[i+1])<<8 | rune(u.in[i])
}
