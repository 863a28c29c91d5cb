package cmd

import (
	"encoding/json"
	"math"
	"slices"

	"github.com/ckpt-tool/ckpt/backends"
	"github.com/ckpt-tool/ckpt/backends/census"
	"github.com/ckpt-tool/ckpt/backends/keygroups"
	"github.com/ckpt-tool/ckpt/backends/snapshot"
	"github.com/ckpt-tool/ckpt/metadata"
)

// statsReport is what `ckpt state stats` tells. Its fields are those of the JSON.
type statsReport struct {
	Schema  string       `json:"schema"`
	Path    string       `json:"path"`
	States  []stateStats `json:"states"`
	TopKeys []keyStats   `json:"topKeys"`
	// Exact is whether the sums of TopKeys are.
	Exact bool `json:"topKeysExact"`
}

// stateName says which state is meant.
type stateName struct {
	Operator string  `json:"operator"` // id
	UID      *string `json:"uid"`
	Name     *string `json:"name"` // of the operator
	State    string  `json:"state"`
	Service  *string `json:"service"` // the full name of a state of timers
	Kind     string  `json:"kind"`

	label string // of the operator
}

type stateStats struct {
	stateName
	Entries   *int64         `json:"entries"`   // null where they could not be counted
	Bytes     *statsBytes    `json:"bytes"`     // likewise
	ValueSize *statsSizes    `json:"valueSize"` // null where there are no entries
	Skew      statsSkew      `json:"skew"`
	Subtasks  []subtaskLoad  `json:"subtasks"`
	KeyGroups []keyGroupLoad `json:"keyGroups"` // those with entries
	groups    []census.Load  // all
	subtasks  []census.Load  // all
}

type statsBytes struct {
	Total     int64 `json:"total"`
	Key       int64 `json:"key"`
	Namespace int64 `json:"namespace"`
	MapKey    int64 `json:"mapKey"`
	Value     int64 `json:"value"`
}

type statsSizes struct {
	Min int64   `json:"min"`
	Avg float64 `json:"avg"`
	P99 int64   `json:"p99"`
	Max int64   `json:"max"`
}

// statsSkew is how many times the average the fullest has; null where there is nothing.
type statsSkew struct {
	Subtasks  *float64 `json:"subtasks"`  // null of broadcast state as well
	KeyGroups *float64 `json:"keyGroups"` // null of operator state as well
}

type subtaskLoad struct {
	Subtask int32 `json:"subtask"`
	Entries int64 `json:"entries"`
	Bytes   int64 `json:"bytes"`
}

type keyGroupLoad struct {
	KeyGroup int   `json:"keyGroup"`
	Entries  int64 `json:"entries"`
	Bytes    int64 `json:"bytes"`
}

type keyStats struct {
	stateName
	KeyGroup int32           `json:"keyGroup"`
	Key      json.RawMessage `json:"key"`
	Entries  int64           `json:"entries"`
	Bytes    int64           `json:"bytes"`
}

// operatorOf is the operator of an id; there is one.
func (s *openedState) operatorOf(id metadata.OperatorID) *metadata.OperatorState {
	i := slices.IndexFunc(s.operators, func(o *metadata.OperatorState) bool { return o.ID == id })
	return s.operators[i]
}

// nameOf names a state for the JSON.
func (s *openedState) nameOf(st *backends.State) stateName {
	o := s.operatorOf(st.Operator)
	shown, service := snapshot.StateName(st)
	return stateName{
		Operator: st.Operator.String(), UID: orNull(s.uid(o)), Name: orNull(o.Name.String()),
		State: shown, Service: orNull(service), Kind: st.Kind.String(), label: s.Name(st.Operator),
	}
}

func (n *stateCount) report() *statsReport {
	r := &statsReport{Schema: "ckpt.state.stats/v1", Path: n.target.URL(), States: []stateStats{}, TopKeys: []keyStats{}, Exact: !n.Capped()}
	for _, st := range n.States() {
		r.States = append(r.States, n.statsOf(st))
	}
	for _, k := range n.Keys() {
		r.TopKeys = append(r.TopKeys, keyStats{n.nameOf(k.State), k.KeyGroup, json.RawMessage(shownKey(k.State, k.Key)), k.Entries, k.Bytes})
	}
	return r
}

func (n *stateCount) statsOf(st *census.State) stateStats {
	out := stateStats{
		stateName: n.nameOf(&backends.State{Operator: st.Operator, Name: st.Name.Name, Kind: st.Kind}),
		Subtasks:  []subtaskLoad{}, KeyGroups: []keyGroupLoad{},
	}
	if n.uncounted(st) {
		return out
	}
	total := st.Total()
	out.Entries, out.Bytes = &total.Entries, &statsBytes{total.Bytes, st.Keys, st.Namespaces, st.MapKeys, st.Values.Sum}
	if v := &st.Values; v.Count > 0 {
		out.ValueSize = &statsSizes{v.Min, round(v.Mean(), 1), v.Quantile(0.99), v.Max}
	}
	o := n.operatorOf(st.Operator)
	for i := range subtasksOf(o) {
		l := st.Subtasks[i]
		out.subtasks = append(out.subtasks, l)
		out.Subtasks = append(out.Subtasks, subtaskLoad{i, l.Entries, l.Bytes})
	}
	if st.Kind != backends.Broadcast { // all sub-tasks have the same, of which one was counted
		out.Skew.Subtasks = skewOf(out.subtasks)
	}
	if st.Kind.Keyed() {
		out.groups = n.groupsOf(o, st.KeyGroups)
		out.Skew.KeyGroups = skewOf(out.groups)
	}
	for kg, l := range st.KeyGroups {
		if l.Entries > 0 {
			out.KeyGroups = append(out.KeyGroups, keyGroupLoad{kg, l.Entries, l.Bytes})
		}
	}
	return out
}

// subtasksOf is how many sub-tasks the operator has: not more than Flink can have, whatever the file says.
func subtasksOf(o *metadata.OperatorState) int32 {
	return max(min(o.Parallelism, keygroups.MaxParallelism), int32(len(o.Subtasks)))
}

// groupsOf are the loads of all key groups that were asked for.
func (s *openedState) groupsOf(o *metadata.OperatorState, counted []census.Load) []census.Load {
	r := s.opts.groups.wanted(keygroups.All(min(o.MaxParallelism, keygroups.MaxParallelism)))
	loads := make([]census.Load, max(0, r.Len()))
	for i := range loads {
		if kg := int(r.First) + i; kg < len(counted) {
			loads[i] = counted[kg]
		}
	}
	return loads
}

func skewOf(loads []census.Load) *float64 {
	skew := census.Skew(loads)
	if skew == 0 {
		return nil
	}
	skew = round(skew, 2)
	return &skew
}

func round(f float64, digits int) float64 {
	p := math.Pow10(digits)
	return math.Round(f*p) / p
}
