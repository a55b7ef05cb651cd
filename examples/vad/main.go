// Vad finds speech in sound with Silero VAD.
//
//	vad speech.wav                       segments, as get_speech_timestamps finds them: a line with start and end
//	arecord -t raw -f S16_LE -r 16000 | vad -raw 16000 -stream -
//	                                     starts and ends as they are known, as VADIterator finds them
//
//	samples --rate--> chunks of 32 ms --network--> probabilities --> segments, or starts and ends
//
// README.md says where the weights come from, and how fast it is.
package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"math"
	"os"
	"runtime"
	"time"
)

func main() {
	err := run(os.Args[1:], os.Stdin, os.Stdout, os.Stderr)
	if err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "vad:", err)
		os.Exit(1)
	}
}

// options are what the flags say.
type options struct {
	wheel                   string
	raw, load               int
	streaming, probs, plain bool
	settings                settings
}

func run(args []string, stdin io.Reader, out, notes io.Writer) error {
	o := options{settings: standard(&network{})}
	flags := flag.NewFlagSet("vad", flag.ContinueOnError)
	flags.StringVar(&o.wheel, "model", "examples/vad/model/silero_vad-6.2.3-py3-none-any.whl", "wheel of silero-vad, which `make vad-model` fetches")
	flags.IntVar(&o.raw, "raw", 0, "`rate` of plain 16-bit samples of one channel, in place of a WAV file")
	flags.BoolVar(&o.streaming, "stream", false, "print starts and ends as VADIterator finds them")
	flags.BoolVar(&o.probs, "probs", false, "print the probability of every chunk")
	flags.BoolVar(&o.plain, "samples", false, "print samples at the rate of the network, 8000 or 16000, not seconds")
	flags.IntVar(&o.load, "load", 0, "run the sound as so many `streams` side by side on one core, and print how long a chunk takes")
	flags.Float64Var(&o.settings.threshold, "threshold", o.settings.threshold, "probability from which a chunk is speech")
	flags.Float64Var(&o.settings.minSpeech, "min-speech", o.settings.minSpeech, "`seconds`; shorter speech is left out (not with -stream)")
	flags.Float64Var(&o.settings.minSilence, "min-silence", o.settings.minSilence, "`seconds` after which speech has ended")
	flags.Float64Var(&o.settings.maxSpeech, "max-speech", o.settings.maxSpeech, "`seconds` after which speech is cut (not with -stream)")
	flags.Float64Var(&o.settings.pad, "pad", o.settings.pad, "`seconds` added to both ends of speech")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if flags.NArg() != 1 || o.load < 0 || o.raw < 0 {
		return errors.New("want one file, or - for standard input, behind the flags")
	}
	s := o.settings
	if !(s.threshold > 0 && s.threshold <= 1 && s.minSpeech >= 0 && s.minSilence >= 0 && s.pad >= 0 && s.maxSpeech > 0) {
		return errors.New("want a threshold of 0..1, and seconds that are not negative")
	}
	in, said, err := openInput(flags.Arg(0), stdin, o.raw)
	if err != nil {
		return err
	}
	for _, note := range said {
		fmt.Fprintln(notes, "vad:", note)
	}
	n, err := open(o.wheel, in.rate)
	if err != nil {
		return err
	}
	o.settings.rate, o.settings.chunk = n.rate, n.chunk
	switch {
	case o.load > 0:
		return load(out, n, in, o.load)
	case o.streaming:
		return o.events(out, n, in)
	}
	return o.segments(out, n, in)
}

// each calls visit with the probability of every chunk of the sound. The last one is filled with zeros, if it is to be whole.
func each(n *network, in *input, fill bool, visit func(p float64)) (length int, err error) {
	d, s := newDetector(n), n.newStreams(1)
	chunk := make([]float32, n.chunk)
	chunks := [][]float32{chunk}
	for {
		k, err := in.next(chunk)
		if err != nil || k == 0 || k < len(chunk) && !fill {
			return length, err
		}
		clear(chunk[k:])
		visit(float64(d.run(s, chunks)[0]))
		length += k
	}
}

// segments prints what get_speech_timestamps returns.
func (o *options) segments(out io.Writer, n *network, in *input) error {
	s := &segmenter{settings: o.settings}
	length, err := each(n, in, true, func(p float64) {
		if s.add(p); o.probs {
			fmt.Fprintln(out, float32(p))
		}
	})
	if err != nil || o.probs {
		return err
	}
	for _, f := range s.end(length) {
		if _, err := fmt.Fprintf(out, "%s %s\n", o.text(f.start), o.text(f.end)); err != nil {
			return err
		}
	}
	return nil
}

// events prints what VADIterator returns, chunk by chunk. As with that, a last chunk that is not whole is left out.
func (o *options) events(out io.Writer, n *network, in *input) error {
	it := &iterator{settings: o.settings}
	var failed error
	_, err := each(n, in, false, func(p float64) {
		if o.probs {
			fmt.Fprintln(out, float32(p))
			return
		}
		if e, ok := it.add(p); ok && failed == nil {
			_, failed = fmt.Fprintf(out, "%s %s\n", map[bool]string{true: "start", false: "end"}[e.start], o.text(e.at))
		}
	})
	return errors.Join(err, failed)
}

// text is a place in the sound.
func (o *options) text(at int) string {
	if o.plain {
		return fmt.Sprint(at)
	}
	return fmt.Sprintf("%.3f", float64(at)/float64(o.settings.rate))
}

// load runs half a minute of a sound as many streams, each of which begins at another chunk of it, for a second.
func load(out io.Writer, n *network, in *input, count int) error {
	x := make([]float32, 1000*n.chunk)
	k, err := in.next(x)
	if err != nil {
		return err
	}
	chunks := k / n.chunk
	if chunks == 0 {
		return errors.New("the sound is shorter than a chunk")
	}
	runtime.GOMAXPROCS(1)
	d, streams, pass := newDetector(n), n.newStreams(count), make([][]float32, most)
	start, runs, sum := time.Now(), 0, 0.0
	for at := 0; at == 0 || time.Since(start) < time.Second; at++ {
		if at == 1 {
			start, runs = time.Now(), 0 // the first pass packs weights
		}
		for i := 0; i < count; i += most {
			batch := min(most, count-i)
			for k := range batch {
				pass[k] = x[(at+i+k)%chunks*n.chunk:][:n.chunk]
			}
			for _, p := range d.run(streams[i:i+batch], pass[:batch]) {
				sum += float64(p)
			}
			runs += batch
		}
	}
	each := time.Since(start).Seconds() / float64(runs)
	if math.IsNaN(sum) {
		return errors.New("a probability is not a number")
	}
	_, err = fmt.Fprintf(out, "%d streams: %.2f us a chunk of 32 ms, so one core carries %.0f in real time\n", count, each*1e6, 0.032/each)
	return err
}
