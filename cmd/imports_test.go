package cmd

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const module = "github.com/ckpt-tool/ckpt"

// arrows is what each room may import of this module, as docs/architecture.md
// draws it. A pattern that ends in /... means the folder and all below it. The
// most exact entry counts; a room without one is an error.
var arrows = []struct {
	room string
	may  []string
}{
	{"", []string{"cmd"}},
	{"cmd", []string{"metadata/...", "layout/...", "backends/...", "restore/..."}},
	{"metadata/...", []string{"metadata/..."}},
	{"metadata", []string{"metadata/javaobj"}},
	{"metadata/javaobj", nil},
	{"layout", []string{"metadata/..."}},
	{"layout/storage/...", []string{"layout", "layout/storage/..."}},
	{"layout/gate", []string{"layout", "layout/verify", "metadata/..."}},
	{"layout/relocate", []string{"layout", "layout/verify", "metadata/..."}},
	{"layout/prune", []string{"layout", "layout/usage", "metadata/..."}},
	{"layout/users", []string{"layout", "layout/usage", "metadata/..."}},
	{"layout/...", []string{"layout", "metadata/..."}},
	{"backends", []string{"metadata/..."}},
	{"backends/keygroups", []string{"metadata/..."}},
	{"backends/types", []string{"backends", "backends/keygroups", "metadata/..."}},
	{"backends/handletest", []string{"backends/...", "metadata/...", "testdata"}},
	{"backends/...", []string{"backends/...", "metadata/..."}},
	{"restore", []string{"layout", "backends", "backends/keygroups", "backends/types", "metadata/..."}},
	{"restore/coordinator", []string{"restore", "restore/checkpoints", "layout", "backends", "metadata/..."}},
	{"restore/checkpoints", []string{"restore", "layout", "backends", "metadata/..."}},
	{"restore/engine", []string{"restore", "restore/coordinator", "restore/checkpoints", "layout", "backends", "backends/keygroups", "backends/types", "metadata/..."}},
	{"restore/expr", []string{"restore/engine"}},
	{"restore/operators", []string{"restore/engine", "backends", "backends/types", "metadata/..."}},
	{"restore/connectors", []string{"restore/engine", "layout", "backends", "backends/types", "metadata/..."}},
	{"restore/settings", []string{"restore", "restore/engine", "restore/coordinator", "restore/checkpoints", "layout", "layout/flinkconf"}},
	{"restore/cluster", []string{"layout"}},
	{"restore/...", []string{"restore/...", "layout/...", "backends/...", "metadata/..."}},
	{"testdata", []string{"metadata/..."}},
	{"testdata/...", []string{"testdata", "metadata/...", "layout", "backends/..."}},
	{"testdata/bench", []string{"metadata/...", "layout/...", "backends/...", "restore/..."}},
}

// owners is which rooms alone may import a library. Where none is named, any may.
var owners = []struct {
	library string
	rooms   []string
}{
	{"github.com/spf13/...", []string{"cmd"}},
	{"github.com/olekukonko/...", []string{"cmd"}},
	{"github.com/fatih/color", []string{"cmd"}},
	{"github.com/mattn/go-isatty", []string{"cmd"}},
	{"golang.org/x/term", []string{"cmd"}},
	{"github.com/schollz/progressbar/...", []string{"cmd"}},
	{"github.com/vbauerster/mpb/...", []string{"cmd"}},
	{"github.com/jcmturner/...", []string{"layout/storage/..."}},
	{"github.com/goccy/...", []string{"layout/flinkconf", "layout/gate", "restore/job"}},
	{"github.com/klauspost/compress/...", []string{"backends/..."}},
	{"github.com/aws/...", []string{"layout/storage/..."}},
	{"cloud.google.com/...", []string{"layout/storage/..."}},
	{"github.com/Azure/...", []string{"layout/storage/..."}},
	{"github.com/colinmarc/hdfs/...", []string{"layout/storage/..."}},
	{"github.com/cockroachdb/pebble/...", []string{"backends/pebble"}},
	{"github.com/parquet-go/...", []string{"layout/inventory", "backends/columns"}},
	{"cel.dev/...", []string{"backends/where", "restore/expr"}},
}

