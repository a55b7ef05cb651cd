package main

import (
	"archive/zip"
	"fmt"
	"io"

	"github.com/elbow-go/elbow/cell"
	"github.com/elbow-go/elbow/kernels"
	"github.com/elbow-go/elbow/weights"
)

// What the networks for both rates have in common.
const (
	frames = 4  // of the spectrum, in a chunk
	most   = 16 // chunks of different streams in a pass over the weights
)

// network is Silero VAD for one rate. It is read-only: any number of detectors may share it.
//
//	[context | chunk | reflected end] --Fourier--> magnitudes [4, bins] --convolutions--> [1, 128] --LSTM--> h --ReLU, 1x1--> p
type network struct {
	rate    int
	chunk   int // samples of a chunk, 32 ms
	context int // samples before it that are looked at again; as many are reflected at its end
	half    int // of a window; the hop from one to the next, too

	fold fold

	convs []*cell.Conv1d[float32]
	lstm  *cell.Recurrent[float32]
	out   *cell.Conv1d[float32]
}

// A source is where the weights of a network are: in a file of the wheel, behind a prefix.
type source struct {
	rate         int
	file, prefix string
}

// The weights of the file silero_vad_16k.safetensors, beside these, are others.
var sources = []source{
	{16000, "silero_vad_16k_op15.onnx", "model."},
	{8000, "silero_vad.onnx", "If_0_else_branch__Inline_0__"}, // constants in a branch of an If
}

// open reads the network for a rate from the wheel silero-vad.
func open(wheel string, rate int) (*network, error) {
	for _, s := range sources {
		if s.rate == rate {
			f, err := member(wheel, s.file)
			if err != nil {
				return nil, err
			}
			return newNetwork(f.Under(s.prefix), rate)
		}
	}
	return nil, fmt.Errorf("no network for %d samples per second", rate)
}

// maxFile is more than a file of weights takes.
const maxFile = 64 << 20

// member reads a file of weights in the wheel, which is a zip archive.
func member(wheel, name string) (*weights.File, error) {
	z, err := zip.OpenReader(wheel)
	if err != nil {
		return nil, fmt.Errorf("%s: %w (`make vad-model` fetches it)", wheel, err)
	}
	defer z.Close()
	r, err := z.Open("silero_vad/data/" + name)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", wheel, err)
	}
	defer r.Close()
	info, err := r.Stat()
	if err != nil || info.Size() > maxFile || info.Size() < 0 { // an archive may claim any 64 bits
		return nil, fmt.Errorf("%s: %s: larger than any network of Silero VAD", wheel, name)
	}
	raw := make([]byte, info.Size())
	if _, err := io.ReadFull(r, raw); err != nil {
		return nil, fmt.Errorf("%s: %s: %w", wheel, name, err)
	}
	return weights.Parse(wheel+"/"+name, raw)
}

// newNetwork makes a network of the tensors of PyTorch.
func newNetwork(f *weights.File, rate int) (*network, error) {
	n := &network{rate: rate, chunk: rate / 1000 * 32, context: rate / 1000 * 4, half: rate / 1000 * 8}
	if err := n.fold.set(f.Tensor("stft.forward_basis_buffer"), n.half); err != nil {
		return nil, fmt.Errorf("%s: the windows of the spectrum: %w", f.Path, err)
	}
	conv := func(name string, w cell.Window, act cell.Activation, in, out int) (*cell.Conv1d[float32], error) {
		c, err := weights.Conv1d[float32](f.Under(name), weights.PyTorch, w, act)
		if err == nil && (c.In != in || c.Out != out) {
			err = fmt.Errorf("%s: %s: a convolution of %d channels to %d, want %d to %d", f.Path, name, c.In, c.Out, in, out)
		}
		return c, err
	}
	in := n.half + 1
	for i, c := range []struct{ stride, out int }{{1, 128}, {2, 64}, {2, 64}, {1, 128}} {
		l, err := conv(fmt.Sprintf("encoder.%d.reparam_conv.", i), cell.Window{Kernel: 3, Stride: c.stride, Padding: 1}, cell.ReLU, in, c.out)
		if err != nil {
			return nil, err
		}
		if i == 0 {
			n.fold.arrange(l.W)
		}
		l.Pack()
		n.convs, in = append(n.convs, l), c.out
	}
	st, err := weights.Stack[float32](f.Under("decoder.rnn."), weights.PyTorch)
	if err != nil {
		return nil, err
	}
	if n.lstm = st.Layers[0]; len(st.Layers) != 1 || n.lstm.Kind != cell.LSTM || n.lstm.In != in {
		return nil, fmt.Errorf("%s: decoder.rnn is no LSTM of %d inputs", f.Path, in)
	}
	n.lstm.Pack()
	if n.out, err = conv("decoder.decoder.2.", cell.Window{Kernel: 1, Stride: 1}, cell.Sigmoid, n.lstm.Hidden, 1); err != nil {
		return nil, err
	}
	n.out.Pack()
	return n, nil
}

