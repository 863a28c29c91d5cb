package cmd

import (
	"github.com/ckpt-tool/ckpt/layout/compare"
	"github.com/ckpt-tool/ckpt/metadata"
)

// diffReport is the JSON of `ckpt diff`.
type diffReport struct {
	Schema    string             `json:"schema"`
	Differ    bool               `json:"differ"`
	A         diffSnapshotJSON   `json:"a"`
	B         diffSnapshotJSON   `json:"b"`
	Changes   []diffChangeJSON   `json:"changes"` // of the snapshots themselves
	Operators []diffOperatorJSON `json:"operators"`
	Files     diffFilesJSON      `json:"files"`
	List      []diffFileJSON     `json:"list,omitempty"`    // with --files
	Entries   *diffEntriesJSON   `json:"entries,omitempty"` // with --entries
}

// diffSnapshotJSON is one side.
type diffSnapshotJSON struct {
	Path             string  `json:"path"`
	Job              *string `json:"job"`
	ID               int64   `json:"id"`
	Kind             string  `json:"kind"`
	State            string  `json:"state"`
	Reason           string  `json:"reason"`
	MetadataVersion  int32   `json:"metadataVersion"`
	Operators        int     `json:"operators"`
	StateSize        int64   `json:"stateSize"`
	CheckpointedSize int64   `json:"checkpointedSize"`
	InlineBytes      int64   `json:"inlineBytes"`
	Missing          int     `json:"missing"`   // files
	Unchecked        int     `json:"unchecked"` // references to files of which it is not known whether they are there
}

// diffChangeJSON is a field with different values; null where a side has none.
type diffChangeJSON struct {
	Field string `json:"field"`
	A     any    `json:"a"`
	B     any    `json:"b"`
}

// diffOperatorJSON is an operator of either side or both.
type diffOperatorJSON struct {
	ID      string            `json:"id"`
	UID     *string           `json:"uid"`
	Name    *string           `json:"name"`
	Status  string            `json:"status"`
	A       *diffOperatorSide `json:"a"`
	B       *diffOperatorSide `json:"b"`
	Changes []diffChangeJSON  `json:"changes"`
	Files   diffFilesJSON     `json:"files"`
	Alike   []string          `json:"alike,omitempty"` // ids of operators of the other side with its uid or name
}

// diffOperatorSide is what an operator is on one side.
type diffOperatorSide struct {
	Parallelism      int32 `json:"parallelism"`
	MaxParallelism   int32 `json:"maxParallelism"`
	StateSize        int64 `json:"stateSize"`
	CheckpointedSize int64 `json:"checkpointedSize"`
	InlineBytes      int64 `json:"inlineBytes"`
	Files            int   `json:"files"`
}

// diffFilesJSON is what became of the files.
type diffFilesJSON struct {
	Reused  diffPartJSON `json:"reused"`
	Added   diffPartJSON `json:"added"`
	Dropped diffPartJSON `json:"dropped"`
	Moved   int          `json:"moved"` // of the reused ones, those that lie elsewhere
}

// diffPartJSON is a number of files and their bytes.
type diffPartJSON struct {
	Files int   `json:"files"`
	Bytes int64 `json:"bytes"`
}

// diffFileJSON is one file of one operator.
type diffFileJSON struct {
	Status   string  `json:"status"`
	Operator string  `json:"operator"` // id
	Bytes    int64   `json:"bytes"`
	A        *string `json:"a"` // where it lies, null where the side does not refer to it
	B        *string `json:"b"`
}

func (d *difference) report() diffReport {
	r := diffReport{Schema: "ckpt.diff/v1", Differ: !d.Empty(), A: d.a.json(d.Files.MissedA), B: d.b.json(d.Files.MissedB),
		Changes: changesJSON(d.Changes), Operators: []diffOperatorJSON{}, Files: filesJSON(d.Files)}
	for i := range d.Operators {
		r.Operators = append(r.Operators, operatorJSON(&d.Operators[i]))
	}
	if d.changes != nil {
		r.Entries = d.changes.report()
		r.Differ = r.Differ || d.changes.differs()
	}
	if d.opts.files {
		r.List = []diffFileJSON{}
		for _, f := range d.List() {
			r.List = append(r.List, diffFileJSON{Status: string(f.Status), Operator: f.Operator.ID.String(), Bytes: f.Size(), A: urlOrNull(f.A), B: urlOrNull(f.B)})
		}
	}
	return r
}

func (s *diffSide) json(missing int) diffSnapshotJSON {
	n := s.node
	return diffSnapshotJSON{Path: n.URL(), Job: orNull(n.JobName()), ID: s.ID, Kind: string(n.Kind), State: string(n.State), Reason: n.Reason,
		MetadataVersion: s.Version, Operators: len(s.Operators), StateSize: s.Sizes.State, CheckpointedSize: s.Sizes.Checkpointed,
		InlineBytes: s.Inline, Missing: missing, Unchecked: len(s.unchecked)}
}

func changesJSON(changes []compare.Change) []diffChangeJSON {
	all := []diffChangeJSON{}
	for _, c := range changes {
		all = append(all, diffChangeJSON(c))
	}
	return all
}

func operatorJSON(o *compare.OperatorDiff) diffOperatorJSON {
	return diffOperatorJSON{ID: o.ID.String(), UID: orNull(o.UID()), Name: orNull(o.Name()), Status: string(o.Status),
		A: operatorSideJSON(o.A), B: operatorSideJSON(o.B), Changes: changesJSON(o.Changes), Files: filesJSON(o.Files), Alike: idStrings(o.Alike)}
}

func operatorSideJSON(o *compare.Operator) *diffOperatorSide {
	if o == nil {
		return nil
	}
	return &diffOperatorSide{Parallelism: o.Parallelism, MaxParallelism: o.MaxParallelism, StateSize: o.Sizes.State,
		CheckpointedSize: o.Sizes.Checkpointed, InlineBytes: o.Inline, Files: len(o.Files)}
}

func filesJSON(f compare.Files) diffFilesJSON {
	return diffFilesJSON{diffPartJSON(f.Reused), diffPartJSON(f.Added), diffPartJSON(f.Dropped), f.Moved}
}

func urlOrNull(f *compare.File) *string {
	if f == nil {
		return nil
	}
	return &f.URL
}

func idStrings(ids []metadata.OperatorID) []string {
	var all []string
	for _, id := range ids {
		all = append(all, id.String())
	}
	return all
}
