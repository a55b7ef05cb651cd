package npy

import (
	"archive/zip"
	"bytes"
	"compress/zlib"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"io"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/elbow-go/elbow/internal/infile"
	"github.com/elbow-go/elbow/internal/zipfile"
)

// pack is a zip file of members, each a name and its content, packed by a method.
func pack(method uint16, pairs ...string) []byte {
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	for i := 0; i < len(pairs); i += 2 {
		w, err := z.CreateHeader(&zip.FileHeader{Name: pairs[i], Method: method})
		if err != nil {
			panic(err)
		}
		w.Write([]byte(pairs[i+1]))
	}
	if err := z.Close(); err != nil {
		panic(err)
	}
	return b.Bytes()
}

// bare is a zip file of one stored member as np.savez writes it, with sizes in the zip64
// field of its own header.
func bare(name string, content []byte) []byte {
	le := binary.LittleEndian
	sum := crc32.ChecksumIEEE(content)
	size := uint64(len(content))
	b := []byte("PK\x03\x04\x2d\x00\x00\x00\x00\x00\x00\x00\x21\x00")
	b = le.AppendUint32(b, sum)
	b = append(b, 255, 255, 255, 255, 255, 255, 255, 255)
	b = le.AppendUint16(le.AppendUint16(b, uint16(len(name))), 20)
	b = append(append(b, name...), 1, 0, 16, 0)
	b = le.AppendUint64(le.AppendUint64(b, size), size)
	b = append(b, content...)
	at := len(b)
	b = append(b, "PK\x01\x02\x2d\x03\x2d\x00\x00\x00\x00\x00\x00\x00\x21\x00"...)
	b = le.AppendUint32(le.AppendUint32(le.AppendUint32(b, sum), uint32(size)), uint32(size))
	b = le.AppendUint16(b, uint16(len(name)))
	b = append(append(b, make([]byte, 16)...), name...)
	n := len(b) - at
	b = append(b, "PK\x05\x06\x00\x00\x00\x00\x01\x00\x01\x00"...)
	return le.AppendUint16(le.AppendUint32(le.AppendUint32(b, uint32(n)), uint32(at)), 0)
}

// central is the place in a zip file of the n-th entry of its directory.
func central(raw []byte, n int) int {
	at := -1
	for range n + 1 {
		at += 1 + bytes.Index(raw[at+1:], []byte("PK\x01\x02"))
	}
	return at
}

// patched changes a copy of a file.
func patched(raw []byte, f func(raw []byte)) []byte {
	raw = bytes.Clone(raw)
	f(raw)
	return raw
}

