package memory

import (
	"errors"
	"testing"
)

func TestLeastCounts(t *testing.T) {
	for _, c := range []struct {
		name  string
		files map[string]string
		space uint64
		want  uint64 // 0: not known
	}{
		{"nothing", nil, 0, 0},
		{"machine", map[string]string{"/proc/meminfo": "MemTotal:       100 kB\nMemAvailable:     50 kB\n"}, 0, 50 << 10},
		{"address space", map[string]string{"/proc/meminfo": "MemAvailable: 50 kB\n", "/proc/self/status": "Name: x\nVmSize:  10 kB\n"}, 30 << 10, 20 << 10},
		{"address space full", map[string]string{"/proc/self/status": "VmSize:  10 kB\n"}, 5 << 10, 0},
		{"group", map[string]string{"/proc/meminfo": "MemAvailable: 500 kB\n", "/proc/self/cgroup": "0::/a/b\n",
			"/sys/fs/cgroup/a/b/memory.max": "max\n", "/sys/fs/cgroup/a/b/memory.current": "1\n",
			"/sys/fs/cgroup/a/memory.max": "100000\n", "/sys/fs/cgroup/a/memory.current": "70000\n", "/sys/fs/cgroup/a/memory.stat": "anon 5\ninactive_file 20000\n"}, 0, 50000},
		{"container", map[string]string{"/proc/self/cgroup": "0::/host/path\n",
			"/sys/fs/cgroup/memory.max": "1000\n", "/sys/fs/cgroup/memory.current": "400\n"}, 0, 600},
		{"version 1", map[string]string{"/proc/self/cgroup": "9:cpu:/x\n4:hugetlb,memory:/x\n",
			"/sys/fs/cgroup/memory/x/memory.limit_in_bytes": "1000\n", "/sys/fs/cgroup/memory/x/memory.usage_in_bytes": "1100\n",
			"/sys/fs/cgroup/memory/x/memory.stat": "total_inactive_file 300\n"}, 0, 200},
		{"nonsense", map[string]string{"/proc/meminfo": "MemAvailable:\n", "/proc/self/cgroup": "x\n\n0::../..\n", "/sys/fs/cgroup/memory.max": "-5\n"}, 0, 0},
	} {
		s := system{
			read: func(path string) ([]byte, error) {
				if text, ok := c.files[path]; ok {
					return []byte(text), nil
				}
				return nil, errors.New("none")
			},
			space: func() (uint64, bool) { return c.space, c.space > 0 },
		}
		known := c.want > 0 || c.name == "address space full"
		if got, ok := s.available(); got != c.want || ok != known {
			t.Errorf("%s: %d, %t, want %d", c.name, got, ok, c.want)
		}
	}
}
