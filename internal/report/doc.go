// Package report makes one page of a run, to be looked at in a browser, and serves the same page with
// a latent plane to move in.
//
//	Run: model, history, data --Of--> Page: sections of figures --Write--> report.html, one file
//	  |                                    |
//	  +----------------- Explore ----------+--> http.Handler: the page, and what a point decodes to
//
// A [Figure] says what there is to be drawn, in the units of the data, and is told in words as well. The
// script of the page draws it, to the width there is; what the server decodes is made of the same figures.
// Style and script are part of the program and of the page: nothing is fetched from anywhere, which
// a Content-Security-Policy in the page holds the browser to.
//
// All work is bounded: of large data a part is looked at, and the page says of how many steps.
package report
