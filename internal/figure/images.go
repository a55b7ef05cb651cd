package figure

import (
	"fmt"
	"image"
	"image/color"
	"math"

	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// ImagePanel is a sheet of grey images of Rows x Cols pixels, each row by row with 0 as
// black and 1 as white; what is outside is clipped, NaN is black.
type ImagePanel struct {
	Title  string
	Images [][]float32
}

// Images draws sheets of images beside each other, at most three. All images are of rows x
// cols pixels; a sheet is about as high as it is wide.
func Images(path, title string, panels []ImagePanel, rows, cols int) error {
	if len(panels) < 1 || len(panels) > 3 {
		return fmt.Errorf("%s: %d panels, want 1 to 3", path, len(panels))
	}
	if rows < 1 || cols < 1 {
		return fmt.Errorf("%s: images of %d x %d pixels", path, rows, cols)
	}
	most := 0
	for _, p := range panels {
		for i, im := range p.Images {
			if len(im) != rows*cols {
				return fmt.Errorf("%s: panel %q: image %d has %d pixels, want %d x %d", path, p.Title, i, len(im), rows, cols)
			}
		}
		most = max(most, len(p.Images))
	}
	if most == 0 {
		return fmt.Errorf("%s: no images to draw", path)
	}
	across := max(1, int(math.Ceil(math.Sqrt(float64(most)*float64(rows)/float64(cols)))))
	down := (most + across - 1) / across
	const gap, head = 22, 18
	w := (vg.Length(width) - 20 - gap*vg.Length(len(panels)-1)) / vg.Length(len(panels))
	h := w * vg.Length(down*(rows+1)) / vg.Length(across*(cols+1))
	height := 22 + head + h
	if title != "" {
		height += 26
	}
	return save(path, height, func(c draw.Canvas) {
		c = heading(c, title)
		for i, p := range panels {
			left := (w + gap) * vg.Length(i)
			sty := panelStyle
			sty.XAlign, sty.YAlign = draw.XLeft, draw.YTop
			c.FillText(sty, vg.Point{X: c.Min.X + left, Y: c.Max.Y}, fit(sty, p.Title, w))
			top := c.Max.Y - head
			c.DrawImage(vg.Rectangle{Min: vg.Point{X: c.Min.X + left, Y: top - h}, Max: vg.Point{X: c.Min.X + left + w, Y: top}},
				sheet(p.Images, rows, cols, across, down))
		}
	})
}

// sheet puts images on one, with a pixel of space to the right of and below each. Every
// pixel is drawn as a block, so that scaling does not blur it away.
func sheet(images [][]float32, rows, cols, across, down int) image.Image {
	block := max(1, 1000/(across*(cols+1)))
	s := image.NewGray(image.Rect(0, 0, across*(cols+1)*block, down*(rows+1)*block))
	for i := range s.Pix {
		s.Pix[i] = 0xff
	}
	for i, im := range images {
		x0, y0 := i%across*(cols+1)*block, i/across*(rows+1)*block
		for y := range rows * block {
			for x := range cols * block {
				s.SetGray(x0+x, y0+y, grey(im[y/block*cols+x/block]))
			}
		}
	}
	return s
}

func grey(v float32) color.Gray {
	if !(v > 0) {
		return color.Gray{}
	}
	return color.Gray{Y: uint8(math.Round(255 * math.Min(1, float64(v))))}
}
