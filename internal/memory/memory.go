// Package memory says how much memory this process can still get, so that what will not fit is an
// error before work begins and not the end of the process in the middle of it.
package memory

// unknown is what Available returns where it cannot find out: more than most machines have, and
// little enough to catch sizes that no machine has.
const unknown = 64 << 30

// Available returns how many bytes this process can still take without swapping, as far as the
// system tells: what the machine has left, and what limits on the process or its container leave
// of that.
func Available() uint64 {
	if n, ok := available(); ok {
		return n
	}
	return unknown
}