// purists are rooms that import no library but those named.
var purists = []struct {
	room string
	may  []string
}{
	{"metadata/...", nil},
	{"layout", []string{"golang.org/x/sync/errgroup"}},
	{"backends", nil},
	{"restore/cluster", nil},
}

// catchAll are names that say nothing of what a package is for.
var catchAll = []string{"util", "utils", "common", "helper", "helpers", "misc", "shared", "pkg"}

// goPackage is what the rules look at: all files but the tests.
type goPackage struct {
	dir, name, doc string
	imports        []string
}

func TestImports(t *testing.T) {
	packages, err := readPackages("..")
	if err != nil {
		t.Fatal(err)
	}
	if len(packages) < 5 {
		t.Fatalf("only %d packages found", len(packages))
	}
	for _, p := range packages {
		for _, violation := range check(p) {
			t.Error(violation)
		}
	}
}

// A checker that finds nothing would please everybody.
func TestImportsFindsViolations(t *testing.T) {
	good := goPackage{dir: "layout", name: "layout", doc: "Package layout is.", imports: []string{"fmt", module + "/metadata", "golang.org/x/sync/errgroup"}}
	if v := check(good); len(v) > 0 {
		t.Errorf("a good package: %v", v)
	}
	for name, p := range map[string]goPackage{
		"an arrow up":          {dir: "metadata", imports: []string{module + "/layout"}},
		"an arrow sideways":    {dir: "layout/verify", imports: []string{module + "/layout/storage"}},
		"engine and a backend": {dir: "restore/engine", imports: []string{module + "/backends/heap"}},
		"layout and backends":  {dir: "layout", imports: []string{module + "/backends"}},
		"cmd from below":       {dir: "restore/job", imports: []string{module + "/cmd"}},
		"tests only":           {dir: "cmd", imports: []string{module + "/testdata"}},
		"an unknown room":      {dir: "attic", imports: nil},
		"not the owner":        {dir: "layout/verify", imports: []string{"github.com/aws/aws-sdk-go-v2/aws"}},
		"pebble anywhere":      {dir: "restore/engine", imports: []string{"github.com/cockroachdb/pebble/v2/sstable"}},
		"cobra below":          {dir: "restore/job", imports: []string{"github.com/spf13/pflag"}},
		"a library":            {dir: "metadata", imports: []string{"golang.org/x/sync/errgroup"}},
		"a library deep down":  {dir: "metadata/javaobj", imports: []string{"github.com/google/go-cmp/cmp"}},
		"unsafe C":             {dir: "metadata", imports: []string{"C"}},
		"a catch-all":          {dir: "layout/util", imports: nil},
		"its own name":         {dir: "layout/verify", name: "helpers"},
	} {
		if p.name == "" {
			p.name = path.Base(p.dir)
		}
		p.doc = "Package " + p.name + " is."
		if v := check(p); len(v) != 1 {
			t.Errorf("%s: want one violation, have %q", name, v)
		}
	}
	for _, doc := range []string{"", "TODO", "Package layouts is."} {
		if v := check(goPackage{dir: "layout", name: "layout", doc: doc}); len(v) != 1 {
			t.Errorf("package comment %q: %q", doc, v)
		}
	}
}

