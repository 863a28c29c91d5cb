package cmd

import (
	"time"

	"github.com/ckpt-tool/ckpt/layout/usage"
	"github.com/ckpt-tool/ckpt/layout/users"
)

// whyReport is the JSON of `ckpt why` for one file.
type whyReport struct {
	Schema string `json:"schema"`
	whyFile
}

// whyReports is that for several files.
type whyReports struct {
	Schema string    `json:"schema"`
	Files  []whyFile `json:"files"`
}

// whyFile is what is known of one file or directory. Null stands for what is not known.
type whyFile struct {
	File      string       `json:"file"`
	Verdict   string       `json:"verdict"`
	Reason    string       `json:"reason"`
	UsedBy    []whyUse     `json:"usedBy"`
	ManagedBy []string     `json:"managedBy"` // checkpoints that name its directory as one of merged files
	Exists    bool         `json:"exists"`
	FoundAt   *string      `json:"foundAt"` // where it lies now, if that differs
	Directory bool         `json:"directory"`
	Bytes     *int64       `json:"bytes"`
	Modified  *time.Time   `json:"modified"`
	Contents  *whyContents `json:"contents,omitempty"` // of a directory
	Roots     []string     `json:"roots"`              // below which was looked
	Snapshots int          `json:"snapshots"`          // that lie there
	Unread    []string     `json:"unread,omitempty"`   // what could not be read and may use it
}

// whyUse is one use of a file; of a directory, those of one operator by handles of one class.
type whyUse struct {
	Checkpoint string  `json:"checkpoint"` // URL
	Job        *string `json:"job"`
	Operator   *string `json:"operator"` // id; null where the file is the checkpoint's _metadata
	UID        *string `json:"uid"`
	Name       *string `json:"name"`
	Subtask    *int32  `json:"subtask"` // null also where it is of several
	Handle     *string `json:"handle"`  // Flink's class of the stream handle
	Slot       *string `json:"slot"`
	Part       *string `json:"part"`
	State      *string `json:"state"` // class of the handle that the stream belongs to
	LocalPath  *string `json:"localPath"`
	KeyGroups  *string `json:"keyGroups"` // first-last
	StartPos   *int64  `json:"startPos"`  // of a part of a merged file
	Size       *int64  `json:"size"`      // of that part
	Offset     *int64  `json:"offset"`    // where in a file of a changelog its changes begin
	Scope      *string `json:"scope"`
	Path       *string `json:"path"` // as it stands in _metadata
	References int     `json:"references"`
}

// whyContents are the files in a directory by what is known of each.
type whyContents struct {
	Referenced diffPartJSON `json:"referenced"`
	Orphan     diffPartJSON `json:"orphan"`
	InFlight   diffPartJSON `json:"inFlight"`
	Unknown    diffPartJSON `json:"unknown"`
}

func (w *inquiry) file(a *users.Answer) whyFile {
	f := whyFile{File: a.URL, Verdict: a.Class.String(), Reason: a.Reason, UsedBy: []whyUse{}, ManagedBy: []string{}, Exists: a.Exists,
		FoundAt: orNull(a.At), Directory: a.Directory, Roots: w.roots(), Snapshots: len(w.graph.Nodes)}
	if a.Exists && !a.Directory && a.Within {
		f.Bytes = &a.Size
	}
	if !a.Modified.IsZero() {
		f.Modified = new(a.Modified.UTC())
	}
	if a.Directory {
		part := func(c usage.Class) diffPartJSON { return diffPartJSON(a.Contents[c]) }
		f.Contents = &whyContents{part(usage.Referenced), part(usage.Orphan), part(usage.InFlight), part(usage.Unknown)}
	}
	for i := range a.Uses {
		f.UsedBy = append(f.UsedBy, newWhyUse(&a.Uses[i]))
	}
	for _, n := range a.Managed {
		f.ManagedBy = append(f.ManagedBy, n.URL())
	}
	for _, err := range a.Doubts {
		f.Unread = append(f.Unread, err.Error())
	}
	return f
}

func (w *inquiry) roots() []string {
	var roots []string
	for _, t := range w.graph.Trees {
		roots = append(roots, t.Root)
	}
	return roots
}

func newWhyUse(u *users.Use) whyUse {
	j := whyUse{Checkpoint: u.Node.URL(), Job: orNull(u.Node.JobName()), References: u.References}
	if u.Metadata {
		return j
	}
	j.Operator, j.UID, j.Name = new(u.Operator.String()), orNull(u.UID), orNull(u.Name)
	j.Handle, j.Slot, j.Part, j.State = &u.Class, new(u.Slot.String()), orNull(u.Role.String()), orNull(u.State)
	j.LocalPath, j.Scope, j.Path, j.Offset = orNull(u.File), new(u.Scope.String()), &u.Path, u.Offset
	if u.Subtask >= 0 {
		j.Subtask = &u.Subtask
	}
	if u.KeyGroups != nil {
		j.KeyGroups = new(u.KeyGroups.String())
	}
	if s := u.Segment; s != nil {
		j.StartPos, j.Size = &s.Start, new(s.End-s.Start)
	}
	return j
}

// printJSON writes the one file that was asked for, or a list.
func (w *inquiry) printJSON() error {
	const schema = "ckpt.why/v1"
	switch {
	case w.opts.stream:
		lines := w.env.newLineWriter()
		for i := range w.answers {
			if err := lines.write(whyReport{schema, w.file(&w.answers[i])}); err != nil {
				return err
			}
		}
		return nil
	case len(w.answers) == 1:
		return w.env.writeJSON(whyReport{schema, w.file(&w.answers[0])})
	}
	r := whyReports{Schema: schema}
	for i := range w.answers {
		r.Files = append(r.Files, w.file(&w.answers[i]))
	}
	return w.env.writeJSON(r)
}
