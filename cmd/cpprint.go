package cmd

import (
	"fmt"

	"github.com/ckpt-tool/ckpt/layout/relocate"
)

// cpReport is what `ckpt cp` and `ckpt mv` have to tell.
type cpReport struct {
	Plan *relocate.Plan
	Done *relocate.Report // nil in a dry run
	// Finished is whether the very same copy was there before.
	Finished bool

	Removed *bool    // of mv: whether the source is gone
	Removal *removal // of mv: what that rests on, and what it frees
	apply   bool     // of mv: --apply was given
}

// cpJSON is the JSON of `ckpt cp`, and of `ckpt mv`.
type cpJSON struct {
	Schema      string        `json:"schema"`
	Source      string        `json:"source"`
	Destination string        `json:"destination"` // directory of the copied checkpoint
	Root        string        `json:"root"`        // that paths are below; with --keep-layout above destination
	Form        relocate.Form `json:"form"`
	DryRun      bool          `json:"dryRun"`
	Resumed     bool          `json:"resumed"`
	Verified    bool          `json:"verified"`
	Relocatable bool          `json:"relocatable"` // no path in it is absolute
	Metadata    cpMetadata    `json:"metadata"`
	Files       []cpFile      `json:"files"`
	Totals      cpTotals      `json:"totals"`
	Removed     *bool         `json:"removed,omitempty"`
	Frees       *cpFrees      `json:"frees,omitempty"` // by deleting the source
	*pruneBasis
}

type cpMetadata struct {
	Path    string  `json:"path"`
	Bytes   int64   `json:"bytes"`
	SHA256  *string `json:"sha256"`
	Version int32   `json:"version"`
}

type cpFile struct {
	Path   string  `json:"path"` // below the root
	Bytes  int64   `json:"bytes"`
	Source string  `json:"source"`
	Offset *int64  `json:"offset"` // of a part of a merged file
	How    string  `json:"how"`
	SHA256 *string `json:"sha256"`
}

// cpTotals counts files and bytes, the _metadata not among them.
type cpTotals struct {
	Files       int   `json:"files"`
	Bytes       int64 `json:"bytes"`
	Copied      int   `json:"copied"`
	CopiedBytes int64 `json:"copiedBytes"`
	ServerSide  int   `json:"serverSide"`
	Kept        int   `json:"kept"`
	Segments    int   `json:"segments"`
}

// planned is what becomes of a file in a dry run.
const planned = "planned"

func (r *cpReport) json(schema string) cpJSON {
	p := r.Plan
	j := cpJSON{
		Schema: schema, Source: p.Source, Destination: p.URL(), Root: p.Destination, Form: p.Form, DryRun: r.Done == nil,
		Verified: r.Done != nil, Relocatable: p.Relocatable, Removed: r.Removed,
		Metadata: cpMetadata{Path: p.MetadataKey(), Bytes: int64(len(p.Metadata)), Version: p.Version},
		Files:    make([]cpFile, 0, len(p.Files)), Totals: r.totals(),
	}
	if r.Removal != nil {
		j.pruneBasis, j.Frees = &r.Removal.basis, &r.Removal.frees
	}
	if r.Done != nil {
		j.Resumed, j.Metadata.SHA256 = r.Done.Resumed, orNull(r.Done.SHA256)
	}
	for i := range p.Files {
		j.Files = append(j.Files, r.file(i))
	}
	return j
}

func (r *cpReport) file(i int) cpFile {
	f := &r.Plan.Files[i]
	made := cpFile{Path: f.Key, Bytes: f.Size, Source: f.Source, How: planned}
	if !f.Whole {
		made.Offset = &f.Offset
	}
	if r.Done != nil {
		made.How, made.SHA256 = string(r.Done.Files[i].How), orNull(r.Done.Files[i].SHA256)
	}
	return made
}

func (r *cpReport) totals() cpTotals {
	t := cpTotals{Files: len(r.Plan.Files), Bytes: r.Plan.Bytes(), Segments: r.Plan.Segments}
	if r.Done == nil {
		return t
	}
	for _, f := range r.Done.Files {
		switch f.How {
		case relocate.Copied:
			t.Copied++
			t.CopiedBytes += f.Size
		case relocate.ServerSide:
			t.ServerSide++
		case relocate.Kept:
			t.Kept++
		}
	}
	return t
}

// print writes the report in the form that was asked for. With -q and without --output,
// none was.
func (r *cpReport) print(env *Env, schema string, explicit bool) error {
	switch {
	case env.Quiet && (!explicit || env.Output == Table):
		return nil
	case env.Output == JSON:
		return env.writeJSON(r.json(schema))
	case env.Output == TSV:
		if !r.Plan.Relocatable {
			env.Log.Info(r.absolute())
		}
		return r.rows(env)
	}
	_, err := fmt.Fprint(env.Out, r.summary(env))
	return err
}

// rows are the files, a line each, and the _metadata last.
func (r *cpReport) rows(env *Env) error {
	t := env.newTable(column{title: "PATH"}, column{title: "BYTES"}, column{title: "HOW"}, column{title: "SHA256"}, column{title: "SOURCE"}, column{title: "OFFSET"})
	j := r.json("")
	for _, f := range j.Files {
		offset := text("")
		if f.Offset != nil {
			offset = number(*f.Offset)
		}
		if err := t.row(text(f.Path), number(f.Bytes), text(f.How), optional(f.SHA256), text(f.Source), offset); err != nil {
			return err
		}
	}
	how := planned
	if r.Done != nil {
		how = "written"
	}
	if err := t.row(text(j.Metadata.Path), number(j.Metadata.Bytes), text(how), optional(j.Metadata.SHA256), text(""), text("")); err != nil {
		return err
	}
	return t.close()
}

// summary is for people.
func (r *cpReport) summary(env *Env) string {
	s := r.copied(env)
	if r.Removal != nil {
		s = r.Removal.before() + s + r.Removal.after(env, *r.Removed, r.apply)
	}
	return s
}

// absolute tells that the copy cannot be moved on by any tool.
func (r *cpReport) absolute() string {
	return "its paths are absolute, below " + escape(r.Plan.Root) + ": copy it with ckpt cp if it has to go elsewhere"
}

// copied tells what was copied.
func (r *cpReport) copied(env *Env) string {
	t, p := r.totals(), r.Plan
	if r.Finished && r.Removed == nil {
		s := "nothing to do: the copy " + escape(p.URL()) + " is complete"
		if r.Done != nil {
			s += "; verified"
		}
		return s + "\n"
	}
	verb := "copied"
	switch {
	case r.Done == nil && r.Removed != nil:
		verb = "would move"
	case r.Done == nil:
		verb = "would copy"
	case r.Removed != nil && *r.Removed:
		verb = "moved"
	}
	s := fmt.Sprintf("%s %s and %s to %s, %s", verb, plural(t.Files, "file"), "_metadata", escape(p.URL()), env.bytes(t.Bytes+int64(len(p.Metadata))))
	if r.Done != nil {
		s += "; verified"
	}
	s += "\n"
	if t.Kept > 0 {
		s += fmt.Sprintf("  %s there already\n", plural(t.Kept, "file"))
	}
	if t.Segments > 0 {
		s += fmt.Sprintf("  %s cut out of merged files\n", plural(t.Segments, "file"))
	}
	if t.ServerSide > 0 {
		s += fmt.Sprintf("  %s copied by the storage itself: only sizes were compared\n", plural(t.ServerSide, "file"))
	}
	if !p.Relocatable {
		s += env.wrap("  "+r.absolute(), "  ") + "\n"
	}
	return s
}
