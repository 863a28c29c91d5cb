package rocksdb

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"

	"github.com/ckpt-tool/ckpt/backends"
	"github.com/ckpt-tool/ckpt/metadata"
)

const (
	currentName    = "CURRENT"
	optionsPrefix  = "OPTIONS-"
	tableSuffix    = ".sst"
	mostOpenTables = 128 // that nobody reads at the moment
)

// database is the files of a handle, as the MANIFEST says they belong together.
type database struct {
	ctx      context.Context
	files    backends.Files
	limit    int64 // of a block, in bytes
	names    map[string]metadata.StreamHandle
	place    string // where the MANIFEST is, for messages
	manifest *Manifest
	pebble   bool                  // whether PebbleMarker is there
	listed   map[string]PebbleFile // in it
	merges   map[string]mergeOperator
	families map[string]*family

	mu   sync.Mutex
	open int   // tables that are open
	held int64 // bytes that they keep
	keep int64 // bytes that they may keep while nobody reads them
}

// family is a column family with its tables.
type family struct {
	*Family
	db     *database
	tables []*liveTable
	merge  mergeOperator
	head   []byte // what its keys begin with: nothing, or of Pebble the number of the state
}

// liveTable is a table of a database, open while somebody reads it, and longer as long as there is room.
type liveTable struct {
	*TableFile
	db     *database
	family string
	handle metadata.StreamHandle

	mu    sync.Mutex
	blob  backends.Blob
	table *Table
	users int
	held  int64
}

// openDatabase reads CURRENT, the MANIFEST and OPTIONS; of Pebble the list of files and the MANIFEST.
func openDatabase(ctx context.Context, files backends.Files, h *metadata.IncrementalHandle, opts *backends.Options) (*database, error) {
	db := &database{ctx: ctx, files: files, limit: opts.Budget(), keep: opts.Budget() / 4, names: map[string]metadata.StreamHandle{}, families: map[string]*family{}}
	for _, list := range [][]metadata.NamedFile{h.Shared, h.Private} {
		for _, f := range list {
			db.names[string(f.Name)] = f.File
		}
	}
	if _, db.pebble = db.names[PebbleMarker]; db.pebble {
		if err := db.readPebbleFiles(h); err != nil {
			return nil, err
		}
	}
	if err := db.readManifest(); err != nil {
		return nil, err
	}
	if err := db.readOptions(); err != nil {
		return nil, err
	}
	for _, f := range db.manifest.Families {
		if err := db.addFamily(f); err != nil {
			return nil, err
		}
	}
	if err := db.sameFiles(); err != nil {
		return nil, err
	}
	return db, nil
}

// read reads a file that is small.
func (db *database) read(name string) ([]byte, string, error) {
	h, ok := db.names[name]
	if !ok {
		return nil, "", &backends.Error{Path: name, KeyGroup: -1, Message: "the handle of the database does not have this file"}
	}
	blob, err := db.files.Open(db.ctx, h)
	if err != nil {
		return nil, "", err
	}
	defer blob.Close()
	size := blob.Size()
	if size > db.limit {
		return nil, "", &backends.Error{Path: blob.Name(), Offset: blob.Offset(), KeyGroup: -1, Message: fmt.Sprintf("%s takes %d bytes of memory, and %d are allowed", name, size, db.limit), Hint: moreMemory, Err: backends.ErrBudget}
	}
	b := make([]byte, size)
	var cut *cutError
	if err := readFull(blob, b, 0); errors.As(err, &cut) {
		return nil, "", &backends.Error{Path: blob.Name(), Offset: blob.Offset() + cut.offset, KeyGroup: -1, Message: name + " is cut off", Err: err}
	} else if err != nil {
		return nil, "", err
	}
	return b, blob.Name(), nil
}

// current is the name of the MANIFEST.
func (db *database) current() (string, error) {
	if db.pebble {
		return db.pebbleManifest()
	}
	line, place, err := db.read(currentName)
	if err != nil {
		return "", err
	}
	name, ok := strings.CutSuffix(string(line), "\n")
	if !ok || !strings.HasPrefix(name, "MANIFEST-") || strings.ContainsAny(name, "\n/") {
		return "", &backends.Error{Path: place, KeyGroup: -1, Message: fmt.Sprintf("CURRENT is %.40q, which names no MANIFEST", line)}
	}
	return name, nil
}

func (db *database) readManifest() error {
	name, err := db.current()
	if err != nil {
		return err
	}
	b, place, err := db.readListed(name)
	if err != nil {
		return err
	}
	db.place = place
	db.manifest, err = ParseManifest(b)
	var format *formatError
	if errors.As(err, &format) {
		return &backends.Error{Path: place, Offset: format.offset, KeyGroup: -1, Message: format.message, Hint: format.hint}
	}
	return err
}

