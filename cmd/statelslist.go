package cmd

import (
	"slices"
	"strings"

	"github.com/ckpt-tool/ckpt/backends"
	"github.com/ckpt-tool/ckpt/backends/census"
	"github.com/ckpt-tool/ckpt/backends/snapshot"
	"github.com/ckpt-tool/ckpt/backends/types"
	"github.com/ckpt-tool/ckpt/metadata"
)

// stateList is what `ckpt state ls` tells. Its fields are those of the JSON.
type stateList struct {
	Schema string     `json:"schema"`
	Path   string     `json:"path"`
	States []stateRow `json:"states"`

	opened *openedState
	rows   map[census.Name]int
}

// stateRow is one state of all sub-tasks.
type stateRow struct {
	stateName
	Key       *typeJSON `json:"key"`
	Namespace *typeJSON `json:"namespace"`
	MapKey    *typeJSON `json:"mapKey"`
	Value     *typeJSON `json:"value"`
	TTL       bool      `json:"ttl"`
	V2        bool      `json:"v2"` // Flink's State V2
	Subtasks  int       `json:"subtasks"`
	Entries   *int64    `json:"entries"` // null where it is not known
	Bytes     *int64    `json:"bytes"`
	Reason    *string   `json:"reason"` // of what is unreadable
}

// typeJSON is a type, with what other sub-tasks have.
type typeJSON struct {
	Type       string   `json:"type"`
	Serializer string   `json:"serializer"` // class of its snapshot
	Differs    []string `json:"differs"`    // other types that sub-tasks have
}

// The kinds of rows that are no states.
const (
	kindCoordinator = "coordinator"
	kindRaw         = "raw"
	kindUnreadable  = "unreadable"
)

func newStateList(s *openedState) *stateList {
	return &stateList{Schema: "ckpt.state.ls/v1", Path: s.target.URL(), States: []stateRow{}, opened: s, rows: map[census.Name]int{}}
}

// add takes a state as a sub-task has it.
func (l *stateList) add(h *snapshot.Handle, st *backends.State) {
	name := census.Name{Operator: st.Operator, Name: st.Name, Kind: st.Kind}
	i, known := l.rows[name]
	if !known {
		i = len(l.States)
		l.rows[name] = i
		l.States = append(l.States, stateRow{stateName: l.opened.nameOf(st)})
	}
	r := &l.States[i]
	r.Subtasks++
	r.TTL, r.V2 = r.TTL || st.TTL, r.V2 || st.V2
	r.Key, r.Namespace = mergeType(r.Key, st.Key), mergeType(r.Namespace, st.Namespace)
	r.MapKey, r.Value = mergeType(r.MapKey, st.MapKey), mergeType(r.Value, st.Value)
	l.addKnown(r, h, st)
}

// addKnown adds what the handle itself tells of a state: how many elements a list has.
func (l *stateList) addKnown(r *stateRow, h *snapshot.Handle, st *backends.State) {
	switch {
	case st.Kind == backends.Channel:
		n := handleSize(h)
		r.Bytes = sum(r.Bytes, n)
	case h.Slot == metadata.ManagedOperator && st.Kind != backends.Broadcast:
		n := int64(0)
		for _, meta := range h.Subtask.ManagedOperator.States {
			if meta.Name.String() == st.Name {
				n = int64(len(meta.Offsets))
			}
		}
		r.Entries = sum(r.Entries, n)
	}
}

func sum(p *int64, n int64) *int64 {
	if p != nil {
		n += *p
	}
	return &n
}

// mergeType adds the type of another sub-task.
func mergeType(have *typeJSON, t backends.Type) *typeJSON {
	if t == nil || types.IsVoid(t) {
		return have
	}
	text := t.String()
	switch {
	case have == nil:
		return &typeJSON{Type: text, Serializer: t.Class(), Differs: []string{}}
	case have.Type != text && !slices.Contains(have.Differs, text):
		have.Differs = append(have.Differs, text)
	}
	return have
}

// unreadable adds a handle whose header cannot be read.
func (l *stateList) unreadable(h *snapshot.Handle, err error) {
	r := l.operatorRow(h.Operator, kindUnreadable)
	n, reason := handleSize(h), err.Error()
	r.State = h.Slot.String()
	for i := range l.States {
		have := &l.States[i]
		if have.Kind == kindUnreadable && have.Operator == r.Operator && have.State == r.State {
			have.Subtasks++
			have.Bytes = sum(have.Bytes, n)
			return
		}
	}
	r.Subtasks, r.Bytes, r.Reason = 1, &n, &reason
	l.States = append(l.States, r)
}

func (l *stateList) operatorRow(o *metadata.OperatorState, kind string) stateRow {
	return stateRow{stateName: stateName{
		Operator: o.ID.String(), UID: orNull(l.opened.uid(o)), Name: orNull(o.Name.String()), Kind: kind, label: l.opened.Name(o.ID),
	}}
}

