package memory

import (
	"os"
	"path"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

func available() (uint64, bool) { return system{os.ReadFile, addressSpace}.available() }

// system is where the figures come from.
type system struct {
	read  func(path string) ([]byte, error)
	space func() (uint64, bool) // the limit of the address space, as ulimit -v sets it
}

// available is the least of all that is known; nothing of it is there everywhere.
func (s system) available() (n uint64, known bool) {
	take := func(free uint64, ok bool) {
		if ok && (!known || free < n) {
			n, known = free, true
		}
	}
	take(s.machine())
	limit, ok := s.space()
	if used, found := s.taken(); ok && found {
		take(less(limit, used), true)
	}
	for _, group := range s.groups() {
		take(group.free(s))
	}
	return n, known
}

// machine returns what all processes together can still get.
func (s system) machine() (uint64, bool) {
	kB, ok := s.value("/proc/meminfo", "MemAvailable:")
	return kB << 10, ok
}

// taken returns the address space of this process.
func (s system) taken() (uint64, bool) {
	kB, ok := s.value("/proc/self/status", "VmSize:")
	return kB << 10, ok
}

// group is a control group: where it is, and its version.
type group struct {
	dir string
	v2  bool
}

// groups returns the control groups that count memory for this process, and those around them,
// of which each has a limit of its own. In a container the path may be that of the host; then
// only the root is found, which is that of the container.
func (s system) groups() []group {
	raw, err := s.read("/proc/self/cgroup")
	if err != nil {
		return nil
	}
	var list []group
	for line := range strings.Lines(string(raw)) {
		part := strings.SplitN(strings.TrimSpace(line), ":", 3)
		if len(part) != 3 {
			continue
		}
		g := group{"/sys/fs/cgroup", part[1] == ""}
		if !g.v2 {
			if !strings.Contains(","+part[1]+",", ",memory,") {
				continue
			}
			g.dir = "/sys/fs/cgroup/memory"
		}
		root := g.dir
		for at := path.Clean("/" + part[2]); ; at = path.Dir(at) {
			list = append(list, group{path.Join(root, at), g.v2})
			if at == "/" {
				break
			}
		}
	}
	return list
}

// free returns what the limit of a group leaves. What the kernel keeps of files can go.
func (g group) free(s system) (uint64, bool) {
	limit, usage, cache := "memory.max", "memory.current", "inactive_file"
	if !g.v2 {
		limit, usage, cache = "memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file"
	}
	most, ok1 := s.value(path.Join(g.dir, limit), "")
	used, ok2 := s.value(path.Join(g.dir, usage), "")
	if !ok1 || !ok2 {
		return 0, false // no such group, or no limit: "max"
	}
	kept, _ := s.value(path.Join(g.dir, "memory.stat"), cache)
	return less(most, less(used, kept)), true
}

func less(a, b uint64) uint64 { return a - min(a, b) }

// value returns the number behind key in a file of lines, or at its beginning without a key.
func (s system) value(file, key string) (uint64, bool) {
	raw, err := s.read(file)
	if err != nil {
		return 0, false
	}
	for line := range strings.Lines(string(raw)) {
		word := strings.Fields(line)
		if key != "" && (len(word) == 0 || word[0] != key) {
			continue
		}
		if key != "" {
			word = word[1:]
		}
		if len(word) == 0 {
			return 0, false
		}
		n, err := strconv.ParseUint(word[0], 10, 64)
		return n, err == nil
	}
	return 0, false
}

func addressSpace() (uint64, bool) {
	var r unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_AS, &r); err != nil {
		return 0, false
	}
	return uint64(r.Cur), uint64(r.Cur) < 1<<62 // above: none
}
