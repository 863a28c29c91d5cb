package engine

import (
	"fmt"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// play plays a script against an aligner of n inputs: "b0:5" is barrier 5 of input 0, "e1" the end of input 1, "a5" an abort.
func play(t *testing.T, inputs int, atLeastOnce bool, script string) string {
	t.Helper()
	a := newAligner(inputs, atLeastOnce)
	var out []string
	for _, step := range strings.Fields(script) {
		var input int
		var id int64
		var v verdict
		switch step[0] {
		case 'b':
			if _, err := fmt.Sscanf(step, "b%d:%d", &input, &id); err != nil {
				t.Fatal(err)
			}
			v = a.barrier(input, id)
		case 'e':
			if _, err := fmt.Sscanf(step, "e%d", &input); err != nil {
				t.Fatal(err)
			}
			v = a.end(input)
		case 'a':
			if _, err := fmt.Sscanf(step, "a%d", &id); err != nil {
				t.Fatal(err)
			}
			v = a.abort(id)
		}
		out = append(out, v.text())
	}
	return strings.Join(out, " ")
}

func (v verdict) text() string {
	s := ""
	if v.begun != 0 {
		s += fmt.Sprintf("begin%d", v.begun)
	}
	if v.release {
		s += "release"
	}
	if v.block {
		s += "block"
	}
	if v.complete != 0 {
		s += fmt.Sprintf("take%d", v.complete)
	}
	if s == "" {
		return "-"
	}
	return s
}

func TestAligner(t *testing.T) {
	for _, c := range []struct {
		name        string
		inputs      int
		atLeastOnce bool
		script      string
		want        string
	}{
		{"one input", 1, false, "b0:1 b0:2", "begin1releasetake1 begin2releasetake2"},
		{"two inputs", 2, false, "b0:1 b1:1", "begin1block releasetake1"},
		{"three inputs", 3, false, "b2:7 b0:7 b1:7", "begin7block block releasetake7"},
		{"a newer barrier gives up the older", 2, false, "b0:1 b1:2 b0:2", "begin1block begin2releaseblock releasetake2"},
		{"a straggler is ignored", 2, false, "b0:1 b1:1 b1:1", "begin1block releasetake1 -"},
		{"an older barrier while a newer is aligned", 2, false, "b0:5 b1:4 b1:5", "begin5block - releasetake5"},
		{"abort while aligning", 2, false, "b0:1 a1 b1:1 b0:2 b1:2", "begin1block release - begin2block releasetake2"},
		{"abort before the first barrier", 2, false, "a1 b0:1 b1:1", "- - -"},
		{"abort of one that is done", 2, false, "b0:1 b1:1 a1", "begin1block releasetake1 -"},
		{"abort of an older one", 2, false, "a3 b0:4 a3 b1:3 b1:4", "- begin4block - - releasetake4"},
		{"an input ends while the other waits", 2, false, "b0:1 e1", "begin1block releasetake1"},
		{"an ended input is not waited for", 2, false, "e1 b0:1 b1:1", "- begin1releasetake1 -"},
		{"all ended", 2, false, "e0 e1 b0:1 b1:1", "- - begin1releasetake1 -"},
		{"at least once holds nothing back", 2, true, "b0:1 b1:1", "begin1 releasetake1"},
		{"at least once counts several", 2, true, "b0:1 b0:2 b1:1 b1:2", "begin1 begin2 releasetake1 releasetake2"},
		{"at least once: a later one stands for the earlier", 2, true, "b0:1 b0:2 b1:2 b1:1", "begin1 begin2 releasetake2 -"},
		{"at least once: abort of one of two", 2, true, "b0:1 b0:2 a1 b1:1 b1:2", "begin1 begin2 release - releasetake2"},
	} {
		if got := play(t, c.inputs, c.atLeastOnce, c.script); got != c.want {
			t.Errorf("%s: %s\n got %s\nwant %s", c.name, c.script, got, c.want)
		}
	}
}

// In whatever order barriers come by each input, an aligned checkpoint has exactly the barriers of all inputs before it, and
// nothing is held back at the end.
func TestAlignerAnyOrder(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		inputs := rapid.IntRange(1, 5).Draw(t, "inputs")
		n := rapid.Int64Range(1, 8).Draw(t, "checkpoints")
		ends := make([]int64, inputs) // after which barrier an input ends; n for never
		for i := range ends {
			ends[i] = rapid.Int64Range(0, n).Draw(t, "end")
		}
		ends[0] = n
		a := newAligner(inputs, false)
		sent, held := make([]int64, inputs), make([]bool, inputs)
		ended, taken := make([]bool, inputs), int64(0)
		apply := func(v verdict, i int) {
			if v.release {
				clear(held)
			}
			if v.block {
				held[i] = true
			}
			if v.complete != 0 {
				if v.complete != taken+1 {
					t.Fatalf("checkpoint %d after %d", v.complete, taken)
				}
				taken = v.complete
				for k := range sent {
					if sent[k] != taken && !(ended[k] && sent[k] < taken) {
						t.Fatalf("checkpoint %d while input %d is at %d", taken, k, sent[k])
					}
				}
			}
		}
		for {
			var open []int
			for i := range sent {
				if !held[i] && !ended[i] {
					open = append(open, i)
				}
			}
			if len(open) == 0 || taken == n {
				break
			}
			i := rapid.SampledFrom(open).Draw(t, "input")
			if sent[i] == ends[i] {
				ended[i] = true
				apply(a.end(i), i)
				continue
			}
			sent[i]++
			apply(a.barrier(i, sent[i]), i)
		}
		if taken != n {
			t.Fatalf("%d of %d taken", taken, n)
		}
		for i := range held {
			if held[i] {
				t.Fatalf("input %d is held back for ever", i)
			}
		}
	})
}