// addOpaque adds what there is besides states: bytes whose meaning only the job knows.
func (l *stateList) addOpaque() {
	for _, o := range l.opened.operators {
		if o.Coordinator != nil {
			r := l.operatorRow(o, kindCoordinator)
			r.Bytes = sum(nil, o.Coordinator.StateSize())
			l.States = append(l.States, r)
		}
		for _, raw := range rawStates(o) {
			r := l.operatorRow(o, kindRaw)
			r.State, r.Subtasks, r.Bytes = raw.name, raw.subtasks, raw.bytes
			l.States = append(l.States, r)
		}
	}
	l.group()
}

// rawState is raw operator state of one name.
type rawState struct {
	name     string
	subtasks int
	bytes    *int64 // nil where a handle holds others as well
}

func rawStates(o *metadata.OperatorState) (all []rawState) {
	for i := range o.Subtasks {
		h := o.Subtasks[i].RawOperator
		if h == nil {
			continue
		}
		for _, st := range h.States {
			name := st.Name.String()
			at := slices.IndexFunc(all, func(r rawState) bool { return r.name == name })
			if at < 0 {
				at = len(all)
				all = append(all, rawState{name: name})
			}
			all[at].subtasks++
			if len(h.States) == 1 {
				all[at].bytes = sum(all[at].bytes, h.StateSize())
			}
		}
	}
	return all
}

// group brings the rows of each operator together, in the order of the file.
func (l *stateList) group() {
	order := map[string]int{}
	for i, o := range l.opened.operators {
		order[o.ID.String()] = i
	}
	slices.SortStableFunc(l.States, func(a, b stateRow) int { return order[a.Operator] - order[b.Operator] })
}

// counted puts in what was counted.
func (l *stateList) counted(c *stateCount) {
	for _, st := range c.States() {
		for i := range l.States {
			r := &l.States[i]
			shown, _ := snapshot.StateName(&backends.State{Name: st.Name.Name, Kind: st.Kind})
			if r.Operator == st.Operator.String() && r.Kind == st.Kind.String() && r.State == shown && (r.Service == nil || *r.Service == st.Name.Name) {
				if c.uncounted(st) {
					r.Entries, r.Bytes = nil, nil
					continue
				}
				total := st.Total()
				r.Entries, r.Bytes = &total.Entries, &total.Bytes
			}
		}
	}
}

// print writes the list in the form that was asked for.
func (l *stateList) print(env *Env) error {
	if env.Output == JSON {
		return env.writeJSON(l)
	}
	columns := []column{{title: "OPERATOR", shrink: true}, {title: "STATE", shrink: true}, {title: "KIND"}, {title: "KEY", first: true, may: true},
		{title: "NAMESPACE", first: true, may: true, spare: true}, {title: "MAP KEY", first: true, may: true, spare: true}, {title: "VALUE", first: true, may: true},
		{title: "TTL", may: true, spare: true}, {title: "SUBTASKS", right: true, spare: true}, {title: "ENTRIES", right: true, may: true}, {title: "BYTES", right: true, may: true}}
	classes := env.Output == TSV || env.Verbose
	if classes {
		for _, title := range []string{"KEY CLASS", "NAMESPACE CLASS", "MAP KEY CLASS", "VALUE CLASS"} {
			columns = append(columns, column{title: title, first: true, may: true})
		}
	}
	t := env.newTable(columns...)
	for i := range l.States {
		r := &l.States[i]
		cells := []cell{text(r.label), text(r.State), kindCell(r.Kind), typeCell(r.Key), typeCell(r.Namespace), typeCell(r.MapKey), typeCell(r.Value),
			text(yes(r.TTL)), number(int64(r.Subtasks)), count(r.Entries), env.optionalSize(r.Bytes)}
		if classes {
			cells = append(cells, classCell(r.Key), classCell(r.Namespace), classCell(r.MapKey), classCell(r.Value))
		}
		if env.Output == TSV {
			cells = append(cells, text(r.Operator), optional(r.Reason))
		}
		if err := t.row(cells...); err != nil {
			return err
		}
	}
	return t.close()
}

func yes(b bool) string {
	if b {
		return "yes"
	}
	return ""
}

func kindCell(kind string) cell {
	c := text(kind)
	if kind == kindUnreadable {
		return c.in(red)
	}
	return c
}

// typeCell is a type, and those of other sub-tasks behind it.
func typeCell(t *typeJSON) cell {
	if t == nil {
		return text("")
	}
	if len(t.Differs) > 0 {
		return text(t.Type + " | " + strings.Join(t.Differs, " | ")).in(yellow)
	}
	return text(t.Type)
}

func classCell(t *typeJSON) cell {
	if t == nil {
		return text("")
	}
	return text(t.Serializer)
}

func count(n *int64) cell {
	if n == nil {
		return text("")
	}
	return number(*n)
}

func (e *Env) optionalSize(n *int64) cell {
	if n == nil {
		return text("")
	}
	return e.size(*n)
}
