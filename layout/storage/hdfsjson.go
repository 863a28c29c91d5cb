package storage

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/ckpt-tool/ckpt/layout"
)

// fileStatus is what WebHDFS tells of an entry, as far as it matters.
type fileStatus struct {
	PathSuffix       string `json:"pathSuffix"`
	Type             string `json:"type"`
	Length           int64  `json:"length"`
	ModificationTime int64  `json:"modificationTime"` // ms
}

func (s fileStatus) object() layout.Object {
	o := layout.Object{Key: s.PathSuffix}
	if s.ModificationTime > 0 {
		o.Modified = time.UnixMilli(s.ModificationTime)
	}
	switch s.Type {
	case "FILE":
		o.Size = s.Length
	case "DIRECTORY":
		o.Type = layout.TypeDir
	case "SYMLINK":
		o.Type = layout.TypeLink
	default:
		o.Type = layout.TypeSpecial
	}
	return o
}

func decodeStatus(r io.Reader) (layout.Object, error) {
	var reply struct{ FileStatus *fileStatus }
	if err := json.NewDecoder(r).Decode(&reply); err != nil {
		return layout.Object{}, badReply(err)
	}
	if reply.FileStatus == nil {
		return layout.Object{}, badReply(errors.New("no FileStatus in it"))
	}
	o := reply.FileStatus.object()
	o.Key = ""
	return o, nil
}

// webPage is an answer to LISTSTATUS or LISTSTATUS_BATCH.
type webPage struct {
	objects   []layout.Object
	remaining int64
	complete  bool // the list of entries was there and had an end
}

// decodeListing reads a page entry by entry: without batches it is a whole directory,
// of which shared/ can have millions of entries, and the text is ten times what is
// kept of it.
func decodeListing(r io.Reader) (webPage, error) {
	d := json.NewDecoder(r)
	var p webPage
	err := p.object(d)
	if err == nil && !p.complete {
		err = errors.New("no FileStatus in it")
	}
	if err != nil {
		return webPage{}, badReply(err)
	}
	return p, nil
}

// object reads one level of the answer, whose levels all have names of their own.
func (p *webPage) object(d *json.Decoder) error {
	if err := expect(d, '{'); err != nil {
		return err
	}
	for d.More() {
		name, err := d.Token()
		if err != nil {
			return err
		}
		switch name {
		case "DirectoryListing", "partialListing", "FileStatuses":
			err = p.object(d)
		case "FileStatus":
			err = p.entries(d)
		case "remainingEntries":
			err = d.Decode(&p.remaining)
		default:
			err = d.Decode(new(json.RawMessage))
		}
		if err != nil {
			return err
		}
	}
	return expect(d, '}')
}

func (p *webPage) entries(d *json.Decoder) error {
	if err := expect(d, '['); err != nil {
		return err
	}
	for d.More() {
		var s fileStatus
		if err := d.Decode(&s); err != nil {
			return err
		}
		p.objects = append(p.objects, s.object())
	}
	p.complete = true
	return expect(d, ']')
}

func expect(d *json.Decoder, want json.Delim) error {
	t, err := d.Token()
	if err == nil && t != want {
		err = fmt.Errorf("%v where %v should stand", t, want)
	}
	return err
}
