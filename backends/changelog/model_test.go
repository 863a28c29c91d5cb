package changelog

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/ckpt-tool/ckpt/backends"
)

// model is state as a job has it, and the log that it writes.
type model struct {
	values, sums map[string]int // by key and namespace; a sum that nobody knows is below zero
	lists        map[string][]int
	tables       map[string]map[string]int
	timers       map[string]bool
	log          map[int][][]byte
}

func newModel() *model {
	return &model{
		values: map[string]int{}, sums: map[string]int{}, lists: map[string][]int{},
		tables: map[string]map[string]int{}, timers: map[string]bool{}, log: map[int][][]byte{},
	}
}

// keys are few, so that changes meet. The key group follows from the key.
var modelKeys = []string{"a", "b", "c"}

func groupOf(key string) int { return int(key[0]-'a') * 7 }

// step changes something at random.
func (m *model) step(r *rand.Rand) {
	key, ns := modelKeys[r.IntN(3)], string("mnop"[r.IntN(4)])
	name, n := key+"/"+ns, r.IntN(1000)
	log := func(change []byte) { m.log[groupOf(key)] = append(m.log[groupOf(key)], change) }
	switch r.IntN(16) {
	case 0, 1:
		m.values[name] = n
		log(on(opSet, valueState, key, ns, u64(n)))
	case 2:
		delete(m.values, name)
		log(on(opClear, valueState, key, ns))
	case 3, 4:
		m.lists[name] = append(m.lists[name], n)
		log(on(opAddElement, listState, key, ns, u64(n)))
	case 5:
		m.lists[name] = append(m.lists[name], n, n+1)
		log(on(opAdd, listState, key, ns, list(n, n+1)))
	case 6:
		m.lists[name] = []int{n}
		log(on(opSet, listState, key, ns, list(n)))
	case 7:
		delete(m.lists, name)
		log(on(opClear, listState, key, ns))
	case 8, 9:
		log(m.merge(key, ns, r))
	case 10:
		if m.tables[name] == nil {
			m.tables[name] = map[string]int{}
		}
		m.tables[name][string("xyz"[n%3])] = n
		log(on(opAddOrUpdate, mapState, key, ns, str(string("xyz"[n%3])), u64(n)))
	case 11:
		delete(m.tables[name], string("xyz"[n%3]))
		log(on(opRemoveElement, mapState, key, ns, str(string("xyz"[n%3]))))
	case 12:
		m.sums[name] = n
		log(on(opSetInternal, sumState, key, ns, u64(n)))
	case 13:
		if n%4 == 0 {
			delete(m.tables, name)
			log(on(opClear, mapState, key, ns))
			break
		}
		delete(m.sums, name)
		log(on(opClear, sumState, key, ns))
	case 14:
		m.timers[fmt.Sprintf("%s at %d", name, n%10)] = true
		log(timers(opAddElement, u32(1), timerAt(n%10, key, ns)))
	case 15:
		delete(m.timers, fmt.Sprintf("%s at %d", name, n%10))
		log(timers(opRemoveElement, timerAt(n%10, key, ns)))
	}
}

// merge merges two other namespaces into ns, of lists or sums.
func (m *model) merge(key, ns string, r *rand.Rand) []byte {
	sources := slices.DeleteFunc([]string{"m", "n", "o", "p"}, func(s string) bool { return s == ns })
	r.Shuffle(len(sources), func(i, j int) { sources[i], sources[j] = sources[j], sources[i] })
	state := listState
	if r.IntN(2) == 0 {
		state = sumState
	}
	for _, s := range sources[:2] {
		from, to := key+"/"+s, key+"/"+ns
		if state == listState {
			m.lists[to] = append(m.lists[to], m.lists[from]...)
			delete(m.lists, from)
			continue
		}
		n, ok := m.sums[from]
		if _, both := m.sums[to]; both && ok {
			n = -1
		}
		if ok {
			m.sums[to] = n
		}
		delete(m.sums, from)
	}
	return on(opMerge, state, key, ns, str(ns), u32(2), str(sources[0]), str(sources[1]))
}

