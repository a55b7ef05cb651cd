//go:build linux

package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// subnet is that of the hosts.
const subnet = "10.77.0"

// network is hosts on a switch, each a network namespace.
type network struct {
	prefix  string // of their names, with the number of this process: others may be running
	count   int
	retries int    // of TCP
	rate    string // of their lines, as tc has it; empty: as fast as it goes
	delay   string // of what they send, as netem has it; empty: none
}

// host is the name of host i, from 1 on, and 0 that of the switch.
func (n *network) host(i int) string { return fmt.Sprintf("%s-%d", n.prefix, i) }

// setUp makes the hosts. Whatever it returns, tearDown is to follow.
func (n *network) setUp() error {
	var names strings.Builder
	fmt.Fprintln(&names, "127.0.0.1 localhost")
	for i := 1; i <= n.count; i++ {
		fmt.Fprintf(&names, "%s.%d %s\n", subnet, i, n.host(i))
	}
	err := errors.Join(tool("ip netns add %s", n.host(0)), tool("ip -n %s link add br0 type bridge", n.host(0)),
		tool("ip -n %s link set br0 up", n.host(0)))
	for i := 1; err == nil && i <= n.count; i++ {
		h := n.host(i)
		etc := filepath.Join("/etc/netns", h)
		if err = errors.Join(os.MkdirAll(etc, 0o755), os.WriteFile(filepath.Join(etc, "hosts"), []byte(names.String()), 0o644)); err != nil {
			return err
		}
		err = errors.Join(tool("ip netns add %s", h),
			tool("ip link add eth0 netns %s type veth peer name p%d netns %s", h, i, n.host(0)),
			tool("ip -n %s link set p%d master br0 up", n.host(0), i),
			tool("ip -n %s addr add %s.%d/24 dev eth0", h, subnet, i),
			tool("ip -n %s link set eth0 up", h), tool("ip -n %s link set lo up", h),
			tool("ip netns exec %s sysctl -qw net.ipv4.tcp_retries2=%d", h, n.retries), n.slow(h))
	}
	return err
}

// slow gives what a host sends the rate and the delay.
func (n *network) slow(h string) error {
	at := "root"
	if n.delay != "" {
		if err := tool("tc -n %s qdisc add dev eth0 root handle 1: netem delay %s limit 100000", h, n.delay); err != nil {
			return err
		}
		at = "parent 1:"
	}
	if n.rate == "" {
		return nil
	}
	// The burst holds a segment of 64 kB, as a card is given it.
	return tool("tc -n %s qdisc add dev eth0 %s tbf rate %s burst 256kb latency 20ms", h, at, n.rate)
}

// tearDown removes the hosts, and says nothing of those that are not there.
func (n *network) tearDown() {
	for i := range n.count + 1 {
		tool("ip netns del %s", n.host(i))
		os.RemoveAll(filepath.Join("/etc/netns", n.host(i)))
	}
}

// A cut is a way to lose the network, and to get it back.
type cut struct {
	name      string
	cut, mend func(n *network, host int) error
}

var cuts = []cut{
	{"line down",
		func(n *network, i int) error { return tool("ip -n %s link set eth0 down", n.host(i)) },
		func(n *network, i int) error { return tool("ip -n %s link set eth0 up", n.host(i)) }},
	{"nothing forwarded",
		func(n *network, i int) error { return tool("ip -n %s link set p%d nomaster", n.host(0), i) },
		func(n *network, i int) error { return tool("ip -n %s link set p%d master br0", n.host(0), i) }},
}

// tool runs a command line without quotes.
func tool(format string, args ...any) error {
	line := fmt.Sprintf(format, args...)
	words := strings.Fields(line)
	if out, err := exec.Command(words[0], words[1:]...).CombinedOutput(); err != nil {
		return fmt.Errorf("%s: %w: %s", line, err, strings.TrimSpace(string(out)))
	}
	return nil
}
