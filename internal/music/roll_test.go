package music

import (
	"math"
	"reflect"
	"strings"
	"testing"
)

func TestRollCheck(t *testing.T) {
	good := Roll{{}, {21}, {21, 108}, {60, 64, 67}}
	if err := good.Check(); err != nil {
		t.Error(err)
	}
	for _, c := range []struct {
		roll Roll
		want string
	}{
		{Roll{{}, {20}}, "step 1: note 20 is outside 21..108"},
		{Roll{{109}}, "step 0: note 109"},
		{Roll{{60}, {}, {64, 60}}, "step 2: note 60 after note 64"},
		{Roll{{60, 60}}, "step 0: note 60 after note 60"},
	} {
		if err := c.roll.Check(); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%v: error %v, want %q", c.roll, err, c.want)
		}
	}
}

func TestTranspose(t *testing.T) {
	r := Roll{{60, 64}, {}, {21}}
	up, err := r.Transpose(3)
	if err != nil || !reflect.DeepEqual(up, Roll{{63, 67}, {}, {24}}) {
		t.Errorf("got %v, %v", up, err)
	}
	back, err := up.Transpose(-3)
	if err != nil || !reflect.DeepEqual(back, r) {
		t.Errorf("got %v, %v", back, err)
	}
	for _, s := range []int{-1, 45, math.MaxInt, math.MinInt} {
		if _, err := r.Transpose(s); err == nil {
			t.Errorf("no error for a shift of %d", s)
		}
	}
}

func testRows[T float32 | float64](t *testing.T) {
	r := Roll{{21, 60, 108}, {}, {22}}
	rows := make([]T, len(r)*Dims)
	for i := range rows {
		rows[i] = T(math.NaN()) // must be overwritten
	}
	Rows(rows, r)
	for i, v := range rows {
		want := T(0)
		if i == 0 || i == 39 || i == 87 || i == 2*Dims+1 {
			want = 1
		}
		if v != want {
			t.Fatalf("rows[%d] = %v, want %v", i, v, want)
		}
	}
	if back := FromRows(rows); !reflect.DeepEqual(back, r) {
		t.Errorf("got %v back", back)
	}
	rows[1], rows[2], rows[3] = T(math.NaN()), 0.5, 0.51
	if back := FromRows(rows[:Dims]); !reflect.DeepEqual(back, Roll{{21, 24, 60, 108}}) {
		t.Errorf("probabilities: got %v", back)
	}
	Rows([]T{}, nil)
	if got := FromRows([]T{}); len(got) != 0 {
		t.Errorf("no rows give %v", got)
	}
}

func TestRows(t *testing.T) {
	t.Run("float32", testRows[float32])
	t.Run("float64", testRows[float64])
	wantPanic(t, "music: Rows: len(dst) = 87, want len(r)*88 = 88", func() { Rows(make([]float32, 87), Roll{{60}}) })
	wantPanic(t, "music: FromRows: len(rows) = 89", func() { FromRows(make([]float32, 89)) })
}

func wantPanic(t *testing.T, want string, f func()) {
	t.Helper()
	defer func() {
		if got, _ := recover().(string); !strings.Contains(got, want) {
			t.Errorf("panic %q, want %q", got, want)
		}
	}()
	f()
}

func TestNoteName(t *testing.T) {
	for n, want := range map[uint8]string{0: "C-1", 21: "A0", 60: "C4", 61: "C#4", 69: "A4", 108: "C8", 127: "G9"} {
		if got := NoteName(n); got != want {
			t.Errorf("note %d is %s, want %s", n, got, want)
		}
	}
}
