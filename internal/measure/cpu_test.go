package measure

import (
	"testing"
	"testing/fstest"
)

func TestCPUOfLinux(t *testing.T) {
	const arm = "processor\t: 0\nBogoMIPS\t: 243.75\nCPU implementer\t: 0x41\nCPU architecture: 8\nCPU variant\t: 0x3\nCPU part\t: 0xd0c\nCPU revision\t: 1\n\nprocessor\t: 1\nCPU part\t: 0xd03\n"
	const caches = "sys/devices/system/cpu/cpu0/cache/index"
	file := func(s string) *fstest.MapFile { return &fstest.MapFile{Data: []byte(s)} }
	all := fstest.MapFS{
		"proc/cpuinfo":                  file(arm),
		"sys/devices/system/cpu/online": file("0-3,5,7-7\n"),
		caches + "0/level":              file("1\n"), caches + "0/type": file("Data\n"), caches + "0/size": file("64K\n"),
		caches + "1/level": file("1\n"), caches + "1/type": file("Instruction\n"), caches + "1/size": file("32K\n"),
		caches + "2/level": file("2\n"), caches + "2/type": file("Unified\n"), caches + "2/size": file("1024K\n"),
		caches + "3/level": file("3\n"), caches + "3/type": file("Unified\n"), caches + "3/size": file("\n"),
	}
	for _, c := range []struct {
		name       string
		files      fstest.MapFS
		have, want CPU
	}{
		{"nothing known", all, CPU{}, CPU{"Neoverse N1", 64 << 10, 1 << 20, 0, 6}},
		{"all known", all, CPU{"Apple M1", 1, 2, 3, 8}, CPU{"Apple M1", 1, 2, 3, 8}},
		{"some known", all, CPU{"", 0, 2, 0, 2}, CPU{"Neoverse N1", 64 << 10, 2, 0, 6}},
		{"no files", fstest.MapFS{}, CPU{}, CPU{}},
		{"others' core", fstest.MapFS{"proc/cpuinfo": file("CPU implementer : 0x61\nCPU part : 0xd0c\n")}, CPU{}, CPU{Name: "core 0xd0c of implementer 0x61"}},
		{"x86", fstest.MapFS{"proc/cpuinfo": file("processor : 0\nmodel name : Some CPU\n")}, CPU{}, CPU{}},
	} {
		c.have.complete(c.files)
		if c.have != c.want {
			t.Errorf("%s: %+v, want %+v", c.name, c.have, c.want)
		}
	}
}

func TestThisCPU(t *testing.T) {
	if c := ThisCPU(); c.L1D < 0 || c.L2 < 0 || c.L3 < 0 {
		t.Errorf("%+v, want no size below 0", c)
	}
}
