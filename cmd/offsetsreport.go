package cmd

import (
	"cmp"
	"encoding/json"
	"slices"
	"strings"

	"github.com/ckpt-tool/ckpt/backends/offsets"
	"github.com/ckpt-tool/ckpt/metadata"
)

// offsetsReport is the JSON of `ckpt offsets`.
type offsetsReport struct {
	Schema       string               `json:"schema"`
	Path         string               `json:"path"`
	ID           int64                `json:"id"`
	Positions    []offsetsPosition    `json:"positions"`
	Enumerators  []offsetsEnumerator  `json:"enumerators"`
	Writers      []offsetsWriter      `json:"writers"`
	Transactions []offsetsTransaction `json:"transactions"`
	Raw          []offsetsRaw         `json:"raw"`
	// NotShown are the ids of operators with list states that could be a source's that is not known.
	NotShown []string `json:"notShown"`
	hidden   []string // their labels
}

// offsetsOwner says whose something is. Sub-task and state are null for what an enumerator has.
type offsetsOwner struct {
	Operator string  `json:"operator"`
	UID      *string `json:"uid"`
	Name     *string `json:"name"`
	Subtask  *int32  `json:"subtask"`
	State    *string `json:"state"`
	label    string
}

// offsetsPosition is where a split goes on. Offset is null where meaning is a word for it. Stop is the first offset that
// is not read, last the last number that is.
type offsetsPosition struct {
	offsetsOwner
	Connector   string `json:"connector"`
	Split       string `json:"split"`
	Source      *int32 `json:"source,omitempty"`
	Cluster     string `json:"cluster,omitempty"`
	Topic       string `json:"topic,omitempty"`
	Partition   *int32 `json:"partition,omitempty"`
	Path        string `json:"path,omitempty"`
	Start       *int64 `json:"start,omitempty"`
	Length      *int64 `json:"length,omitempty"`
	Offset      *int64 `json:"offset"`
	Meaning     string `json:"meaning"`
	Skip        *int64 `json:"skip,omitempty"`
	Stop        *int64 `json:"stop,omitempty"`
	StopMeaning string `json:"stopMeaning,omitempty"`
	Last        *int64 `json:"last,omitempty"`
	Left        *int64 `json:"left,omitempty"`
	Assigned    bool   `json:"assigned"`
	Format      string `json:"format"`
	position    offsets.Position
}

// offsetsEnumerator is what an enumerator counts.
type offsetsEnumerator struct {
	offsetsOwner
	Connector  *string `json:"connector"` // null where nothing tells
	Assigned   *int    `json:"assigned"`  // null where the enumerator keeps no count of them
	Unassigned int     `json:"unassigned"`
	Processed  int     `json:"processed"`
	Format     string  `json:"format,omitempty"`
}

// offsetsWriter is a sub-task of a sink.
type offsetsWriter struct {
	offsetsOwner
	Connector string `json:"connector"`
	Prefix    string `json:"transactionalIdPrefix"`
	Owned     *int32 `json:"ownedSubtask,omitempty"`
	Subtasks  *int32 `json:"ownedSubtasks,omitempty"`
	Format    string `json:"format"`
}

// offsetsTransaction is what a sink is to commit.
type offsetsTransaction struct {
	offsetsOwner
	Connector  *string `json:"connector"` // null where the sink is not known
	ID         string  `json:"transactionalId,omitempty"`
	Producer   *int64  `json:"producerId"`
	Epoch      *int16  `json:"epoch"`
	Checkpoint *int64  `json:"checkpoint"`
	Writer     *int32  `json:"writer"` // sub-task that wrote it
	Status     string  `json:"status"`
	Retries    int32   `json:"retries"`
	Started    int64   `json:"started,omitempty"` // milliseconds since 1970
	Format     string  `json:"format"`
	Raw        string  `json:"raw,omitempty"`
}

// offsetsRaw is an element that is not understood, as its list state has it.
type offsetsRaw struct {
	offsetsOwner
	Kind   string          `json:"kind"`
	Type   string          `json:"type,omitempty"`
	Value  json.RawMessage `json:"value"`
	Reason string          `json:"reason,omitempty"` // why, where more was expected of it
	left   int64           // elements behind it that are not shown
}

