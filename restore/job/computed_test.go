package job

import (
	"context"
	"errors"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/ckpt-tool/ckpt/restore/engine"
	"github.com/google/go-cmp/cmp"
)

type wallClock struct{}

func (wallClock) Now() time.Time { return time.Now() }

func (wallClock) AfterFunc(d time.Duration, f func()) (stop func() bool) {
	return time.AfterFunc(d, f).Stop
}

// read gives all records of a source, and its positions of each batch.
func read(t *testing.T, s engine.Source) (all [][]any, err error) {
	t.Helper()
	splits, err := s.Discover(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	for _, split := range splits {
		r, err := s.Open(context.Background(), split, nil, engine.SourceContext{Parallelism: 1, Clock: wallClock{}})
		if err != nil {
			t.Fatal(err)
		}
		for {
			b := engine.NewBatch(s.Schema(), 2)
			err := r.Read(b, 2)
			for i := range b.N {
				var row []any
				for c := range b.Vectors {
					row = append(row, b.Value(c, i))
				}
				all = append(all, row)
			}
			if errors.Is(err, io.EOF) {
				break
			} else if err != nil {
				return all, errors.Join(err, r.Close())
			}
		}
		if err := r.Close(); err != nil {
			t.Fatal(err)
		}
	}
	return all, nil
}

const computing = `name: computing
sources:
  - {uid: numbers, type: sequence, from: 5, to: 9, splits: 1, compute: {twice: n * 2, text: '"<" + string(twice) + ">"', part: '100 / (n - ${bad})'}}
sinks:
  - {uid: out, type: discard, input: numbers}
parameters: {bad: 0}
`

func TestComputed(t *testing.T) {
	j, _ := build(t, load(t, computing, nil))
	got, err := read(t, j.Nodes[0].Source)
	want := [][]any{{int64(5), int64(10), "<10>", int64(20)}, {int64(6), int64(12), "<12>", int64(16)}, {int64(7), int64(14), "<14>", int64(14)},
		{int64(8), int64(16), "<16>", int64(12)}, {int64(9), int64(18), "<18>", int64(11)}}
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Errorf("%v%s", err, diff)
	}
	j, _ = build(t, load(t, computing, map[string]string{"bad": "7"}))
	if got, err := read(t, j.Nodes[0].Source); err == nil || len(got) > 2 {
		t.Errorf("%v, %v", got, err)
	}
}

// A generator of each kind gives the columns that it is asked for.
func TestDatagen(t *testing.T) {
	const text = `name: people
sources:
  - uid: people
    type: datagen
    records: 200
    seed: 7
    columns:
      id: {counter: {from: 100, step: -2}}
      time: {counter: {from: 0, step: 1000, cycle: 3, type: TIMESTAMP}}
      age: {bigint: {min: 18, max: 19}}
      size: {double: {min: 1, max: 2}}
      member: {boolean: {true: 1}}
      code: {string: {length: 5}}
      colour: {choice: {values: [red, 1]}, nulls: 0.5}
      taste: {choice: {values: {sweet: 1, sour: 0}}}
      user: {key: {prefix: user-, digits: 4, count: 10}}
sinks:
  - {uid: out, type: discard, input: people}
`
	j, _ := build(t, load(t, text, nil))
	all, err := read(t, j.Nodes[0].Source)
	if err != nil || len(all) != 200 {
		t.Fatal(len(all), err)
	}
	nulls := 0
	for _, row := range all {
		age, colour := row[2].(int64), row[6]
		if colour == nil {
			nulls++
		}
		if row[1].(int64)%1000 != 0 || row[1].(int64) > 2000 || age < 18 || age > 19 || row[3].(float64) < 1 || row[3].(float64) >= 2 || row[4] != true || len(row[5].(string)) != 5 ||
			colour != nil && colour != "red" && colour != "1" || row[7] != "sweet" || len(row[8].(string)) != 9 {
			t.Fatal(row)
		}
	}
	if nulls < 50 || nulls > 150 {
		t.Errorf("%d nulls of 200", nulls)
	}
}

func TestDatagenMistakes(t *testing.T) {
	for generator, want := range map[string]string{
		"{counter: {step: 0}}":                     "step: want another than 0",
		"{counter: {typ: BIGINT}}":                 "no such key: typ (did you mean type?)",
		"{counter: {}, bigint: {max: 1}}":          "x: want one of counter, bigint, double, boolean, string, choice, key",
		"{}":                                       "x: want one of counter",
		"5":                                        "want a map of keys and values, not \"5\"",
		"{bigint: {min: 1}}":                       "max is missing",
		"{bigint: {min: 1, max: 0}}":               "numbers from 1 to 0",
		"{choice: {values: []}}":                   "want a list of texts, or a map of texts and weights",
		"{choice: {values: {a: -1}}}":              "want a weight, 0 or more",
		"{choice: {values: [[a]]}}":                "want a text, not a list",
		"{boolean: {true: 2}}":                     "a likelihood of 2",
		"{string: {length: 1}, nulls: 2}":          "a share of nulls of 2",
		"{key: {count: 0}}":                        "0 keys",
		"{double: {max: many}}":                    `want a number, not "many"`,
		"{string: {length: 99999999999999999999}}": "want a whole number",
	} {
		text := "name: n\nsources:\n  - {uid: s, type: datagen, columns: {x: " + generator + "}}\nsinks:\n  - {uid: o, type: discard, input: s}\n"
		all := mistakesOf(text, nil)
		if !strings.Contains(strings.Join(all, "\n"), want) {
			t.Errorf("%s: have %q, want %q", generator, all, want)
		}
	}
}
