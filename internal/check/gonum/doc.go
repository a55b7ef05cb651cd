// Command gonum runs gonum's own tests of its packages mat and lapack on our products: thousands
// of decompositions and solutions, each checked by its meaning.
//
//	go run ./internal/check/gonum        (make test-netlib)
//
//	module cache --> copy of gonum + use_test.go in each package: blas64.Use(...)
//	                   |
//	                   +--> go test, with products   gonumblas   as a program gets them
//	                                                 blas        float64 by package blas itself
//	                                                 wrong       one element is wrong: has to fail
//
// All three are float64, of which gonumblas leaves the work to gonum where gonum is faster; hence
// the second. Tests that compare the text of a panic with gonum's are changed in the copy.
package main
