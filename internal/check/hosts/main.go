//go:build linux

package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
)

// check is what the looks share.
type check struct {
	ctx       context.Context // that a signal ends
	net       network
	dir       string // with all files
	binary    string
	keepalive []string // flags of mpirun
	flags     []string // more of them
	times     int
	other     string // a program and its arguments
}

// looks are by name what is looked at.
var looks = []struct {
	name string
	look func(*check) error
}{{"bits", (*check).bits}, {"kill", (*check).kill}, {"cut", (*check).cut}, {"program", (*check).program}}

func main() {
	log.SetFlags(0)
	log.SetPrefix("hosts: ")
	var names []string
	for _, l := range looks[:3] {
		names = append(names, l.name)
	}
	c := &check{net: network{prefix: fmt.Sprintf("elbow%d", os.Getpid())}}
	flag.IntVar(&c.net.count, "hosts", 4, "how many hosts")
	flag.StringVar(&c.net.rate, "rate", "1gbit", "rate of their lines, as tc has it; empty: as fast as it goes")
	flag.StringVar(&c.net.delay, "delay", "", "delay of what they send, as netem of tc has it (not every kernel has netem)")
	flag.IntVar(&c.times, "times", 50, "how often a rank is killed; hosts are cut off a fifth as often in each way")
	flag.StringVar(&c.other, "program", "", "for -run program: the package of a program, built with -tags mpi, and its arguments")
	only := flag.String("run", strings.Join(names, ","), "what is looked at")
	ends := flag.String("keepalive", strings.Join(keepalive, " "), "flags of mpirun that say when a host has gone")
	flag.IntVar(&c.net.retries, "retries", retries, "net.ipv4.tcp_retries2 of the hosts")
	more := flag.String("mpirun", "", "more flags of mpirun")
	flag.Parse()
	c.keepalive, c.flags = strings.Fields(*ends), strings.Fields(*more)
	if err := c.all(strings.Split(*only, ",")); err != nil {
		log.Fatal(err)
	}
}

// all builds the program and the network and looks.
func (c *check) all(names []string) (err error) {
	if c.dir, err = os.MkdirTemp("", "elbow-hosts-"); err != nil {
		return err
	}
	defer os.RemoveAll(c.dir)
	c.binary = filepath.Join(c.dir, "elbow")
	if err := build(c.binary, "./cmd/elbow"); err != nil {
		return err
	}
	text, err := os.ReadFile("README.md")
	if err != nil {
		return err
	}
	if err := errors.Join(os.WriteFile(filepath.Join(c.dir, "text.txt"), text[:min(len(text), 6000)], 0o666),
		os.WriteFile(filepath.Join(c.dir, "agent"), []byte(agent), 0o777)); err != nil {
		return err
	}
	var stop context.CancelFunc
	c.ctx, stop = signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	defer c.net.tearDown()
	if err := c.net.setUp(); err != nil {
		return err
	}
	for _, l := range looks {
		if slices.Contains(names, l.name) {
			if err := l.look(c); err != nil {
				return fmt.Errorf("%s: %w", l.name, err)
			}
		}
	}
	return nil
}

// build compiles a package with MPI.
func build(to, pkg string) error {
	if out, err := exec.Command("go", "build", "-tags", "mpi", "-o", to, pkg).CombinedOutput(); err != nil {
		return fmt.Errorf("go build %s: %w\n%s", pkg, err, out)
	}
	return nil
}