// report puts together what was read.
func (o *offsetsRun) report() *offsetsReport {
	r := &offsetsReport{
		Schema: "ckpt.offsets/v1", Path: o.target.URL(), ID: o.Checkpoint.ID,
		Positions: []offsetsPosition{}, Enumerators: []offsetsEnumerator{}, Writers: []offsetsWriter{}, Transactions: []offsetsTransaction{}, Raw: []offsetsRaw{}, NotShown: []string{},
	}
	for _, op := range o.notShown {
		r.NotShown = append(r.NotShown, op.ID.String())
		r.hidden = append(r.hidden, o.owner(op).label)
	}
	for _, op := range o.operators {
		o.reportOperator(r, op)
	}
	r.Transactions = withoutTwins(r.Transactions)
	return r
}

func (o *offsetsRun) reportOperator(r *offsetsReport, op *metadata.OperatorState) {
	first := len(r.Positions)
	for _, l := range o.lists {
		if l.operator == op {
			o.reportList(r, l)
		}
	}
	for _, e := range o.enumerators {
		if e.operator == op {
			o.reportEnumerator(r, &e)
		}
	}
	slices.SortStableFunc(r.Positions[first:], func(a, b offsetsPosition) int { return comparePositions(&a.position, &b.position) })
}

// comparePositions orders splits by what they are of, not by who reads them.
func comparePositions(a, b *offsets.Position) int {
	return cmp.Or(
		cmp.Compare(a.Source, b.Source), strings.Compare(a.Connector, b.Connector), strings.Compare(a.Cluster, b.Cluster),
		strings.Compare(a.Topic, b.Topic), cmp.Compare(a.Partition, b.Partition), strings.Compare(a.Path, b.Path), cmp.Compare(a.Start, b.Start),
		cmp.Compare(len(a.Split), len(b.Split)), strings.Compare(a.Split, b.Split),
	)
}

func (o *offsetsRun) owner(op *metadata.OperatorState) offsetsOwner {
	uid, name := o.uid(op), op.Name.String()
	return offsetsOwner{Operator: op.ID.String(), UID: orNull(uid), Name: orNull(name), label: operatorLabel(name, uid, op.ID)}
}

func (o *offsetsRun) reportList(r *offsetsReport, l *offsetsList) {
	owner := o.owner(l.operator)
	owner.Subtask, owner.State = &l.subtask, &l.state.Name
	for _, p := range l.found.Positions {
		r.Positions = append(r.Positions, newOffsetsPosition(owner, p))
	}
	for _, t := range l.found.Transactions {
		r.Transactions = append(r.Transactions, newOffsetsTransaction(owner, t))
	}
	for i := range l.found.Writers {
		o.reportWriter(r, owner, l, &l.found.Writers[i])
	}
	for i, e := range l.raw {
		raw := offsetsRaw{offsetsOwner: owner, Kind: l.state.Kind.String(), Type: typeName(l), Value: e.value, Reason: e.reason}
		if i == len(l.raw)-1 {
			raw.left = l.left
		}
		r.Raw = append(r.Raw, raw)
	}
}

func typeName(l *offsetsList) string {
	if l.state.Value == nil {
		return ""
	}
	return l.state.Value.String()
}

// reportWriter takes what a writer of Kafka keeps. Where it could be one of any sink, something has to speak for Kafka:
// transactions with its prefix, or a name.
func (o *offsetsRun) reportWriter(r *offsetsReport, owner offsetsOwner, l *offsetsList, w *offsets.Writer) {
	if w.Doubtful && !o.speaksForKafka(l.operator, w) {
		value, _ := json.Marshal(w.Prefix)
		r.Raw = append(r.Raw, offsetsRaw{
			offsetsOwner: owner, Kind: l.state.Kind.String(), Type: "String", Value: value,
			Reason: "the writer of a sink that keeps one text; nothing tells whether it is the prefix of Kafka's transactional ids",
		})
		return
	}
	r.Writers = append(r.Writers, offsetsWriter{
		offsetsOwner: owner, Connector: "kafka", Prefix: w.Prefix, Owned: unless(w.Subtask, -1), Subtasks: unless(w.Subtasks, -1), Format: w.Format,
	})
	for _, t := range w.Precommitted {
		r.Transactions = append(r.Transactions, newOffsetsTransaction(owner, t))
	}
}

