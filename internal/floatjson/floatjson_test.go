package floatjson

import (
	"encoding/json"
	"math"
	"reflect"
	"strings"
	"testing"
)

type channel struct {
	Min, Max float64
	hidden   int
}

type epoch struct {
	Epoch    int                `json:"epoch"`
	Loss     float64            `json:"loss"`
	Small    float32            `json:"small,omitempty"`
	Best     *float64           `json:"best,omitempty"`
	Channels map[string]channel `json:"channels"`
	Parts    []float64          `json:"parts"`
	Name     string             `json:"name,omitempty"`
	Raw      []byte             `json:"raw,omitempty"`
	Skipped  int                `json:"-"`
	Any      any                `json:"any"`
	Fixed    [2]int             `json:"fixed"`
	Text     json.RawMessage    `json:"text,omitempty"`
	Other    channel            `json:"other,omitzero"`
}

func sample() epoch {
	best := 1e-9
	return epoch{Epoch: 3, Loss: 1e21, Small: 0.1, Best: &best, Channels: map[string]channel{"b.c": {1, 2, 0}, "a<": {-0.5, 0, 1}},
		Parts: []float64{1, 2.5}, Name: "é\"\n<", Raw: []byte("x"), Any: []any{1, "s", nil}, Text: json.RawMessage(`{"a":1}`), Other: channel{Max: 1}}
}

// Without numbers that are not finite, the bytes are those of encoding/json.
func TestSameBytes(t *testing.T) {
	for _, v := range []any{sample(), epoch{}, []epoch{sample(), {}}, map[string]epoch{"z": {}, "a": sample()}, nil, 3, "x", []int(nil), map[string]int(nil)} {
		want, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := Marshal(v); err != nil || string(got) != string(want) {
			t.Errorf("got  %s, %v\nwant %s", got, err, want)
		}
		want, _ = json.MarshalIndent(v, "", "  ")
		if got, err := MarshalIndent(v); err != nil || string(got) != string(want) {
			t.Errorf("got  %s, %v\nwant %s", got, err, want)
		}
	}
}

func TestNotFinite(t *testing.T) {
	inf := math.Inf(-1)
	e := sample()
	e.Loss, e.Best, e.Small = math.Inf(1), &inf, float32(math.NaN())
	e.Channels["b.c"] = channel{Min: math.NaN(), Max: 4}
	e.Parts[1] = math.NaN()
	text, err := Marshal(e)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{`"loss":null`, `"notes":[`, `"loss is +Inf"`, `"best is -Inf"`, `"small is NaN"`, `"channels.b\\.c.Min is NaN"`, `"parts.1 is NaN"`} {
		if !strings.Contains(string(text), want) {
			t.Errorf("no %s in %s", want, text)
		}
	}
	var back epoch
	if err := Unmarshal(text, &back); err != nil {
		t.Fatal(err)
	}
	if !math.IsInf(back.Loss, 1) || back.Best == nil || !math.IsInf(*back.Best, -1) || back.Small == back.Small ||
		!math.IsNaN(back.Channels["b.c"].Min) || back.Channels["b.c"].Max != 4 || back.Parts[0] != 1 || !math.IsNaN(back.Parts[1]) {
		t.Errorf("read back: %+v", back)
	}
	again, err := Marshal(back)
	if err != nil || !strings.Contains(string(again), `"loss is +Inf"`) {
		t.Errorf("written again: %s, %v", again, err)
	}

	// Of a list, every element has its own notes.
	text, err = Marshal([]epoch{{}, e})
	if err != nil {
		t.Fatal(err)
	}
	var list []map[string]any
	if err := json.Unmarshal(text, &list); err != nil || list[0]["notes"] != nil || len(list[1]["notes"].([]any)) != 5 {
		t.Errorf("%v: %s", err, text)
	}
}

func TestRefused(t *testing.T) {
	type embedded struct{ channel }
	type taken struct {
		Notes []string `json:"notes"`
	}
	type str struct {
		N int `json:"n,string"`
	}
	for _, v := range []any{embedded{}, taken{}, str{}, map[int]int{1: 2}, math.NaN(), []float64{math.Inf(1)}, make(chan int)} {
		if text, err := Marshal(v); err == nil {
			t.Errorf("%T: %s, want an error", v, text)
		}
	}
}

// Notes from outside set numbers, and nothing else.
func TestHostileNotes(t *testing.T) {
	for note, ok := range map[string]bool{
		"loss is +Inf": true, "parts.0 is NaN": true, "a remark": true, "it is good": true, "epoch is 7": true,
		"epoch is NaN": false, "parts.9 is NaN": false, "parts.-1 is NaN": false, "nowhere is NaN": true, "loss.x is NaN": false,
		"channels.x.Min is NaN": false, "any.0 is NaN": false, "channels.a.hidden is NaN": false, " is NaN": true, "name is NaN": false,
		"fixed.0 is NaN": false,
	} {
		text, _ := json.Marshal(map[string]any{"parts": []float64{1}, "any": []any{2}, "channels": map[string]any{"a": map[string]any{}}, "notes": []string{note}})
		var e epoch
		if err := Unmarshal(text, &e); (err == nil) != ok {
			t.Errorf("%q: %v", note, err)
		}
	}
	var e epoch
	for _, text := range []string{`{"notes": 3}`, `{"notes": [1]}`, `{"notes": {"a": "loss is NaN"}}`} {
		if err := Unmarshal([]byte(text), &e); err != nil || !reflect.DeepEqual(e, epoch{}) {
			t.Errorf("%s: %v, %+v", text, err, e)
		}
	}
	if err := Unmarshal([]byte(`{"loss": "x"}`), &e); err == nil {
		t.Error("a wrong type was read")
	}
}