func TestReadZip(t *testing.T) {
	one := string(saved("|u1", "1,", 7))
	two := string(saved(">i2", "2, 1", 0, 1, 1, 0))
	turned := strings.Replace(string(saved("<i2", "2, 2", 1, 0, 2, 0, 3, 0, 4, 0)), "False", "True ", 1)
	objects := string(saved("|O", "1,", 9))
	for _, c := range []struct {
		name   string
		raw    []byte
		want   string
		unread []string
	}{
		{"stored", pack(zip.Store, "x.npy", one, "y.npy", two, "z.npy", turned), "x[1]:[7] y[2 1]:[1 256] z[2 2]:[1 3 2 4]", nil},
		{"deflated", pack(zip.Deflate, "x.npy", one, "y.npy", two, "z.npy", turned), "x[1]:[7] y[2 1]:[1 256] z[2 2]:[1 3 2 4]", nil},
		{"as NumPy does", bare("x.npy", []byte(two)), "x[2 1]:[1 256]", nil},
		{"others beside", pack(zip.Deflate, "a.txt", "hello", "x.npy", one, "o.npy", objects, "folder/", "", "sub/y.npy", two), "x[1]:[7] sub/y[2 1]:[1 256]",
			[]string{`.npz: "a.txt": no .npy file: not read`, `.npz: "o.npy": byte 128: element type "|O" is objects`, `.npz: "folder/": no .npy file`}},
		{"damaged beside", pack(zip.Store, "x.npy", one[:100], "y.npy", two), "y[2 1]:[1 256]", []string{`.npz: "x.npy": byte 100: the file ends in the header: not read`}},
		{"a wrong checksum", patched(pack(zip.Store, "x.npy", one, "y.npy", two), func(raw []byte) { raw[35+128]++ }), "y[2 1]:[1 256]", []string{`.npz: "x.npy": zip: checksum error`}},
		{"encrypted", patched(pack(zip.Store, "x.npy", one, "y.npy", two), func(raw []byte) { raw[central(raw, 0)+8] |= 1 }), "y[2 1]:[1 256]", []string{`.npz: "x.npy": encrypted`}},
		{"another method", patched(pack(zip.Store, "x.npy", one, "y.npy", two), func(raw []byte) { raw[central(raw, 0)+10] = 14 }), "y[2 1]:[1 256]", []string{`.npz: "x.npy": packed by method 14 LZMA`}},
		{"a claim of too much", patched(pack(zip.Deflate, "x.npy", one, "y.npy", two), func(raw []byte) { raw[central(raw, 0)+27] = 0x7f }), "y[2 1]:[1 256]", []string{`.npz: "x.npy": damaged: 2130706561 bytes of`}},
		{"a claim of too little", patched(pack(zip.Deflate, "x.npy", one, "y.npy", two), func(raw []byte) { raw[central(raw, 0)+24] = 9 }), "y[2 1]:[1 256]", []string{`.npz: "x.npy": `}},
		{"packed data damaged", patched(pack(zip.Deflate, "x.npy", one, "y.npy", two), func(raw []byte) { raw[35] = 0xff }), "y[2 1]:[1 256]", []string{`.npz: "x.npy": flate: corrupt input`}},
	} {
		list, unread, err := ReadZip(put(t, "a.npz", c.raw), new(infile.Budget))
		var got []string
		for _, a := range list {
			got = append(got, fmt.Sprintf("%s%v:%v", a.Name, a.Shape, read(a)))
		}
		if err != nil || strings.Join(got, " ") != c.want {
			t.Errorf("%s: %q, %v, want %s", c.name, got, err, c.want)
		}
		ok := len(unread) == len(c.unread)
		for i := 0; ok && i < len(unread); i++ {
			ok = strings.Contains(unread[i], c.unread[i])
		}
		if !ok {
			t.Errorf("%s: unread %q, want %q", c.name, unread, c.unread)
		}
	}
}

