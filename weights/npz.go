package weights

import (
	"archive/zip"
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/elbow-go/elbow/internal/infile"
	"github.com/elbow-go/elbow/internal/npy"
)

// room returns the budget of what a file may make a reader allocate beside the file itself: as much
// again, and what the smallest files need.
func room(raw []byte) *infile.Budget { return &infile.Budget{Max: int64(len(raw)) + 1<<20} }

// npyTypes names the types that NumPy writes.
var npyTypes = func() map[string]DType {
	m := map[string]DType{}
	for _, t := range dtypes {
		if t.numpy != "" {
			m[t.numpy[1:]] = t.DType
		}
	}
	return m
}()

// isNPZ reports whether a file is a zip file with an array inside.
func isNPZ(raw []byte) bool {
	return bytes.HasPrefix(raw, []byte("PK\x03\x04")) && bytes.Contains(raw, []byte(".npy"))
}

// isHDF5 reports whether a file is one of Keras's own: HDF5, or a .keras file, which is a zip file with one inside.
func isHDF5(raw []byte) bool {
	return bytes.HasPrefix(raw, []byte("\x89HDF\r\n\x1a\n")) || bytes.HasPrefix(raw, []byte("PK\x03\x04")) && bytes.Contains(raw, []byte("model.weights.h5"))
}

// refuseHDF5 says how to save the weights instead; see the package comment for why.
func refuseHDF5(*File, []byte) error {
	return errors.New(`HDF5, which is not read: in Python, np.savez("model.npz", **{w.path: w.numpy() for w in model.weights})`)
}

// readNPZ reads the arrays of a .npz file. Those that are stored stay where they are.
func readNPZ(f *File, raw []byte) error {
	arrays, unread, err := npy.ParseZip(f.Path, raw, room(raw))
	var limit *infile.LimitError
	if errors.As(err, &limit) {
		return errors.New("unpacked it is more than twice the file: save it with np.savez, which does not pack")
	}
	if err == nil && len(unread) > 0 {
		err = errors.New(unread[0])
	}
	if err != nil {
		return errors.New(strings.TrimPrefix(err.Error(), f.Path+": "))
	}
	if len(arrays) > maxTensors {
		return fmt.Errorf("more than %d arrays", maxTensors)
	}
	for _, a := range arrays {
		t := &Tensor{Name: a.Name, Shape: a.Shape, DType: npyTypes[strings.TrimLeft(a.Type, "<>=|")], bytes: f.file.slice(a.Raw())}
		f.Tensors = append(f.Tensors, t)
	}
	return nil
}

// WriteNPZ writes the tensors of f to w as np.savez does, so that np.load(path)[name] is each of them.
// The metadata are left out.
func WriteNPZ(w io.Writer, f *File) error {
	if err := f.checkNames(); err != nil {
		return err
	}
	z := zip.NewWriter(w)
	for _, t := range f.Tensors {
		if t.DType.numpy() == "" {
			return fmt.Errorf("tensor %.60q of type %s: NumPy has no such type", t.Name, t.DType)
		}
		member, err := z.CreateHeader(&zip.FileHeader{Name: t.Name + ".npy", Method: zip.Store})
		if err != nil {
			return err
		}
		if _, err := member.Write(append(npy.Header(t.DType.numpy(), t.Shape), t.bytes()...)); err != nil {
			return err
		}
	}
	return z.Close()
}
