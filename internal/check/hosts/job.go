//go:build linux

package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// agent is what mpirun calls to start its daemon on a host, with the host's name and a command line, in
// place of ssh. Hosts have names of their own, or daemons take themselves for one.
const agent = `#!/bin/sh
h=$1; shift
exec ip netns exec "$h" unshare --uts sh -c 'hostname "$0"; exec sh -c "$1"' "$h" "$*"
`

// retries is how often TCP sends again what nobody acknowledges, of net.ipv4.tcp_retries2, where README.md recommends
// it: the keepalive settings end a connection on which nothing is under way, but while something is, only this does. 4 is
// six seconds; the default, 15, a quarter of an hour.
const retries = 4

// Settings are those that README.md names for several machines: the address of their network, and how soon a
// machine that does not answer has gone.
var (
	interfaces = []string{"--mca", "btl_tcp_if_include", subnet + ".0/24", "--mca", "oob_tcp_if_include", subnet + ".0/24"}
	keepalive  = strings.Fields("--mca oob_tcp_keepalive_time 2 --mca oob_tcp_keepalive_intvl 1 --mca oob_tcp_keepalive_probes 3")
)

// A job is a training that mpirun has started.
type job struct {
	cmd    *exec.Cmd
	out    bytes.Buffer
	ended  chan error
	binary string
}

// start has ranks run the program with these arguments; isas are those that ranks are forced to use, the first
// ones first.
func (c *check) start(ranks int, isas []string, args ...string) (*job, error) {
	j := &job{ended: make(chan error, 1), binary: c.binary}
	first := c.net.host(1)
	line := []string{"ip", "netns", "exec", first, "unshare", "--uts", "sh", "-c", `hostname "$0"; exec "$@"`, first,
		"mpirun", "--mca", "plm_rsh_agent", filepath.Join(c.dir, "agent"), "--bind-to", "none", "--mca", "mpi_yield_when_idle", "1",
		"--mca", "pml", "ob1", "--mca", "btl", "self,vader,tcp"}
	line = append(append(append(line, interfaces...), c.keepalive...), c.flags...)
	for r := range ranks {
		if r > 0 {
			line = append(line, ":")
		}
		// Ranks are dealt to as many hosts as there are, neighbours to one of them.
		line = append(line, "-n", "1", "-H", c.net.host(1+r*min(ranks, c.net.count)/ranks)+":"+strconv.Itoa(ranks))
		if r < len(isas) {
			line = append(line, "-x", "ELBOW_ISA="+isas[r])
		}
		line = append(append(line, c.binary), args...)
	}
	j.cmd = exec.CommandContext(c.ctx, line[0], line[1:]...)
	j.cmd.Cancel = func() error { return j.cmd.Process.Signal(syscall.SIGTERM) } // which mpirun passes on
	j.cmd.Env = append(os.Environ(), "OMPI_ALLOW_RUN_AS_ROOT=1", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1")
	j.cmd.WaitDelay = time.Second // for daemons that mpirun has lost, and that still could write
	j.cmd.Stdout, j.cmd.Stderr = &j.out, &j.out
	if err := j.cmd.Start(); err != nil {
		return nil, err
	}
	go func() { j.ended <- j.cmd.Wait() }()
	return j, nil
}

// run trains to the end.
func (c *check) run(ranks int, isas []string, args ...string) error {
	j, err := c.start(ranks, isas, args...)
	if err != nil {
		return err
	}
	if err := <-j.ended; err != nil {
		return fmt.Errorf("%d ranks, %v: %w\n%s", ranks, args, err, j.out.Bytes())
	}
	return nil
}

// ranks are the processes of the program that are alive, zombies left out.
func (j *job) ranks() (pids []int) {
	all, _ := filepath.Glob("/proc/[0-9]*")
	for _, dir := range all {
		if exe, err := os.Readlink(dir + "/exe"); err != nil || exe != j.binary {
			continue
		}
		stat, _ := os.ReadFile(dir + "/stat")
		if at := bytes.LastIndexByte(stat, ')'); at > 0 && !bytes.HasPrefix(stat[at:], []byte(") Z")) && !bytes.HasPrefix(stat[at:], []byte(") X")) {
			pid, _ := strconv.Atoi(filepath.Base(dir))
			pids = append(pids, pid)
		}
	}
	return pids
}

// wait returns how long it takes from now on until all ranks have ended, and until mpirun has. What has not ended
// after the limit is killed, which is an error.
func (j *job) wait(limit time.Duration) (ranks, all time.Duration, err error) {
	start := time.Now()
	for len(j.ranks()) > 0 && time.Since(start) < limit {
		time.Sleep(10 * time.Millisecond)
	}
	ranks = time.Since(start)
	if left := j.ranks(); len(left) > 0 {
		err = fmt.Errorf("%d ranks go on after %v", len(left), limit)
		for _, pid := range left {
			syscall.Kill(pid, syscall.SIGKILL) // and then its daemon ends too
		}
	}
	select {
	case <-j.ended:
	case <-time.After(max(limit-time.Since(start), 0)):
		err = errors.Join(err, errors.New("mpirun goes on"))
		j.cmd.Process.Kill()
		<-j.ended
	}
	return ranks, time.Since(start), err
}
