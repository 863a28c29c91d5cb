package cmd

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"strings"

	"github.com/ckpt-tool/ckpt/layout"
	"github.com/ckpt-tool/ckpt/layout/overview"
	"github.com/ckpt-tool/ckpt/metadata"
)

// fileJSON is one reference to a file.
type fileJSON struct {
	Operator     string  `json:"operator"` // id
	UID          *string `json:"uid"`
	Name         *string `json:"name"`
	Subtask      int32   `json:"subtask"`
	Slot         string  `json:"slot"`
	Part         *string `json:"part"`
	LocalPath    *string `json:"localPath"` // the name of the file in a RocksDB directory
	Class        string  `json:"class"`
	Scope        string  `json:"scope"`
	Size         int64   `json:"size"`
	StartPos     int64   `json:"startPos"`
	Path         string  `json:"path"`         // a relative one joined to the checkpoint's directory
	ResolvedPath *string `json:"resolvedPath"` // where it was found, if that differs
}

// printFiles lists every reference to a file, as it reads them: there may be millions.
func (in *inspection) printFiles(ctx context.Context) error {
	// Once without output, so that what is not there is said before anything is.
	o, _, err := in.overview(ctx, overview.Options{Rows: in.match.operator})
	if err != nil {
		return err
	}
	hasSubtask := in.opts.subtask == anySubtask
	for _, op := range o.Operators {
		shown := in.match.matches(op.Name, op.UID, op.ID)
		hasSubtask = hasSubtask || shown && len(in.wantedRows(op.Rows)) > 0
	}
	if err := in.match.missing(in.target.URL()); err != nil {
		return err
	}
	if !hasSubtask {
		return in.subtaskMissing()
	}
	list := in.newFileList()
	show := overview.Options{Streams: func(s *overview.Stream) error {
		if s.Path == "" || !in.wants(s) {
			return nil
		}
		f, err := in.fileOf(s)
		if err != nil {
			return err
		}
		return list.add(f)
	}}
	if _, _, err := in.overview(ctx, show); err != nil {
		return err
	}
	return list.close()
}

// wants tells whether the flags let s pass.
func (in *inspection) wants(s *overview.Stream) bool {
	return s.Subtask != nil && in.opts.wantsSubtask(s.Subtask.Index) && in.match.operator(s.Operator)
}

func (in *inspection) fileOf(s *overview.Stream) (fileJSON, error) {
	f := fileJSON{Operator: s.Operator.ID.String(), UID: orNull(s.Operator.UID.String()), Name: orNull(s.Operator.Name.String()),
		Subtask: s.Subtask.Index, Slot: s.Slot.String(), Part: orNull(s.Role.String()), LocalPath: orNull(s.Name.String()),
		Class: s.Handle.Class(), Scope: s.Scope.String(), Size: s.Handle.StateSize(), Path: strings.Clone(s.Path)}
	if seg, ok := s.Handle.(*metadata.SegmentHandle); ok {
		f.StartPos = seg.Start
	}
	if s.Relative {
		if s.Location.How == layout.Relative {
			f.Path = s.Location.URL
		}
		return f, nil
	}
	found, err := in.locator.Resolved(s.Path)
	f.ResolvedPath = orNull(found)
	return f, err
}

// fileList writes references in the form that was asked for, one at a time.
type fileList struct {
	env   *Env
	w     *bufio.Writer // JSON
	some  bool
	table *table // all else
}

func (in *inspection) newFileList() *fileList {
	l := &fileList{env: in.env}
	if in.env.Output != JSON {
		l.table = in.env.newTable(column{title: "OPERATOR", shrink: true}, column{title: "SUBTASK", right: true}, column{title: "SCOPE"},
			column{title: "NAME"}, column{title: "SIZE", right: true}, column{title: "PATH", shrink: true})
		return l
	}
	l.w = bufio.NewWriterSize(in.env.Out, 64<<10)
	url, _ := marshal(in.target.URL(), "")
	fmt.Fprintf(l.w, `{"schema":"ckpt.inspect.files/v1","path":%s,"files":[`, bytes.TrimSpace(url))
	return l
}

func (l *fileList) add(f fileJSON) error {
	if l.table != nil {
		label := f.Operator
		if f.UID != nil {
			label = *f.UID
		} else if f.Name != nil {
			label = *f.Name
		}
		where := f.Path
		if f.ResolvedPath != nil {
			where = *f.ResolvedPath
		}
		return l.table.row(text(label), number(int64(f.Subtask)), text(f.Scope), optional(f.LocalPath), l.env.size(f.Size), text(where))
	}
	b, err := marshal(f, "")
	if err != nil {
		return err
	}
	if l.some {
		l.w.WriteByte(',')
	}
	l.some = true
	l.w.WriteByte('\n')
	_, err = l.w.Write(bytes.TrimSpace(b))
	return err
}

func (l *fileList) close() error {
	if l.table != nil {
		return l.table.close()
	}
	l.w.WriteString("\n]}\n")
	return l.w.Flush()
}
