package tile

import "testing"

// All tiles are in use, or tests of the product as a whole would test less than they say.
func TestChooseTile(t *testing.T) {
	pairs := func(x, y float64) []pair { return []pair{{x, y}} }
	quads := func(x float64) []quad { return []quad{{0, x, 0, x}} }
	for _, c := range []struct {
		x, y, b float64
		want    tileKind
	}{
		{0, 1, 0.3, exactTile},
		{0.3, 1, -0x1p-140, exactTile},
		{0.3, 0.7, 0, exactTile},
		{0.3, 0.7, 1.1, plainTile},
		{0.3, 0, 0x1.8p-100, plainTile},
		{0x1.8p-66, 5, 0x1.8p-66, plainTile},
		{0x1.8p-66, 5, 0x1.8p-68, carefulTile},
		{0x1.8p-120, 5, 0x1.8p-20, carefulTile},
		{0x1.8p-140, 5, 1e30, plainTile},
	} {
		if got := chooseTile(newSurvey(pairs(c.x, c.y)), quads(c.b)); got != c.want {
			t.Errorf("A %x %x, B %x: tile %v, want %v", c.x, c.y, c.b, got, c.want)
		}
	}
}
