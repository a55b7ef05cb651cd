package report

import (
	"crypto/sha256"
	"embed"
	"encoding/base64"
	"fmt"
	"html/template"
	"io"
	"strings"
)

// Page is a page of sections below each other.
type Page struct {
	Title    string
	About    string
	Sections []Section

	explore *exploring // the plane that it is served with; nil: it is a file
}

// Section is figures, or rows of names and values, under a heading.
type Section struct {
	ID, Title string
	Text      string
	Rows      [][2]string
	Figures   []Figure
	Layout    string // of the figures: as many beside each other as there is room for, or one of the layouts
}

// The layouts of figures.
const (
	wide  = "wide"  // each takes all of the width
	pairs = "pairs" // two beside each other, where there is room for two
)

//go:embed assets
var assets embed.FS

// asset returns the files of that name one after the other.
func asset(names ...string) string {
	var b strings.Builder
	for _, name := range names {
		text, err := assets.ReadFile("assets/" + name)
		if err != nil {
			panic("report: " + err.Error()) // it is part of the program
		}
		b.Write(text)
	}
	return b.String()
}

var (
	style  = asset("page.css")
	script = asset("draw.js", "hear.js", "explore.js", "page.js")
	layout = template.Must(template.New("page").Parse(asset("page.html")))
)

// policy is the Content-Security-Policy of a page: it runs no script and takes no style but its own, and asks nobody for anything
// but, where it is served, its own server.
func policy(connect string) string {
	hash := func(s string) string {
		sum := sha256.Sum256([]byte(s))
		return "'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'"
	}
	return fmt.Sprintf("default-src 'none'; script-src %s; style-src %s; img-src data:; media-src data:; connect-src %s; base-uri 'none'; form-action 'none'", hash(script), hash(style), connect)
}

// Write writes the page.
func (p *Page) Write(w io.Writer) error {
	connect := "'none'"
	if p.explore != nil {
		connect = "'self'"
	}
	var data struct {
		Figures []Figure   `json:"figures"`
		Explore *exploring `json:"explore"`
	}
	data.Explore = p.explore
	type numbered struct {
		Index int
		Figure
	}
	type section struct {
		Section
		Figures []numbered
	}
	var sections []section
	for _, s := range p.Sections {
		t := section{Section: s}
		for _, f := range s.Figures {
			t.Figures = append(t.Figures, numbered{len(data.Figures), f})
			data.Figures = append(data.Figures, f)
		}
		sections = append(sections, t)
	}
	return layout.Execute(w, map[string]any{"Page": p, "Sections": sections, "Explore": p.explore, "Policy": policy(connect), "Data": data,
		"Style": template.CSS(style), "Script": template.JS(script)})
}
