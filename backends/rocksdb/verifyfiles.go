package rocksdb

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/ckpt-tool/ckpt/backends"
	"github.com/ckpt-tool/ckpt/backends/keygroups"
)

// VerifyFiles reads every table of the database, and reports what is wrong with it, and which logs and
// blob files the handle has, that no checkpoint needs; of Pebble it holds each file against the list in PebbleMarker. Its error is one of Files, or of ctx. It tells how many bytes of tables were
// read.
func (r *Reader) VerifyFiles(ctx context.Context, report func(*backends.Error)) (int64, error) {
	total := int64(0)
	for _, f := range r.db.manifest.Families {
		for _, t := range r.db.families[f.Name].tables {
			if e := r.misplaced(f, t); e != nil {
				report(e)
			}
			n, err := t.verify(ctx, f.Name, report)
			total += n
			if err != nil {
				return total, err
			}
		}
	}
	if err := r.db.verifyListed(report); err != nil {
		return total, err
	}
	for _, name := range r.db.strangers() {
		report(&backends.Error{Path: r.db.place, KeyGroup: -1, Message: fmt.Sprintf("the handle has %s, which is not part of the database", name)})
	}
	return total, nil
}

// misplaced tells whether a table has keys of key groups that the job does not have. The largest key may be where
// a range deletion ends.
func (r *Reader) misplaced(f *Family, t *liveTable) *backends.Error {
	if r.db.pebble {
		return r.misplacedPebble(t)
	}
	if f.Name == defaultFamily || r.origin.MaxParallelism <= 0 {
		return nil
	}
	first, last := keygroups.Prefix(t.Smallest.User, r.prefix), keygroups.Prefix(t.Largest.User, r.prefix)
	if t.Largest.Kind() == RangeDeletion {
		last--
	}
	if first >= 0 && first < r.origin.MaxParallelism && last < r.origin.MaxParallelism {
		return nil
	}
	return &backends.Error{
		Path: r.db.place, State: f.Name, KeyGroup: -1,
		Message: fmt.Sprintf("table %s has keys of key groups %d to %d, and there are %d", t.Name(), first, last, r.origin.MaxParallelism),
	}
}

// strangers are the files that RocksDB does not need, by name.
func (db *database) strangers() []string {
	var names []string
	for name := range db.names {
		if strings.HasSuffix(name, ".log") || strings.HasSuffix(name, ".blob") {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

func (t *liveTable) verify(ctx context.Context, family string, report func(*backends.Error)) (int64, error) {
	var e *backends.Error
	table, err := t.acquire()
	if errors.As(err, &e) {
		report(e)
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	defer t.release()
	inState := func(e *backends.Error) {
		e.State = family
		report(e)
	}
	if family == defaultFamily && table.props.Entries > 0 && !t.db.pebble {
		inState(&backends.Error{Path: table.blob.Name(), Offset: table.blob.Offset(), KeyGroup: -1, Message: "the table has records that belong to no state"})
	}
	if t.db.pebble {
		return t.verifySummed(ctx, table, report)
	}
	return table.Verify(ctx, inState)
}
