package cmd

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"
	"strings"

	"github.com/ckpt-tool/ckpt/backends"
	"github.com/ckpt-tool/ckpt/backends/census"
	"github.com/ckpt-tool/ckpt/backends/columns"
	"github.com/ckpt-tool/ckpt/backends/snapshot"
	"github.com/ckpt-tool/ckpt/backends/where"
	"github.com/ckpt-tool/ckpt/layout"
)

// exporting is one run of the command.
type exporting struct {
	*openedState
	env    *Env
	opts   *stateExportOptions
	filter *where.Filter
	faults stateFaults
	into   layout.MutableStore
	temp   string // directory
	sent   []layout.Object
	// answers are those of --where.
	answers *whereAnswers
	files   []*exportFile
	byName  map[census.Name]int
}

// exportFile is the file of one state.
type exportFile struct {
	name    string
	states  []*backends.State
	entries int64
	size    int64

	file *os.File
	buf  *bufio.Writer
	out  exportFormat
}

// exportFormat takes entries as lines of JSON.
type exportFormat interface {
	Add(entry []byte) error
	Close() error
}

// plan finds out which states there are, and how their files are called.
func (x *exporting) plan(ctx context.Context) error {
	states, failed, err := x.load(ctx)
	if err != nil {
		return err
	}
	x.byName = map[census.Name]int{}
	for i := range x.handles {
		if failed[i] != nil {
			if err := x.faults.add(i, failed[i]); err != nil {
				return err
			}
		}
		for _, st := range states[i] {
			if x.opts.wantsState(st) {
				x.addState(st)
			}
		}
	}
	dir, name := x.opts.oneFile()
	if dir == "" {
		return nil
	}
	if len(x.files) != 1 {
		return usagef("choose one by --operator and --state, or let --to be a directory", "--to names one file, and there are %s", plural(len(x.files), "state"))
	}
	x.files[0].name = name
	return nil
}

func (x *exporting) addState(st *backends.State) {
	name := census.Name{Operator: st.Operator, Name: st.Name, Kind: st.Kind}
	i, known := x.byName[name]
	if !known {
		i = len(x.files)
		x.byName[name] = i
		x.files = append(x.files, &exportFile{name: x.fileName(st)})
	}
	x.files[i].states = append(x.files[i].states, st)
}

// fileName is that of a state's file: of what any file system takes. Where it is another's already, the full name of the
// state and the operator's id tell them apart, and at last a number.
func (x *exporting) fileName(st *backends.State) string {
	shown, _ := snapshot.StateName(st)
	operator, id := fileWord(x.Name(st.Operator)), st.Operator.String()[:8]
	names := []string{operator + "." + fileWord(shown), operator + "." + fileWord(st.Name), operator + "-" + id + "." + fileWord(st.Name)}
	for n := 0; ; n++ {
		name := fmt.Sprintf("%s-%d", names[len(names)-1], n)
		if n < len(names) {
			name = names[n]
		}
		name += "." + x.opts.format
		if !slices.ContainsFunc(x.files, func(f *exportFile) bool { return strings.EqualFold(f.name, name) }) {
			return name
		}
	}
}

// fileWord is a name with only what stands in file names everywhere.
func fileWord(s string) string {
	const most = 80
	s = strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z', r >= 'A' && r <= 'Z', r >= '0' && r <= '9', r == '-', r == '_':
			return r
		}
		return '_'
	}, s)
	return s[:min(most, len(s))]
}

// destination opens --to, and makes sure that nothing is there yet.
func (x *exporting) destination(ctx context.Context) error {
	dir, name := x.opts.oneFile()
	if name == "" {
		dir = x.opts.to
	}
	into, err := x.env.OpenMutable(ctx, dir)
	switch {
	case errors.Is(err, layout.ErrNotDirectory):
		return usagef("name a directory", "%s is a file", dir)
	case errors.Is(err, errors.ErrUnsupported):
		return usagef("export to a local path, s3://, gs://, abfss:// or hdfs://", "%s: this storage can only be read", dir)
	case err != nil:
		return err
	}
	x.into = into
	if err := apart(x.target.URL(), into.URL()); err != nil {
		return err
	}
	for _, f := range x.files {
		_, err := into.Stat(ctx, f.name)
		switch {
		case err == nil:
			return usagef("choose another place, or delete it first", "%s is there already, and nothing is overwritten", layout.Join(into.URL(), f.name))
		case !errors.Is(err, fs.ErrNotExist):
			return err
		}
	}
	return x.createFiles()
}

// createFiles begins the files, in a directory for temporary ones.
func (x *exporting) createFiles() (err error) {
	if x.temp, err = os.MkdirTemp("", "ckpt-export-"); err != nil {
		return err
	}
	for i, f := range x.files {
		if f.file, err = os.Create(fmt.Sprintf("%s/%d", x.temp, i)); err != nil {
			return err
		}
		f.buf = bufio.NewWriterSize(f.file, 256<<10)
		if f.out, err = x.formatOf(f); err != nil {
			return err
		}
	}
	return nil
}

func (x *exporting) formatOf(f *exportFile) (exportFormat, error) {
	switch x.opts.format {
	case formatCSV:
		return columns.NewCSV(f.buf, columns.Of(f.states))
	case formatParquet:
		st := f.states[0]
		return columns.NewParquet(f.buf, columns.Of(f.states), max(1<<20, columns.RowGroup/int64(len(x.files))), map[string]string{
			"ckpt.checkpoint": x.target.URL(), "ckpt.operator": x.Name(st.Operator), "ckpt.state": st.Name, "ckpt.kind": st.Kind.String(),
		}), nil
	}
	return &lineFile{f.buf}, nil
}

// lineFile takes entries as they are.
type lineFile struct{ w io.Writer }

// Add implements exportFormat.
func (l *lineFile) Add(entry []byte) error {
	_, err := l.w.Write(entry)
	return err
}

// Close implements exportFormat.
func (l *lineFile) Close() error { return nil }

// removeFiles removes the temporary files.
func (x *exporting) removeFiles() {
	for _, f := range x.files {
		if f.file != nil {
			f.file.Close()
		}
	}
	if x.temp != "" {
		os.RemoveAll(x.temp)
	}
	if x.into != nil {
		x.into.Close()
	}
}
