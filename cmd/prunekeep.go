package cmd

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/ckpt-tool/ckpt/layout"
	"github.com/ckpt-tool/ckpt/layout/prune"
)

// longestPath is more than any storage allows for one.
const longestPath = 64 << 10

// claims takes what --keep and --keep-from name. What has no scheme may stand relative to
// here, or to a root, as ls lists it.
func (r *pruneRun) claims(ctx context.Context, opts *keepOptions, roots []string) error {
	for _, arg := range opts.keep {
		if err := r.claim(ctx, arg, "--keep "+arg, roots); err != nil {
			return err
		}
	}
	if opts.keepFrom == "" {
		return nil
	}
	listed, err := r.env.readList(opts.keepFrom)
	if err != nil {
		return err
	}
	for _, arg := range listed {
		if err := r.claim(ctx, arg, "--keep-from lists it", roots); err != nil {
			return err
		}
	}
	return nil
}

func (r *pruneRun) claim(ctx context.Context, arg, by string, roots []string) error {
	urls := []string{arg}
	switch place := layout.ParsePlace(arg); {
	case arg == "":
		return usagef("most often a variable that is not set", "--keep: the path is empty")
	case strings.HasPrefix(arg, "latest:"):
		t, err := (&openOptions{}).find(ctx, r.env, arg)
		if err != nil {
			return err
		}
		urls = []string{t.URL()}
		t.Store.Close()
	case place.Scheme == "" && !filepath.IsAbs(arg):
		local, err := filepath.Abs(arg)
		if err != nil {
			return err
		}
		urls = []string{local}
		for _, root := range roots {
			at, err := absoluteURL(root)
			if err != nil {
				return err
			}
			urls = append(urls, layout.Join(layout.Canonical(at), path.Clean(arg)))
		}
	}
	for _, url := range urls {
		r.keep = append(r.keep, prune.Claim{URL: layout.Canonical(url), By: by})
	}
	if by != "--keep-from lists it" { // a list may well be of other roots, too
		r.kept = append(r.kept, keptArg{arg, urls})
	}
	return nil
}

// keptArg is a value of --keep, and all that it may mean.
type keptArg struct {
	arg  string
	urls []string
}

// unmatched are notes of values of --keep that name nothing: a typing error there costs
// a checkpoint.
func (r *pruneRun) unmatched() (notes []string) {
	for _, k := range r.kept {
		if !slices.ContainsFunc(k.urls, r.holds) {
			notes = append(notes, fmt.Sprintf("--keep %s: no such checkpoint in the roots", k.arg))
		}
	}
	return notes
}

// holds tells whether url is a snapshot of the roots, at its place or at the end of it.
func (r *pruneRun) holds(url string) bool {
	url = strings.TrimSuffix(layout.Canonical(url), "/"+layout.MetadataName)
	tail := func(u string) string { return path.Join(path.Base(path.Dir(u)), path.Base(u)) }
	return slices.ContainsFunc(r.graph.Nodes, func(n layout.Node) bool {
		return n.URL() == url || tail(n.URL()) == tail(url)
	})
}

// readList reads the lines of a file, or of stdin for "-". Empty ones and comments do not
// count.
func (e *Env) readList(name string) ([]string, error) {
	in := e.In
	if name != "-" {
		f, err := os.Open(name)
		if err != nil {
			return nil, err
		}
		defer f.Close()
		in = f
	}
	return lines(name, in)
}

func lines(name string, in io.Reader) (list []string, err error) {
	scan := bufio.NewScanner(in)
	scan.Buffer(nil, longestPath)
	for scan.Scan() {
		if line := strings.TrimSpace(scan.Text()); line != "" && !strings.HasPrefix(line, "#") {
			list = append(list, line)
		}
	}
	if err := scan.Err(); err != nil {
		return nil, fmt.Errorf("reading %s: %w", name, err)
	}
	return list, nil
}
