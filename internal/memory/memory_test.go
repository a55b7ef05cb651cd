package memory

import "testing"

func TestAvailable(t *testing.T) {
	if n := Available(); n < 1<<20 || n > 1<<50 {
		t.Errorf("%d bytes are available", n)
	}
}
