package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/elbow-go/elbow/internal/floatjson"
)

// command is one of the commands. Its example is what somebody would type.
type command struct {
	name, about, example string
	operands             string // the arguments before the flags, such as "A B"
	run                  func(ctx context.Context, c *call) error
}

// A call is one run of a command: its flags, which are the keys of a configuration file as well, its
// arguments, and where it prints.
type call struct {
	*flag.FlagSet
	command
	args     []string
	out      io.Writer
	config   string
	json     bool
	verbose  bool
	profiles []string // files of the profiles
	follower bool     // a rank that leaves all files to another one
	reads    bool     // the trained model of -model
	sections []section
	blame    func(error) error // adds the line of the configuration file with the flag that an error names

	ends []func() error // of the profiles
}

// A section is the flags that help prints together. Flags are of the one that was begun before they were
// declared.
type section struct {
	name  string
	flags []string
}

// The sections that -h shows. Those of other names are under -h all.
const (
	sectionOwn      = "" // the flags of this command alone
	sectionModel    = "model"
	sectionTraining = "training"
	sectionData     = "data"
)

var shown = []string{sectionOwn, sectionModel, sectionTraining, sectionData}

func newCall(cmd command, args []string, out io.Writer) *call {
	c := &call{FlagSet: flag.NewFlagSet(cmd.name, flag.ContinueOnError), command: cmd, args: args, out: out}
	c.section(sectionOwn)
	c.StringVar(&c.config, "config", "", "take the flags that are not given from this TOML file, where they are keys of the table ["+cmd.name+"]")
	c.BoolVar(&c.json, "json", false, "print the results as JSON and nothing else; notes on the data go to standard error")
	c.BoolVar(&c.verbose, "v", false, "say how it goes on, epoch by epoch and file by file, also where the output is no terminal")
	c.section("profile")
	c.profiles = make([]string, len(profiles))
	for i, p := range profiles {
		c.StringVar(&c.profiles[i], p.flag, "", p.usage)
	}
	c.section(sectionOwn)
	return c
}

// modelFlag declares the flag of the trained model that a command reads.
func (c *call) modelFlag() *string {
	c.reads = true
	return c.String("model", "run", "a checkpoint, or the folder of a training, whose best parameters are used")
}

// outFlag declares the flag of the folder for what it makes of it.
func (c *call) outFlag() *string { return c.String("out", "run", "folder for the files") }

// section begins a section, or goes on with one of that name.
func (c *call) section(name string) {
	c.settle()
	at := slices.IndexFunc(c.sections, func(s section) bool { return s.name == name })
	if at < 0 {
		c.sections = append(c.sections, section{name: name})
		return
	}
	s := c.sections[at]
	c.sections = append(slices.Delete(c.sections, at, at+1), s)
}

// settle gives the flags that were declared since to the section that was begun last.
func (c *call) settle() {
	known := map[string]bool{}
	for _, s := range c.sections {
		for _, name := range s.flags {
			known[name] = true
		}
	}
	c.VisitAll(func(f *flag.Flag) {
		if !known[f.Name] {
			last := &c.sections[len(c.sections)-1]
			last.flags = append(last.flags, f.Name)
		}
	})
}

// names takes arguments from before the flags, at most so many.
func (c *call) names(most int) []string {
	n := 0
	for n < len(c.args) && n < most && c.args[n] != "" && c.args[n][0] != '-' {
		n++
	}
	names := c.args[:n]
	c.args = c.args[n:]
	return names
}

// parse parses the flags, and takes those that were not given from the configuration file if there is one.
// Help goes to the output, errors are returned only. Profiles begin.
func (c *call) parse() error {
	c.SetOutput(io.Discard)
	err := c.Parse(c.args)
	switch {
	case errors.Is(err, flag.ErrHelp):
		c.help(c.NArg() > 0 && c.Arg(0) == "all")
		return err
	case err != nil:
		return usageError{err}
	case c.NArg() > 0:
		if c.reads {
			return usagef("unexpected argument %q: a trained model is named by -model", c.Arg(0))
		}
		return usagef("unexpected argument %q", c.Arg(0))
	}
	if c.config != "" {
		if err := c.configure(c.config); err != nil {
			return err
		}
	}
	if o, ok := c.out.(*output); ok {
		o.json, o.verbose = c.json, c.verbose
	}
	for i, p := range profiles {
		if path := c.profiles[i]; path != "" && !c.follower {
			end, err := p.start(path)
			if err != nil {
				return err
			}
			c.ends = append(c.ends, end)
		}
	}
	return nil
}

// end ends the profiles.
func (c *call) end() error {
	var errs []error
	for _, end := range c.ends {
		errs = append(errs, end())
	}
	return errors.Join(errs...)
}

// result prints what came out, if it is to be JSON. What people read is printed by other means, and then
// nowhere.
func (c *call) result(v any) error {
	if !c.json {
		return nil
	}
	text, err := floatjson.MarshalIndent(v)
	if err != nil {
		return err
	}
	w := c.out
	if o, ok := w.(*output); ok {
		o.json = false
	}
	_, err = fmt.Fprintf(w, "%s\n", text)
	return err
}

// given returns the names of the flags that were given, on the command line or in a file.
func (c *call) given() map[string]bool {
	names := map[string]bool{}
	c.Visit(func(f *flag.Flag) { names[f.Name] = true })
	return names
}

// help prints how the command is used: all of its flags, or those that most need.
func (c *call) help(all bool) {
	c.settle()
	fmt.Fprintf(c.out, "usage: elbow %s\n\n%s\n\n  %s\n", strings.Join(strings.Fields(c.name+" "+c.operands+" [flags]"), " "), wrap(c.about, 0), c.example)
	var more []string
	for _, own := range []bool{true, false} { // the command's own flags come last in the table of some
		for _, s := range c.sections {
			if len(s.flags) == 0 || (s.name == sectionOwn) != own {
				continue
			}
			if !all && !slices.Contains(shown, s.name) {
				more = append(more, s.name)
				continue
			}
			fmt.Fprintf(c.out, "\n%s\n", strings.TrimSpace(s.name+" flags"))
			for _, f := range s.flags {
				c.line(c.Lookup(f))
			}
		}
	}
	if len(more) > 0 {
		fmt.Fprintf(c.out, "\nelbow %s -h all has those of %s, too.\n", c.name, strings.Join(more, ", "))
	}
}

// line prints a flag.
func (c *call) line(f *flag.Flag) {
	const column = 22
	kind, usage := flag.UnquoteUsage(f)
	if zero := map[string]bool{"": true, "0": true, "false": true}; !zero[f.DefValue] && !strings.Contains(usage, "(default") {
		usage += fmt.Sprintf(" (default %s)", f.DefValue)
	}
	head := fmt.Sprintf("  -%s %s", f.Name, kind)
	if len(head) >= column {
		fmt.Fprintf(c.out, "%s\n%*s%s\n", head, column, "", wrap(usage, column))
		return
	}
	fmt.Fprintf(c.out, "%-*s%s\n", column, head, wrap(usage, column))
}

// wrap breaks a text into lines of at most 100 columns, all but the first indented.
func wrap(text string, indent int) string {
	var b strings.Builder
	at := indent
	for i, word := range strings.Fields(text) {
		switch n := len(word); {
		case i == 0:
		case at+1+n > 100:
			fmt.Fprintf(&b, "\n%*s", indent, "")
			at = indent
		default:
			b.WriteByte(' ')
			at++
		}
		b.WriteString(word)
		at += len(word)
	}
	return b.String()
}