// entries are those of the model, as something materialized has them: states of a key group one after the other.
func (m *model) entries(tb testing.TB, joined bool) *given {
	g := &given{}
	for i := range names {
		g.states = append(g.states, stateOf(tb, i))
	}
	for _, key := range modelKeys {
		add := func(state int, name string, e backends.Entry) {
			if name[:1] != key {
				return
			}
			e.State, e.KeyGroup, e.Key, e.Namespace = g.states[state], int32(groupOf(key)), str(key), str(name[2:3])
			g.entries = append(g.entries, e)
		}
		for name, n := range m.values {
			add(valueState, name, backends.Entry{Value: u64(n)})
		}
		for name, numbers := range m.lists {
			if len(numbers) == 0 {
				continue
			}
			e := backends.Entry{Value: list(numbers...)}
			if joined {
				e.Joined, e.Value = true, u64(numbers[0])
				for _, n := range numbers[1:] {
					e.Value = join(e.Value, []byte{','}, u64(n))
				}
			}
			add(listState, name, e)
		}
		for name, rows := range m.tables {
			for k, n := range rows {
				add(mapState, name, backends.Entry{MapKey: str(k), Value: u64(n)})
			}
		}
		for name, n := range m.sums {
			add(sumState, name, backends.Entry{Value: u64(n)})
		}
		for name := range m.timers {
			add(timerState, name, backends.Entry{Time: int64(name[len(name)-1] - '0')})
		}
	}
	return g
}

// lines are the entries of the model as read gives them, and errors for sums that nobody knows.
func (m *model) lines(tb testing.TB) []string {
	tb.Helper()
	var lines []string
	for _, e := range m.entries(tb, false).entries {
		line := text(&e)
		if e.State.Name == names[sumState] && e.Value[0] == 0xff {
			line = fmt.Sprintf("error: of %d", e.KeyGroup)
		}
		lines = append(lines, line)
	}
	slices.Sort(lines)
	return lines
}

// TestModel: what was materialized at any time, and the log since, are the state that the job has.
func TestModel(t *testing.T) {
	rounds := 300
	if testing.Short() {
		rounds = 60
	}
	for seed := range rounds {
		r := rand.New(rand.NewPCG(uint64(seed), 6))
		m := newModel()
		for range r.IntN(40) {
			m.step(r)
		}
		maps.DeleteFunc(m.sums, func(_ string, n int) bool { return n < 0 })
		under := m.entries(t, seed%2 == 0)
		m.log = map[int][][]byte{}
		sets := [][]grouped{logOf()[0]}
		for range 1 + r.IntN(4) {
			for range r.IntN(30) {
				m.step(r)
			}
			var groups []grouped
			for kg, changes := range m.log { // in any order, as Flink does it
				groups = append(groups, grouped{kg, changes})
			}
			m.log = map[int][][]byte{}
			sets = append(sets, groups)
		}
		want := m.lines(t)
		for form, build := range forms {
			h, files := build(sets)
			got := read(t, h, files, []backends.Reader{under}, &backends.Options{Memory: []int64{0, 1 << 15}[seed%2]}, backends.Everything(all))
			for i := range got {
				got[i] = strings.Replace(got[i], "= joined ", "= ", 1)
				if strings.HasPrefix(got[i], "error: ") && strings.Contains(got[i], "only the function of the job") {
					got[i] = "error: of " + strings.TrimSuffix(got[i][strings.LastIndex(got[i], " ")+1:], ")")
				}
			}
			slices.Sort(got)
			if !slices.Equal(got, want) {
				t.Fatalf("seed %d, %s: got\n%s\nnot\n%s", seed, form, strings.Join(got, "\n"), strings.Join(want, "\n"))
			}
		}
	}
}