// check lists how p breaks the rules.
func check(p goPackage) (violations []string) {
	say := func(format string, args ...any) {
		violations = append(violations, "/"+p.dir+": "+fmt.Sprintf(format, args...))
	}
	if slices.Contains(catchAll, p.name) || slices.Contains(catchAll, path.Base(p.dir)) {
		say("the name %s says nothing of what the package is for", p.name)
	}
	start := "Package " + p.name + " "
	if p.name == "main" {
		start = "Command "
	}
	if !strings.HasPrefix(p.doc, start) {
		say("no package comment that starts with %q", start)
	}
	may, known := mayImport(p.dir)
	if !known {
		say("a room that the table of arrows does not know")
	}
	for _, imp := range p.imports {
		if inner, ours := cutModule(imp); ours {
			if !matchesAny(may, inner) {
				say("must not import %s", inner)
			}
			continue
		}
		if why := foreign(p.dir, imp); why != "" {
			say("must not import %s: %s", imp, why)
		}
	}
	return violations
}

// foreign says why dir must not import a package from outside the module.
func foreign(dir, imp string) string {
	if imp == "C" {
		return "no cgo"
	}
	if !strings.Contains(strings.Split(imp, "/")[0], ".") {
		return "" // the standard library
	}
	for _, o := range owners {
		if matches(o.library, imp) && !matchesAny(o.rooms, dir) {
			return "it belongs to " + strings.Join(o.rooms, ", ")
		}
	}
	for _, p := range purists {
		if matches(p.room, dir) && !slices.Contains(p.may, imp) {
			return "this room keeps to the standard library"
		}
	}
	return ""
}

// mayImport finds the most exact entry for dir.
func mayImport(dir string) (may []string, known bool) {
	best := -1
	for _, a := range arrows {
		exact := len(strings.TrimSuffix(a.room, "/..."))*2 + 1
		if strings.HasSuffix(a.room, "/...") {
			exact--
		}
		if matches(a.room, dir) && exact > best {
			best, may, known = exact, a.may, true
		}
	}
	return may, known
}

func matchesAny(patterns []string, name string) bool {
	return slices.ContainsFunc(patterns, func(p string) bool { return matches(p, name) })
}

func matches(pattern, name string) bool {
	folder, deep := strings.CutSuffix(pattern, "/...")
	return name == folder || deep && strings.HasPrefix(name, folder+"/")
}

func cutModule(imp string) (string, bool) {
	if imp == module {
		return "", true
	}
	return strings.CutPrefix(imp, module+"/")
}

// readPackages parses the head of every Go file below root, as all systems build it.
func readPackages(root string) ([]goPackage, error) {
	found := map[string]*goPackage{}
	err := filepath.WalkDir(root, func(file string, d fs.DirEntry, err error) error {
		rel, relErr := filepath.Rel(root, file)
		switch {
		case err != nil || relErr != nil:
			return err
		case d.IsDir() && rel != "." && (strings.HasPrefix(d.Name(), ".") || d.Name() == "flink"):
			return filepath.SkipDir
		case d.IsDir() || !strings.HasSuffix(file, ".go") || strings.HasSuffix(file, "_test.go"):
			return nil
		}
		return addFile(found, filepath.ToSlash(rel), file)
	})
	var packages []goPackage
	for _, p := range found {
		packages = append(packages, *p)
	}
	slices.SortFunc(packages, func(a, b goPackage) int { return strings.Compare(a.dir, b.dir) })
	return packages, err
}

func addFile(found map[string]*goPackage, rel, file string) error {
	src, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	f, err := parser.ParseFile(token.NewFileSet(), file, src, parser.ImportsOnly|parser.ParseComments)
	if err != nil {
		return err
	}
	dir := strings.TrimPrefix(path.Dir(rel), ".")
	p := found[dir]
	if p == nil {
		p = &goPackage{dir: dir, name: f.Name.Name}
		found[dir] = p
	}
	p.doc += f.Doc.Text()
	for _, spec := range f.Imports {
		p.imports = append(p.imports, importPath(spec))
	}
	slices.Sort(p.imports)
	p.imports = slices.Compact(p.imports)
	return nil
}

func importPath(spec *ast.ImportSpec) string {
	s, err := strconv.Unquote(spec.Path.Value)
	if err != nil {
		return spec.Path.Value
	}
	return s
}