// TestGoldenZip reads what NumPy 2.4.6 has saved, packed here once more: an array in Fortran
// order, [[0 3] [1 4] [2 5]] of float32, and the lengths 3 and 2.
func TestGoldenZip(t *testing.T) {
	for name, text := range map[string]string{
		"savez":            "eNoL8GZm0WWAAEUGqdB3mf+hgJNBhKGkKDEzTy+voJKRQYBhBlQZjJ7sF+obEMnIUMZQrZ6SWpxcpG6loG6TZqKuo6Cell8E1JsXn1+UkgoSDykqTQUKF2ckFqQCuRrGOgpGmjoKtQrkAy6IKxrsgYQDEAFxAxAvcAhA8VL+zT15MC9xA72Uk5qXXpJRDPPUBKjCCXg9lWmBzVNuiTnFKL4y0qHQTwpczFB3MEHpAG9GJl1m1BiaAY0ETgYEaGAEkfD4QtcGCoUJUG9yo2i7DCSRwiTAm5UNYj8TQwGQXgA2FwAEe28Y",
		"savez_compressed": "eNoL8GZm0WVgYOAAYkUGqdB3mf+hgJNBhKGkKDEzTy+voJKRQYBhBgMEhEDp2W/EX0kLnDwRcCxg7bxJUXNiluQtXZA3OW3RusUL5k2LDwmaMkN8fvyUSVxC/Jpavqxc4ukqYkuYdkods+Jym2XFtZXrCbMem0HGBnYhPgeWI7wOew4wMgSgOCf/5p48mHO4gc7JSc1LL8kohjloAtQhXvgdlLkQw0Hl3mc0/Vi7IC76KeVmBXaPCINeGhtHQtMloDMYmXSZUcMF5G1QEHAyIEADI4iEhxK6NpD7QY4DOZQbRVs/kETyTYA3KxtIggkIC4C0GNhcAJAwciU=",
	} {
		packed, err := base64.StdEncoding.DecodeString(text)
		if err != nil {
			t.Fatal(err)
		}
		r, err := zlib.NewReader(bytes.NewReader(packed))
		if err != nil {
			t.Fatal(err)
		}
		raw, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		list, unread, err := ReadZip(put(t, "a.npz", raw), new(infile.Budget))
		if err != nil || len(unread) > 0 || len(list) != 2 {
			t.Errorf("%s: %d arrays, unread %q, %v", name, len(list), unread, err)
			continue
		}
		a, b := list[0], list[1]
		if a.Name != "train" || a.Type != "<f4" || !slices.Equal(a.Shape, []int{3, 2}) || !slices.Equal(read(a), []float64{0, 3, 1, 4, 2, 5}) {
			t.Errorf("%s: %+v: %v", name, a, read(a))
		}
		if b.Name != "lengths" || b.Type != "<i8" || !slices.Equal(read(b), []float64{3, 2}) {
			t.Errorf("%s: %+v: %v", name, b, read(b))
		}
	}
}

func TestZipRefused(t *testing.T) {
	one := string(saved("|u1", "1,", 7))
	good := pack(zip.Store, "x.npy", one, "y.npy", one)
	for _, c := range []struct {
		want string
		raw  []byte
	}{
		{"zip", nil},
		{"zip: not a valid zip file: damaged or cut off", good[:len(good)/2]},
		{"byte 0: a single array: .npy", []byte(one)},
		{"no array inside", pack(zip.Store)},
		{`"a.txt": no .npy file: not read, and no other array`, pack(zip.Store, "a.txt", "hello", "b.txt", "")},
		{`two members "x.npy"`, pack(zip.Store, "x.npy", one, "x.npy", one)},
		{`member "y.npy" lies outside`, patched(good, func(raw []byte) { raw[central(raw, 1)+42] = 7 })},
		{`member "x.npy" lies outside`, patched(good, func(raw []byte) { raw[central(raw, 0)+23] = 7 })},
		{`members "x.npy" and "y.npy" overlap`, patched(good, func(raw []byte) { copy(raw[central(raw, 1)+42:], raw[central(raw, 0)+42:][:4]) })},
		{"more than 65536 members", append([]byte(strings.Repeat("PK\x01\x02", zipfile.MaxMembers)), good...)},
	} {
		_, _, err := ReadZip(put(t, "a.npz", c.raw), new(infile.Budget))
		if err == nil || !strings.Contains(err.Error(), "a.npz: ") || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%v, want %q", err, c.want)
		}
	}
}

