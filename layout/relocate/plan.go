package relocate

import (
	"fmt"

	"github.com/ckpt-tool/ckpt/layout"
	"github.com/ckpt-tool/ckpt/metadata"
)

// Form is what a copy looks like.
type Form string

// The forms.
const (
	SelfContained Form = "self-contained" // one directory with all in it
	KeepLayout    Form = "layout"         // a root, with jobs and shared directories in it
)

// Located is where the file of a handle lies now.
type Located struct {
	URL  string // canonical
	Size int64  // of the whole file, as listed
}

// Request says what to copy where.
type Request struct {
	Form        Form
	Source      string // URL of the snapshot's directory
	Destination string // canonical URL of the copy, or with KeepLayout of its root
	// Root is what Flink calls the destination, as it begins absolute paths in the copy:
	// with the scheme that Flink has for the storage.
	Root       string
	Checkpoint *metadata.Checkpoint
	Located    map[metadata.StreamHandle]Located
}

// File is a file of the copy: all of a source, or a range of it.
type File struct {
	Key    string // below the destination
	Source string // URL
	Offset int64
	Size   int64
	Whole  bool // it is the source from its start to its end
}

// Plan is what a copy consists of.
type Plan struct {
	Form        Form
	Source      string
	Destination string
	Root        string
	Dir         string // key of the snapshot's directory, "" for the destination itself
	Files       []File // each once, in the order in which the metadata names them
	Metadata    []byte // the new _metadata
	Version     int32  // of its format, as in the source
	// Relocatable is whether the copy can be moved on by any tool: it has no absolute path.
	Relocatable bool
	Segments    int // how many of the files are cut out of merged ones
}

// Bytes is the size of all files, without the _metadata.
func (p *Plan) Bytes() int64 {
	var n int64
	for i := range p.Files {
		n += p.Files[i].Size
	}
	return n
}

// MetadataKey is the key of the new _metadata.
func (p *Plan) MetadataKey() string { return join(p.Dir, layout.MetadataName) }

// MarkerKey is the key of the marker of a copy that is not finished.
func (p *Plan) MarkerKey() string { return join(p.Dir, layout.CopyMarkerName) }

// URL is the directory of the copied snapshot.
func (p *Plan) URL() string { return layout.Join(p.Destination, p.Dir) }

// New plans a copy. It fails where a handle's file was not located, and where a reference
// of the copy would lead out of it. The request's checkpoint is left as it is.
func New(r Request) (*Plan, error) {
	if _, inside := layout.Below(r.Source, r.Destination); inside {
		return nil, refuse(r.Destination, "choose a place outside of it", "the destination lies within the source %s", r.Source)
	}
	p := &Plan{Form: r.Form, Source: r.Source, Destination: r.Destination, Root: r.Root, Version: r.Checkpoint.Version}
	w := &rewriter{request: &r, plan: p, units: map[unit]int{}, keys: map[string]unit{}}
	if r.Form == KeepLayout {
		p.Dir = snapshotDir(r.Source)
	}
	c := w.checkpoint(r.Checkpoint)
	if w.err != nil {
		return nil, w.err
	}
	data, err := metadata.Encode(c)
	if err != nil {
		return nil, fmt.Errorf("the metadata of the copy of %s: %w", r.Source, err)
	}
	p.Metadata = data
	return p, p.check()
}