// readOptions takes the file of the highest number, as RocksDB does.
func (db *database) readOptions() error {
	if db.pebble {
		return nil // Pebble's are of another form, and tables name their merge operator
	}
	newest := ""
	for name := range db.names {
		if strings.HasPrefix(name, optionsPrefix) && (len(name) > len(newest) || len(name) == len(newest) && name > newest) {
			newest = name
		}
	}
	if newest == "" {
		return nil
	}
	text, _, err := db.read(newest)
	db.merges = parseOptions(string(text))
	return err
}

func (db *database) addFamily(f *Family) error {
	if f.Comparator != "" && f.Comparator != bytewise {
		return db.failed("the keys of column family %q are ordered by %s; only %s is read here", f.Name, f.Comparator, bytewise)
	}
	if db.families[f.Name] != nil {
		return db.failed("there are two column families of the name %q", f.Name)
	}
	fam := &family{Family: f, db: db, merge: mergeOperator{delimiter: defaultDelimiter}}
	if m, ok := db.merges[f.Name]; ok {
		fam.merge = m
	}
	for i, file := range f.Files {
		if file.Smallest.Compare(file.Largest) > 0 {
			return db.failed("the smallest key of table %s comes after its largest", file.Name())
		}
		fam.tables = append(fam.tables, &liveTable{TableFile: file, db: db, family: f.Name, handle: db.names[file.Name()]})
		if i > 0 && file.Level > 0 && f.Files[i-1].Level == file.Level && f.Files[i-1].Largest.Compare(file.Smallest) >= 0 {
			return db.failed("tables %s and %s of level %d of column family %q overlap", f.Files[i-1].Name(), file.Name(), file.Level, f.Name)
		}
	}
	db.families[f.Name] = fam
	return nil
}

func (db *database) failed(format string, args ...any) error {
	return &backends.Error{Path: db.place, KeyGroup: -1, Message: fmt.Sprintf(format, args...)}
}

// sameFiles holds that handle and MANIFEST have the same tables, of the same sizes. Else the MANIFEST is that
// of another database, or of another time, and whatever it says of keys would be wrong.
func (db *database) sameFiles() error {
	live := map[string]bool{}
	for _, f := range db.manifest.Families {
		for _, file := range f.Files {
			name := file.Name()
			live[name] = true
			h := db.names[name]
			if h == nil {
				return db.failed("the MANIFEST has table %s, which the handle of the database does not have", name)
			}
			if size := h.StateSize(); size != file.Size {
				return db.failed("the MANIFEST has table %s with %d bytes, and the handle of the database has it with %d", name, file.Size, size)
			}
		}
	}
	for name := range db.names {
		if strings.HasSuffix(name, tableSuffix) && !live[name] {
			return db.failed("the handle of the database has table %s, which the MANIFEST does not have", name)
		}
	}
	return nil
}

// acquire gives the table, open. It must be released as often.
func (t *liveTable) acquire() (*Table, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.table == nil {
		if err := t.load(); err != nil {
			return nil, err
		}
	}
	t.users++
	return t.table, nil
}

func (t *liveTable) load() error {
	blob, err := t.db.files.Open(t.db.ctx, t.handle)
	if err != nil {
		return err
	}
	if blob.Size() != t.Size {
		defer blob.Close()
		return &backends.Error{Path: blob.Name(), Offset: blob.Offset(), KeyGroup: -1, Message: fmt.Sprintf("table %s has %d bytes, and %d in the MANIFEST", t.Name(), blob.Size(), t.Size)}
	}
	table, err := OpenTable(blob, &TableOptions{File: t.TableFile, Memory: t.db.limit})
	if err == nil {
		err = t.identify(table)
	}
	if err != nil {
		return errors.Join(err, blob.Close())
	}
	t.blob, t.table = blob, table
	t.db.count(1, 0)
	return nil
}

// count keeps the numbers of what is open.
func (db *database) count(tables int, held int64) (full bool) {
	db.mu.Lock()
	defer db.mu.Unlock()
	db.open += tables
	db.held += held
	return db.open > mostOpenTables || db.held > db.keep
}

// release closes the table if nobody else reads it and there are many.
func (t *liveTable) release() {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.users--; t.table == nil {
		return
	}
	held := t.table.held()
	full := t.db.count(0, held-t.held)
	t.held = held
	if full && t.users == 0 {
		t.close()
	}
}

func (t *liveTable) close() {
	if t.table != nil {
		t.db.count(-1, -t.held)
		t.blob.Close()
		t.blob, t.table, t.held = nil, nil, 0
	}
}

// close closes all tables.
func (db *database) close() {
	for _, f := range db.families {
		for _, t := range f.tables {
			t.mu.Lock()
			t.close()
			t.mu.Unlock()
		}
	}
}
