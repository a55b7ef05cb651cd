package npy

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/elbow-go/elbow/internal/array"
)

// header is what the header of an array says.
type header struct {
	typ     string
	fortran bool
	shape   []int
}

const blank = " \t\r\n\f"

// readHeader reads the dictionary.
func readHeader(text string) (*header, error) {
	body := strings.Trim(text, blank)
	if !strings.HasPrefix(body, "{") || !strings.HasSuffix(body, "}") || body == "{" {
		return nil, errors.New("no dictionary {...}")
	}
	body = body[1 : len(body)-1]
	h := new(header)
	seen := map[string]bool{}
	for {
		if body = strings.TrimLeft(body, blank); body == "" {
			break
		}
		key, rest, ok := quoted(body)
		if ok {
			rest, ok = strings.CutPrefix(strings.TrimLeft(rest, blank), ":")
		}
		if !ok || seen[key] {
			return nil, fmt.Errorf("want a key, got %.30q", body)
		}
		seen[key] = true
		var err error
		if body, err = h.value(key, strings.TrimLeft(rest, blank)); err != nil {
			return nil, err
		}
		if body = strings.TrimLeft(body, blank); body != "" {
			if body, ok = strings.CutPrefix(body, ","); !ok {
				return nil, fmt.Errorf("want a comma, got %.30q", body)
			}
		}
	}
	for _, key := range []string{"descr", "fortran_order", "shape"} {
		if !seen[key] {
			return nil, fmt.Errorf("no key %q", key)
		}
	}
	return h, nil
}

// value reads the value of a key, with which text begins, and returns what follows it.
func (h *header) value(key, text string) (rest string, err error) {
	ok := false
	switch key {
	case "descr":
		if h.typ, rest, ok = quoted(text); !ok {
			if strings.HasPrefix(text, "[") || strings.HasPrefix(text, "(") {
				return "", errors.New("a structured array: save it again as numbers, with columns a[name] for the fields")
			}
			return "", fmt.Errorf("element type %.30q, want a plain number", text)
		}
	case "fortran_order":
		if rest, ok = strings.CutPrefix(text, "True"); ok {
			h.fortran = true
		} else if rest, ok = strings.CutPrefix(text, "False"); !ok {
			return "", errors.New("fortran_order is neither True nor False")
		}
	case "shape":
		inside, after, ok := strings.Cut(strings.TrimPrefix(text, "("), ")")
		if !ok || text[0] != '(' {
			return "", fmt.Errorf("shape %.30q, want (...)", text)
		}
		h.shape, err = sizes(inside)
		return after, err
	default:
		return "", fmt.Errorf("unknown key %.30q", key)
	}
	return rest, nil
}

// sizes reads the inside of a tuple of integers. Python 2 wrote an L behind long ones.
func sizes(text string) ([]int, error) {
	shape := []int{}
	text = strings.Trim(text, blank)
	if text == "" {
		return shape, nil
	}
	for field := range strings.SplitSeq(strings.TrimSuffix(text, ","), ",") {
		field = strings.Trim(field, blank)
		n, err := strconv.Atoi(strings.TrimRight(field, "Ll"))
		if err != nil || n < 0 || field[0] == '+' {
			return nil, fmt.Errorf("shape (%.30s): %.30q is not a size", text, field)
		}
		if shape = append(shape, n); len(shape) > maxRank {
			return nil, fmt.Errorf("shape of more than %d dimensions", maxRank)
		}
	}
	return shape, nil
}

// quoted splits 'text'rest. Python 2 may have put a u before the quote.
func quoted(s string) (text, rest string, ok bool) {
	q := strings.TrimPrefix(strings.TrimPrefix(s, "u"), "b")
	if q == "" || q[0] != '\'' && q[0] != '"' {
		return "", s, false
	}
	text, rest, ok = strings.Cut(q[1:], q[:1])
	return text, rest, ok && !strings.Contains(text, `\`)
}

// refuse says what to do about a type of elements that is not read.
func refuse(typ string) error {
	if array.Width(typ) > 0 {
		return nil
	}
	what := "is not known: save it again with .astype(np.float32)"
	if kind := strings.TrimLeft(typ, "<>=|"); kind != "" {
		switch kind[0] {
		case 'O':
			what = "is objects: save it again with .astype(np.float32); sequences of several lengths as a .npy file each, or padded in an .npz with an array of their lengths"
		case 'f':
			what = "is longer than float64: save it again with .astype(np.float64)"
		case 'c', 'F', 'D':
			what = "is complex numbers: save a.real and a.imag, or np.abs(a)"
		case 'S', 'U', 'a':
			what = "is text: save it again with .astype(np.float64)"
		case 'M', 'm':
			what = "is dates or durations: save them as numbers, such as seconds from the first"
		case 'V':
			what = "is raw bytes, such as bfloat16 or records: save it again with .astype(np.float32)"
		}
	}
	return fmt.Errorf("element type %.20q %s", typ, what)
}