// TestZipBudget: one budget holds all members, and what is not kept is given back.
func TestZipBudget(t *testing.T) {
	const size = 1 << 20
	zeros := string(saved("|u1", "1048576,", make([]byte, size)...))
	objects := strings.Replace(zeros, "|u1", "|O ", 1)
	for _, c := range []struct {
		name     string
		raw      []byte
		held     func(file int64) int64
		most, ok int64 // budgets that are too small and large enough, beside the file
	}{
		{"stored", pack(zip.Store, "x.npy", zeros, "y.npy", zeros), func(file int64) int64 { return file }, -1, 0},
		{"deflated", pack(zip.Deflate, "x.npy", zeros, "y.npy", zeros), func(int64) int64 { return 2 * (size + 128) }, 2*(size+128) - 1, 2 * (size + 128)},
		{"objects", pack(zip.Deflate, "a.npy", objects, "b.npy", objects, "x.npy", zeros), func(int64) int64 { return size + 128 }, size + 127, size + 128},
	} {
		path, file := put(t, "a.npz", c.raw), int64(len(c.raw))
		if _, _, err := ReadZip(path, &infile.Budget{Max: file + c.most}); err == nil || !strings.Contains(err.Error(), "-max-data") || !strings.Contains(err.Error(), "a.npz: ") {
			t.Errorf("%s: %v", c.name, err)
		}
		b := &infile.Budget{Max: file + c.ok}
		if _, _, err := ReadZip(path, b); err != nil || b.Limit()-b.Left() != c.held(file) {
			t.Errorf("%s: %v, %d held, want %d", c.name, err, b.Limit()-b.Left(), c.held(file))
		}
	}
}

// TestHostileMemory: what files claim is not allocated.
func TestHostileMemory(t *testing.T) {
	const much = 16 << 20
	bomb := pack(zip.Deflate, "x.npy", string(saved("|u1", "16777088,", make([]byte, much-128)...)))
	liar := patched(pack(zip.Deflate, "x.npy", string(saved("|u1", "1000,", make([]byte, 1000)...))), func(raw []byte) {
		binary.LittleEndian.PutUint32(raw[central(raw, 0)+24:], much)
	})
	for name, f := range map[string]func() error{
		"huge shape":    func() error { _, err := Parse("f", saved("<f4", "4294967296, 1073741824")); return err },
		"large shape":   func() error { _, err := Parse("f", saved("<f4", "16777216,", 1, 2, 3, 4)); return err },
		"huge header":   func() error { _, err := Parse("f", append([]byte(magic), 2, 0, 0, 0, 0, 0x7f)); return err },
		"deflate bomb":  func() error { _, _, err := ParseZip("f", bytes.Clone(bomb), &infile.Budget{Max: much - 1}); return err },
		"a false claim": func() error { _, _, err := ParseZip("f", bytes.Clone(liar), new(infile.Budget)); return err },
	} {
		var a, b runtime.MemStats
		runtime.ReadMemStats(&a)
		err := f()
		runtime.ReadMemStats(&b)
		if n := b.TotalAlloc - a.TotalAlloc; err == nil || n > 2<<20 {
			t.Errorf("%s: %v, %d bytes", name, err, n)
		}
	}
}

func FuzzReadZip(f *testing.F) {
	one, two := string(saved("|u1", "1,", 7)), string(saved(">i2", "2, 1", 0, 1, 1, 0))
	f.Add(pack(zip.Store, "x.npy", one, "y.npy", two))
	f.Add(pack(zip.Deflate, "x.npy", one, "train_lengths.npy", two))
	f.Add(bare("x.npy", []byte(two)))
	f.Add(pack(zip.Deflate, "x.npy", string(saved("|u1", "65536,", make([]byte, 65536)...))))
	f.Fuzz(func(t *testing.T, raw []byte) {
		b := &infile.Budget{Max: 1 << 20}
		if b.Take("f", int64(len(raw))) != nil {
			return
		}
		list, unread, err := ParseZip("f", bytes.Clone(raw), b)
		if err != nil {
			return
		}
		if b.Left() < 0 || b.Left() > b.Limit() || len(list) == 0 {
			t.Errorf("%d of %d left, %d arrays, unread %q", b.Left(), b.Limit(), len(list), unread)
		}
		held := 0
		for _, a := range list {
			held += len(read(a))
		}
		if int64(held) > b.Limit()-b.Left() {
			t.Errorf("%d elements, %d bytes taken", held, b.Limit()-b.Left())
		}
		names := make([]string, len(list))
		for i, a := range list {
			names[i] = a.Name
		}
		slices.Sort(names)
		if len(slices.Compact(names)) != len(list) {
			t.Errorf("names %q", names)
		}
	})
}