// stream is what a signal leaves behind for its next chunk.
type stream struct{ context, h, c []float32 }

// newStreams returns streams at the beginning of their signals.
func (n *network) newStreams(count int) []*stream {
	hidden := n.lstm.Hidden
	room := make([]float32, count*(n.context+2*hidden))
	streams := make([]*stream, count)
	take := func(size int) (part []float32) {
		part, room = room[:size:size], room[size:]
		return part
	}
	for i := range streams {
		streams[i] = &stream{take(n.context), take(hidden), take(hidden)}
	}
	return streams
}

// detector is the workspace of a goroutine that runs a network.
type detector struct {
	*network
	signal             []float32 // of one chunk: context, chunk, reflected end
	folded             folded
	re, im, magnitudes []float32 // [chunks*frames, half+1]; the imaginary parts of the first and last bin stay 0
	y                  [][]float32
	relu, p            []float32
	lstm               []*cell.Stream[float32] // by the number of sequences
}

func newDetector(n *network) *detector {
	rows := most * frames
	d := &detector{network: n, signal: make([]float32, n.context+n.chunk+n.context),
		folded: n.fold.room(rows),
		re:     make([]float32, rows*(n.half+1)), im: make([]float32, rows*(n.half+1)), magnitudes: make([]float32, rows*(n.half+1)),
		relu: make([]float32, most*n.lstm.Hidden), p: make([]float32, most)}
	steps := frames
	for _, c := range n.convs {
		steps = c.Outputs(steps)
		d.y = append(d.y, make([]float32, most*steps*c.Out))
	}
	for batch := range most + 1 {
		d.lstm = append(d.lstm, n.lstm.NewStream(batch))
	}
	return d
}

// run returns the probability of speech in a chunk of each stream, valid until the next run. At most that many streams go together,
// all different ones. It allocates nothing.
func (d *detector) run(streams []*stream, chunks [][]float32) []float32 {
	batch := len(streams)
	for i, s := range streams {
		d.frame(i, s, chunks[i])
	}
	rows, half := batch*frames, d.half
	d.fold.spectra(d.re, d.im, d.folded, rows)
	x := d.magnitudes[:rows*(half+1)]
	kernels.Magnitude(x, d.re[:len(x)], d.im)

	steps := frames
	for i, c := range d.convs {
		c.Forward(d.y[i], x, batch, steps)
		steps = c.Outputs(steps)
		x = d.y[i][:batch*steps*c.Out]
	}

	lstm, hidden := d.lstm[batch], d.network.lstm.Hidden
	hs, cs := lstm.States()
	for i, s := range streams {
		copy(hs[i*hidden:], s.h)
		copy(cs[i*hidden:], s.c)
	}
	h := lstm.Push(x)
	for i, s := range streams {
		copy(s.h, hs[i*hidden:])
		copy(s.c, cs[i*hidden:])
	}
	kernels.ReLU(d.relu, h)
	d.out.Forward(d.p, d.relu, batch, 1)
	return d.p[:batch]
}

// frame folds the windows of chunk i of a run.
func (d *detector) frame(i int, s *stream, chunk []float32) {
	x, end := d.signal, d.context+d.chunk
	copy(x, s.context)
	copy(x[d.context:], chunk[:d.chunk])
	copy(s.context, x[d.chunk:end])
	for k := range d.context {
		x[end+k] = x[end-2-k]
	}
	for f := range frames {
		d.fold.window(d.folded, i*frames+f, x[f*d.half:])
	}
}
