package weights

import (
	"archive/zip"
	"bytes"
	"errors"
	"fmt"
	"path"
	"strings"

	"github.com/elbow-go/elbow/internal/zipfile"
)

// A file of torch.save is a zip file with a folder in which data.pkl is a pickle and data/KEY the elements of each
// storage.

const torchPickle = "/data.pkl"

// maxName bounds the name of a tensor, which is made of the keys of all dicts around it.
const maxName = 1 << 12

func isTorch(raw []byte) bool {
	return bytes.HasPrefix(raw, []byte("PK\x03\x04")) && bytes.Contains(raw, []byte(torchPickle))
}

// readTorch reads the tensors of a state dict, or of dicts and lists around it: the names of those in
// {"model": {...}} begin with model.
func readTorch(f *File, raw []byte) error {
	z, err := zipfile.Open(raw)
	if err != nil {
		return err
	}
	budget := room(raw)
	members := map[string]*zip.File{}
	dir := ""
	for _, m := range z.File {
		members[m.Name] = m
		if strings.HasSuffix(m.Name, torchPickle) {
			dir = path.Dir(m.Name)
		}
	}
	content := func(name string) ([]byte, error) {
		m := members[dir+"/"+name]
		if m == nil {
			return nil, fmt.Errorf("no member %.60q", dir+"/"+name)
		}
		b, _, err := zipfile.Content(fmt.Sprintf("%.60q", m.Name), raw, m, budget)
		return b, err
	}
	if members[dir+"/constants.pkl"] != nil {
		return errors.New("a program of TorchScript: save its state_dict()")
	}
	if members[dir+"/byteorder"] != nil {
		if order, err := content("byteorder"); err != nil || string(order) != "little" {
			return fmt.Errorf("byte order %.20q, want little, %v", order, err)
		}
	}
	text, err := content("data.pkl")
	if err != nil {
		return err
	}
	storages := map[string][]byte{}
	u := &unpickler{text: text}
	u.tensor = func(s *pyStorage, offset int, shape, stride []int) (*Tensor, error) {
		if _, ok := storages[s.key]; !ok {
			b, err := content("data/" + s.key)
			if err != nil {
				return nil, err
			}
			storages[s.key] = b
		}
		return strided(storages[s.key], f.file.slice, s.dtype, offset, shape, stride)
	}
	v, err := u.load()
	if err != nil {
		return fmt.Errorf("%s: %w", dir+torchPickle, err)
	}
	if _, ok := v.(pyOther); ok {
		return errors.New("an object that is no state dict, such as a whole module: save its state_dict()")
	}
	visits := 0
	err = flatten(v, "", 0, &visits, func(name string, t *Tensor) error {
		if len(f.Tensors) == maxTensors {
			return fmt.Errorf("more than %d tensors", maxTensors)
		}
		f.Tensors = append(f.Tensors, t.as(name))
		return nil
	})
	if err != nil {
		return err
	}
	return f.checkNames()
}
