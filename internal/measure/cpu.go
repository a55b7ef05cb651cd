package measure

import (
	"fmt"
	"io/fs"
	"os"
	"runtime"
	"strconv"
	"strings"

	"github.com/klauspost/cpuid/v2"
)

// A CPU is what is known of the processor. A name that is not is empty, a size 0.
type CPU struct {
	Name        string
	L1D, L2, L3 int // caches, in bytes
	Cores       int // logical ones that are online, of which this process may be kept from some
}

// ThisCPU asks package cpuid and, for what that does not know, Linux.
func ThisCPU() CPU {
	caches := cpuid.CPU.Cache // -1 for what is not known
	c := CPU{strings.TrimSpace(cpuid.CPU.BrandName), max(0, caches.L1D), max(0, caches.L2), max(0, caches.L3), runtime.NumCPU()}
	if runtime.GOOS == "linux" {
		c.complete(os.DirFS("/"))
	}
	return c
}

// armParts names the cores of the machines that most run on: the numbers are those of the main
// ID registers in Arm's manuals.
var armParts = map[string]string{
	"0xd03": "Cortex-A53", "0xd08": "Cortex-A72", "0xd0b": "Cortex-A76", "0xd0c": "Neoverse N1",
	"0xd40": "Neoverse V1", "0xd49": "Neoverse N2", "0xd4f": "Neoverse V2", "0xd84": "Neoverse V3",
}

// complete adds what Linux says of the first core, where it is not known otherwise.
func (c *CPU) complete(root fs.FS) {
	if c.Name == "" {
		c.Name = armName(read(root, "proc/cpuinfo"))
	}
	c.Cores = max(c.Cores, listed(read(root, "sys/devices/system/cpu/online")))
	for i := range 8 {
		dir := fmt.Sprintf("sys/devices/system/cpu/cpu0/cache/index%d/", i)
		size := kilobytes(read(root, dir+"size"))
		level := read(root, dir+"level")
		if kind := read(root, dir+"type"); kind == "Instruction" {
			continue
		}
		for name, cache := range map[string]*int{"1": &c.L1D, "2": &c.L2, "3": &c.L3} {
			if level == name && *cache == 0 {
				*cache = size
			}
		}
	}
}

// read returns the text of a file without space around it, nothing if there is none.
func read(root fs.FS, name string) string {
	text, _ := fs.ReadFile(root, name)
	return strings.TrimSpace(string(text))
}

// kilobytes is the number of bytes of 512K, 0 if s is not of this form.
func kilobytes(s string) int {
	n, err := strconv.Atoi(strings.TrimSuffix(s, "K"))
	if err != nil || n < 0 {
		return 0
	}
	return n << 10
}

// listed counts the numbers of a list such as 0-3,8-11. It is 0 if that is no list.
func listed(s string) int {
	n := 0
	for part := range strings.SplitSeq(s, ",") {
		first, last, ok := strings.Cut(part, "-")
		if !ok {
			last = first
		}
		from, err1 := strconv.Atoi(first)
		to, err2 := strconv.Atoi(last)
		if err1 != nil || err2 != nil || to < from {
			return 0
		}
		n += to - from + 1
	}
	return n
}

// armName returns a name for the core that /proc/cpuinfo gives numbers of on ARM.
func armName(cpuinfo string) string {
	value := func(key string) string {
		for line := range strings.Lines(cpuinfo) {
			if name, v, _ := strings.Cut(line, ":"); strings.TrimSpace(name) == key {
				return strings.TrimSpace(v)
			}
		}
		return ""
	}
	implementer, part := value("CPU implementer"), value("CPU part")
	if name, ok := armParts[part]; ok && implementer == "0x41" { // Arm itself
		return name
	}
	if implementer == "" || part == "" {
		return ""
	}
	return fmt.Sprintf("core %s of implementer %s", part, implementer)
}
