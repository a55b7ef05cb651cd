package report

import (
	"encoding/base64"
	"math"
	"strconv"

	"github.com/elbow-go/elbow/internal/figure"
)

// Figure is a picture as the script draws it.
type Figure struct {
	Kind  string `json:"kind"` // chart, bars, roll, images, strokes, sound, map or text
	Title string `json:"title"`
	Words string `json:"words"` // what there is to be seen
	Data  any    `json:"data"`  // the type of that name below
}

// numbers are written with as many digits as an eye can tell apart where the smallest and the largest of them are a picture
// apart; what is not finite is null.
type numbers []float64

// digits returns how many.
func (n numbers) digits() int {
	low, high := math.Inf(1), math.Inf(-1)
	for _, v := range n {
		if !math.IsNaN(v) && !math.IsInf(v, 0) {
			low, high = math.Min(low, v), math.Max(high, v)
		}
	}
	const least, most = 5, 9 // float32 have no more
	if !(high > low) {
		return most
	}
	return least + int(math.Min(math.Max(math.Floor(math.Log10(math.Max(math.Abs(low), math.Abs(high))/(high-low))), 0), most-least))
}

// MarshalJSON implements [json.Marshaler].
func (n numbers) MarshalJSON() ([]byte, error) {
	b, digits := []byte{'['}, n.digits()
	for i, v := range n {
		if i > 0 {
			b = append(b, ',')
		}
		if math.IsNaN(v) || math.IsInf(v, 0) {
			b = append(b, "null"...)
		} else {
			b = strconv.AppendFloat(b, v, 'g', digits, 64)
		}
	}
	return append(b, ']'), nil
}

// chart is curves over one pair of axes.
type chart struct {
	X     string `json:"x"` // what the axes are
	Y     string `json:"y"`
	Lines []line `json:"lines"`
	// Range is what the y axis has room for beside the lines, where that is not nil.
	Range numbers `json:"range,omitempty"`
}

// line is a [figure.Line]: a curve, a band where there is a Hi, or dots.
type line struct {
	Name   string  `json:"name"`
	X      steps   `json:"x"`
	Y      numbers `json:"y"`
	Hi     numbers `json:"hi,omitempty"`
	Dashed bool    `json:"dashed,omitempty"`
	Dots   bool    `json:"dots,omitempty"`
	Colour int     `json:"colour"` // in the order of the palette
}

// steps are numbers of steps, with all their digits.
type steps []float64

// maxPoints is how many runs of a long line are drawn.
const maxPoints = 500

// chartOf returns a panel of a picture as a figure. Lines without points are left out.
func chartOf(p figure.Panel, words string) Figure {
	c := &chart{X: p.XLabel, Y: p.YLabel}
	if c.Y == " " { // of panels that are aligned by it
		c.Y = ""
	}
	for i, l := range p.Lines {
		if l = l.Thin(maxPoints); len(l.X) > 0 {
			c.Lines = append(c.Lines, line{l.Name, l.X, l.Y, l.Hi, l.Dashed, l.Dots, p.Hue(i)})
		}
	}
	return Figure{"chart", p.Title, words, c}
}

// bars are values side by side.
type bars struct {
	X      string   `json:"x"`
	Y      string   `json:"y"`
	Names  []string `json:"names"`
	Values numbers  `json:"values"`
}

// roll is notes, each with its number, the step where it begins and that at which it ends.
type roll struct {
	Steps      int      `json:"steps"`
	Length     int      `json:"length"` // steps that there is room for
	PerQuarter int      `json:"perQuarter"`
	Low        int      `json:"low"` // the notes that there is room for
	High       int      `json:"high"`
	Notes      [][3]int `json:"notes"`
	Sample     bool     `json:"sample"`
}

// images are pictures of bytes, one after the other, 255 being white.
type images struct {
	Rows    int         `json:"rows"`
	Cols    int         `json:"cols"`
	Across  int         `json:"across"` // pictures in a row; 0: as many as fit
	Pixels  base64Bytes `json:"pixels"`
	Names   []string    `json:"names,omitempty"`
	count   int
	Touched bool `json:"touched,omitempty"` // pictures touch each other
}

// base64Bytes are written in base64.
type base64Bytes []byte

// MarshalText implements [encoding.TextMarshaler].
func (b base64Bytes) MarshalText() ([]byte, error) {
	return base64.StdEncoding.AppendEncode(nil, b), nil
}

// strokes are drawings, each the d of a path within 0..100.
type strokes struct {
	Paths  []string `json:"paths"`
	Names  []string `json:"names,omitempty"`
	Sample bool     `json:"sample"`
}

// sound is a recording: its envelope, its spectrogram and itself.
type sound struct {
	Rate    int         `json:"rate"`
	Seconds float64     `json:"seconds"`
	Length  float64     `json:"length"` // seconds that there is room for
	Peak    float64     `json:"peak"`   // amplitude that there is room for, 1 being the most of 16 bits
	Low     numbers     `json:"low"`    // the extremes of short runs
	High    numbers     `json:"high"`
	Rows    int         `json:"rows"` // of the spectrogram, the lowest frequency first
	Cols    int         `json:"cols"`
	Hertz   float64     `json:"hertz"`  // of its uppermost row
	Levels  base64Bytes `json:"levels"` // column by column, 255 being the loudest of all that share the scale
	Range   float64     `json:"range"`  // decibels from 0 to 255
	WAV     base64Bytes `json:"wav"`
	Sample  bool        `json:"sample"`

	decibels []float64 // what Levels are made of
}

// plot is points in groups, a map.
type plot struct {
	X      string  `json:"x"`
	Y      string  `json:"y"`
	Groups []group `json:"groups"`
}

type group struct {
	Name string  `json:"name"`
	X    numbers `json:"x"`
	Y    numbers `json:"y"`
}

// text is characters, with a score for each or none.
type text struct {
	Text   string  `json:"text"`
	Scores numbers `json:"scores,omitempty"` // nats
}
