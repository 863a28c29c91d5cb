package cmd

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"

	"github.com/ckpt-tool/ckpt/backends"
	"github.com/ckpt-tool/ckpt/backends/census"
	"github.com/ckpt-tool/ckpt/backends/columns"
	"github.com/ckpt-tool/ckpt/backends/snapshot"
	"github.com/ckpt-tool/ckpt/layout"
)

// read reads all parts in parallel and writes the entries, in order, to the files of their states.
func (x *exporting) read(ctx context.Context) error {
	p := x.startProgress("exporting the state of")
	defer p.stop()
	parts := x.parts()
	number := map[*snapshot.Part]int{}
	for i, p := range parts {
		number[p] = i
	}
	cat := &catting{openedState: x.openedState, env: x.env, opts: &stateCatOptions{stateOptions: x.opts.stateOptions}, filter: x.filter}
	x.answers = &cat.answers
	err := snapshot.Stream(ctx, parts, x.workers, func(ctx context.Context, p *snapshot.Part, emit snapshot.Emit) error {
		return x.readPart(ctx, cat, number[p], p, emit)
	}, x.write)
	if err != nil {
		return err
	}
	for _, f := range x.files {
		if err := errors.Join(f.out.Close(), f.buf.Flush()); err != nil {
			return err
		}
		if f.size, err = f.file.Seek(0, io.SeekCurrent); err != nil {
			return err
		}
	}
	return nil
}

// readPart prints the entries of one part: as frames of the lines of one file each.
func (x *exporting) readPart(ctx context.Context, cat *catting, i int, p *snapshot.Part, emit snapshot.Emit) error {
	printer := entryPrinter{printer: x.Printer(), cat: cat, number: i}
	if x.filter != nil {
		printer.matcher = x.filter.Matcher()
	}
	out := frames{emit: emit, printer: &printer}
	for e, err := range p.Entries(ctx, x.opts.wantsState) {
		if err == nil {
			file, known := x.byName[census.Name{Operator: e.State.Operator, Name: e.State.Name, Kind: e.State.Kind}]
			if !known {
				return fmt.Errorf("%s: an entry of the state %q, which no header names", p.Operator.ID, e.State.Name)
			}
			if err := out.turn(file); err != nil {
				return err
			}
			err = printer.add(&e)
		}
		if err != nil {
			if err := x.fault(ctx, &x.faults, i, err); err != nil {
				return err
			}
		}
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	return out.flush()
}

// frames puts the lines of a file behind its number and their length.
type frames struct {
	emit    snapshot.Emit
	printer *entryPrinter
	file    int
	frame   []byte
}

const frameHead = 8

// turn is told which file the next line is for.
func (f *frames) turn(file int) error {
	if file == f.file && len(f.printer.buf) < pieceSize {
		return nil
	}
	err := f.flush()
	f.file = file
	return err
}

func (f *frames) flush() error {
	lines := f.printer.take()
	if len(lines) == 0 {
		return nil
	}
	f.frame = binary.BigEndian.AppendUint32(f.frame[:0], uint32(f.file))
	f.frame = binary.BigEndian.AppendUint32(f.frame, uint32(len(lines)))
	f.frame = append(f.frame, lines...)
	return f.emit(f.frame)
}

// write takes whole frames.
func (x *exporting) write(b []byte) error {
	for len(b) >= frameHead {
		f := x.files[binary.BigEndian.Uint32(b)]
		n := int(binary.BigEndian.Uint32(b[4:]))
		lines := b[frameHead : frameHead+n]
		b = b[frameHead+n:]
		for entry := range bytes.Lines(lines) {
			if err := x.addEntry(f, entry); err != nil {
				return err
			}
		}
	}
	return nil
}

func (x *exporting) addEntry(f *exportFile, entry []byte) error {
	err := f.out.Add(entry)
	var row *columns.RowError
	if errors.As(err, &row) {
		const most = 200
		shown := bytes.TrimSuffix(entry, []byte("\n"))
		where := &backends.Error{State: f.states[0].Name, KeyGroup: -1, Passed: true, Err: row,
			Message: fmt.Sprintf("an entry does not fit a file of %s: %s: %s", x.opts.format, row, shown[:min(most, len(shown))])}
		return x.faults.add(len(x.handles), &entryError{wrong: *where, operator: x.Name(f.states[0].Operator)})
	}
	if err == nil {
		f.entries++
	}
	return err
}

// send puts the files where they belong.
func (x *exporting) send(ctx context.Context) error {
	p := x.env.startProgress("writing to "+x.into.URL(), "files")
	defer p.stop()
	for i, f := range x.files {
		p.of(i, len(x.files))
		if _, err := f.file.Seek(0, io.SeekStart); err != nil {
			return err
		}
		made, err := x.into.Create(ctx, f.name, f.file, f.size)
		if errors.Is(err, fs.ErrExist) {
			return usagef("choose another place, or delete it first", "%s is there already, and nothing is overwritten", layout.Join(x.into.URL(), f.name))
		}
		if err != nil {
			return err
		}
		x.sent = append(x.sent, made)
	}
	return nil
}

// takeBack deletes what was sent already, as a part of the files must not pass for all of them.
func (x *exporting) takeBack(ctx context.Context) error {
	var failed []error
	if len(x.sent) > 0 {
		x.into.Delete(context.WithoutCancel(ctx), x.sent, func(_ int, err error) { failed = append(failed, err) })
	}
	return errors.Join(failed...)
}

// exportReport is what `ckpt state export` tells.
type exportReport struct {
	Schema string           `json:"schema"`
	Path   string           `json:"path"` // of the checkpoint
	To     string           `json:"to"`
	Format string           `json:"format"`
	Files  []exportFileJSON `json:"files"`
}

type exportFileJSON struct {
	stateName
	File    string `json:"file"`
	Entries int64  `json:"entries"`
	Bytes   int64  `json:"bytes"`
}

// print tells which files were written.
func (x *exporting) print() error {
	r := exportReport{"ckpt.state.export/v1", x.target.URL(), x.into.URL(), x.opts.format, []exportFileJSON{}}
	for _, f := range x.files {
		r.Files = append(r.Files, exportFileJSON{x.nameOf(f.states[0]), f.name, f.entries, f.size})
	}
	if x.env.Output == JSON {
		return x.env.writeJSON(r)
	}
	t := x.env.newTable(column{title: "OPERATOR", shrink: true}, column{title: "STATE", shrink: true}, column{title: "KIND"},
		column{title: "ENTRIES", right: true}, column{title: "BYTES", right: true}, column{title: "FILE", shrink: true})
	for _, f := range r.Files {
		if err := t.row(text(f.label), text(f.State), text(f.Kind), number(f.Entries), x.env.size(f.Bytes), text(f.File)); err != nil {
			return err
		}
	}
	return t.close()
}
