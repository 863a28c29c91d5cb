// Package statedump holds entries that ckpt reads against those that Flink itself dumped: the state.jsonl beside a fixture, for
// the tests of all rooms that read, restore or write state.
//
//	Open     a snapshot on disk, with what opens its files
//	Entries  its entries, as `ckpt state cat` prints them
//	Compare  entries against the dump: what may be written in several ways counts as equal
package statedump

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/ckpt-tool/ckpt/backends"
	"github.com/ckpt-tool/ckpt/backends/snapshot"
	"github.com/ckpt-tool/ckpt/layout"
	"github.com/ckpt-tool/ckpt/metadata"
)

// Files opens what a snapshot on disk refers to. It is backends.Files.
type Files struct{ *layout.Blobs }

// Open implements backends.Files.
func (f Files) Open(ctx context.Context, h metadata.StreamHandle) (backends.Blob, error) {
	b, err := f.Blobs.Open(ctx, h)
	if err != nil {
		return nil, err
	}
	return b, nil
}

// Open opens the snapshot in dir, with what opens its files. Both are closed when the test ends.
func Open(tb testing.TB, opener layout.OpenStore, dir string, opts backends.Options) (*snapshot.Snapshot, Files) {
	tb.Helper()
	data, err := os.ReadFile(filepath.Join(dir, "_metadata"))
	if err != nil {
		tb.Fatal(err)
	}
	c, err := metadata.Decode(data)
	if err != nil {
		tb.Fatal(err)
	}
	target, err := layout.Find(tb.Context(), opener, dir, layout.FindOptions{})
	if err != nil {
		tb.Fatal(err)
	}
	blobs := layout.NewBlobs(context.Background(), opener, target, nil)
	s := snapshot.New(c, Files{blobs}, opts, nil)
	tb.Cleanup(func() {
		for _, err := range []error{s.Close(), blobs.Close(), target.Store.Close()} {
			if err != nil {
				tb.Error(err)
			}
		}
	})
	return s, Files{blobs}
}

// Hints are for changelogs that do not tell of which type their keys are: those of operators without timers, as long as
// nothing is materialized.
var Hints = map[string]string{"key:totals": "Long", "key:" + metadata.OperatorIDOf("totals").String(): "Long",
	"key:" + metadata.OperatorIDOf("bcfn").String(): "String",
	// Sub-classes that a POJO serializer met without registering them: state of the heap does not say how they lie.
	"fx2.M$Dog": "Pojo(fx2.M$Dog){chip:Long, legs:Integer, name:String}",
	"fx2.M$Cat": "Pojo(fx2.M$Cat){indoor:Boolean, legs:Integer, name:String}",
}

// Line is one entry, of ours or of a dump.
type Line map[string]any

// Entries is all entries of s but in-flight data, with operators by their ids. lost are the key groups of which
// some entries could not be read: in state of the heap, nothing tells where a value of Kryo's ends.
func Entries(tb testing.TB, s *snapshot.Snapshot) (lines []Line, lost map[string]bool) {
	tb.Helper()
	p := s.Printer()
	for _, h := range s.Handles {
		for e, err := range h.Whole().Entries(tb.Context(), func(st *backends.State) bool { return st.Kind != backends.Channel }) {
			var passed *backends.Error
			var opaque *backends.OpaqueError
			if errors.As(err, &passed) && passed.Passed && errors.As(err, &opaque) {
				if lost == nil {
					lost = map[string]bool{}
				}
				lost[fmt.Sprint(h.Operator.ID, " ", passed.KeyGroup)] = true
				continue
			}
			if err != nil {
				tb.Errorf("operator %s, %v: %v", s.Name(h.Operator.ID), h.Slot, err)
				continue
			}
			if l, ok := LineOf(tb, p, &e); ok {
				lines = append(lines, l)
			}
		}
	}
	return lines, lost
}

// LineOf is e as p prints it, with its operator by its id; false where it does not decode, which fails the test.
func LineOf(tb testing.TB, p *snapshot.Printer, e *backends.Entry) (Line, bool) {
	tb.Helper()
	text, err := p.Append(nil, e)
	if err != nil {
		tb.Errorf("operator %s: %v", e.State.Operator, err)
		return nil, false
	}
	l := Parse(tb, text)
	l["op"] = e.State.Operator.String()
	return l, true
}

// Parse reads one line of a dump. Numbers stay as they are written.
func Parse(tb testing.TB, text []byte) Line {
	tb.Helper()
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	var l Line
	if err := d.Decode(&l); err != nil {
		tb.Fatalf("%s: %v", text, err)
	}
	return l
}