func (o *offsetsRun) speaksForKafka(op *metadata.OperatorState, w *offsets.Writer) bool {
	if strings.Contains(strings.ToLower(op.Name.String()+" "+o.uid(op)), "kafka") {
		return true
	}
	for _, l := range o.lists {
		for _, t := range l.found.Transactions {
			if t.Connector == "kafka" && strings.HasPrefix(t.ID, w.Prefix+"-") {
				return true
			}
		}
	}
	return false
}

func (o *offsetsRun) reportEnumerator(r *offsetsReport, e *offsetsEnumeratorOf) {
	owner := o.owner(e.operator)
	if e.raw != nil {
		r.Raw = append(r.Raw, offsetsRaw{offsetsOwner: owner, Kind: "enumerator", Value: json.RawMessage(hexJSON(e.raw)), Reason: "the enumerator of a source that is not known"})
		return
	}
	r.Enumerators = append(r.Enumerators, offsetsEnumerator{
		offsetsOwner: owner, Connector: orNull(o.connectorOf(e)), Assigned: assignedOf(e.Coordinator), Unassigned: len(e.Unassigned), Processed: e.Processed, Format: e.Format,
	})
	for _, p := range e.Unassigned {
		r.Positions = append(r.Positions, newOffsetsPosition(owner, p))
	}
}

// assignedOf is how many splits an enumerator has handed out; nil where it does not keep that, as only Kafka's does.
func assignedOf(c *offsets.Coordinator) *int {
	if c.Connector != "kafka" && c.Assigned == 0 {
		return nil
	}
	return &c.Assigned
}

// connectorOf is that of the enumerator, or where it holds nothing that would tell, of its readers.
func (o *offsetsRun) connectorOf(e *offsetsEnumeratorOf) string {
	if e.Connector != "" {
		return e.Connector
	}
	for _, l := range o.lists {
		if l.operator == e.operator && len(l.found.Positions) > 0 {
			return l.found.Positions[0].Connector
		}
	}
	return ""
}

// unless is v, or nil where it is none.
func unless[T comparable](v, none T) *T {
	if v == none {
		return nil
	}
	return &v
}

func newOffsetsPosition(owner offsetsOwner, p offsets.Position) offsetsPosition {
	out := offsetsPosition{
		offsetsOwner: owner, Connector: p.Connector, Split: p.Split, Source: unless(p.Source, -1), Cluster: p.Cluster, Topic: p.Topic,
		Partition: unless(p.Partition, -1), Path: p.Path, Start: unless(p.Start, -1), Length: unless(p.Length, -1), Meaning: string(p.Meaning),
		Stop: p.Stop, StopMeaning: string(p.StopMeaning), Last: p.Last, Left: unless(p.Left, 0), Assigned: !p.Unassigned, Format: p.Format, position: p,
	}
	if p.Meaning == offsets.Next || p.Meaning == offsets.Modified {
		out.Offset = &p.Offset
	}
	if p.Connector == "file" {
		out.Skip = &p.Skip
	}
	return out
}

func newOffsetsTransaction(owner offsetsOwner, t offsets.Transaction) offsetsTransaction {
	out := offsetsTransaction{
		offsetsOwner: owner, Connector: orNull(t.Connector), ID: t.ID, Producer: unless(t.Producer, -1), Epoch: unless(t.Epoch, -1),
		Checkpoint: unless(t.Checkpoint, -1), Writer: unless(t.Subtask, -1), Status: t.State, Retries: t.Retries, Started: t.Started, Format: t.Format,
	}
	if t.Connector == "" {
		out.Raw = strings.Trim(hexJSON(t.Raw), `"`)
	}
	return out
}

// withoutTwins drops what writers tell of transactions that their committer has as well, and tells more of.
func withoutTwins(all []offsetsTransaction) []offsetsTransaction {
	committed := map[string]bool{}
	for _, t := range all {
		if t.Status != "precommitted" {
			committed[t.ID] = true
		}
	}
	return slices.DeleteFunc(all, func(t offsetsTransaction) bool { return t.Status == "precommitted" && committed[t.ID] })
}
