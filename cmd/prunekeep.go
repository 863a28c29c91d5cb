package cmd

import (
	"bufio"
	"context"
	"errors"
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

// keptArg is a value of --keep, or a line of --keep-from, and all that it may mean.
type keptArg struct {
	arg, by string
	listed  bool
	urls    []string // canonical
}

// claims takes what --keep and --keep-from name. What has no scheme may stand relative to
// here, or to a root, as ls lists it.
func (r *pruneRun) claims(ctx context.Context, opts *keepOptions, roots []string) error {
	for _, arg := range opts.keep {
		if err := r.claim(ctx, keptArg{arg: arg, by: "--keep " + arg}, roots); err != nil {
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
	if len(listed) == 0 {
		return usagef("leave the flag out if nothing is held", "--keep-from %s: it lists no path, and keeps nothing", opts.keepFrom)
	}
	for _, line := range listed {
		by := fmt.Sprintf("--keep-from %s line %d", opts.keepFrom, line.number)
		if isQuoted(line.text) {
			return usagef("one plain path a line, as jq -r prints them", "%s: quotes, brackets or commas around the path: %s", by, line.text)
		}
		if err := r.claim(ctx, keptArg{arg: line.text, by: by, listed: true}, roots); err != nil {
			return err
		}
	}
	return nil
}

// isQuoted tells whether a line looks like a piece of JSON, or of a program.
func isQuoted(line string) bool {
	return strings.ContainsAny(line[:1], "\"'`[]{}") || strings.ContainsAny(line[len(line)-1:], "\"'`,;]}")
}

func (r *pruneRun) claim(ctx context.Context, k keptArg, roots []string) error {
	k.urls = []string{k.arg}
	switch place := layout.ParsePlace(k.arg); {
	case k.arg == "":
		return usagef("most often a variable that is not set", "--keep: the path is empty")
	case strings.HasPrefix(k.arg, "latest:"):
		t, err := (&openOptions{}).find(ctx, r.env, k.arg)
		if err != nil {
			return err
		}
		k.urls = []string{t.URL()}
		t.Store.Close()
	case place.Scheme == "" && !filepath.IsAbs(k.arg):
		local, err := filepath.Abs(k.arg)
		if err != nil {
			return err
		}
		k.urls = []string{local}
		for _, root := range roots {
			at, err := absoluteURL(root)
			if err != nil {
				return err
			}
			k.urls = append(k.urls, layout.Join(layout.Canonical(at), path.Clean(k.arg)))
		}
	}
	for i, url := range k.urls {
		k.urls[i] = layout.Canonical(url)
		r.keep = append(r.keep, prune.Claim{URL: k.urls[i], By: k.by, Snapshot: true})
	}
	r.kept = append(r.kept, k)
	return nil
}

// settleKept finds out which checkpoints are meant. What names none is a mistake that
// would cost one.
func (r *pruneRun) settleKept(ctx context.Context) error {
	known := prune.NewSnapshots(r.graph)
	for _, k := range r.kept {
		meant := slices.DeleteFunc(slices.Clone(k.urls), func(url string) bool { return !known.Known(url) && !known.Known(r.mapped(url)) })
		stops := len(r.stops)
		if len(meant) == 0 {
			var err error
			if meant, err = r.adoptKept(ctx, k); err != nil {
				return err
			}
		}
		switch {
		case len(meant) > 0:
			r.narrow(k, meant)
		case len(r.stops) > stops || r.gone(): // it may be where nothing could be read
		case k.listed:
			r.stops = append(r.stops, prune.Stop{Guard: prune.GuardReference, Message: fmt.Sprintf(
				"%s: no such checkpoint: %s: correct the list, or take the line out", k.by, k.arg)})
		default:
			return usagef("name a chk-N or savepoint directory as ckpt ls lists it, or by its URL", "--keep %s: no such checkpoint", k.arg)
		}
	}
	return nil
}

// adoptKept looks for the checkpoint outside of the roots.
func (r *pruneRun) adoptKept(ctx context.Context, k keptArg) ([]string, error) {
	for _, url := range k.urls {
		at := r.mapped(url)
		found, err := r.adopt(ctx, at)
		var none *layout.NotCheckpointError
		switch {
		case ctx.Err() != nil:
			return nil, context.Cause(ctx)
		case errors.As(err, &none) && !k.listed:
			return nil, usagef("name the directory of a checkpoint", "%s: %v", k.by, err)
		case err != nil:
			r.unreadable(at, k.by, err)
		case found:
			return []string{url}, nil
		}
	}
	return nil, nil
}

// mapped is where url is to be read.
func (w *witnesses) mapped(url string) string {
	if to, ok := layout.MapURL(w.maps, url); ok {
		return to
	}
	return url
}

// gone tells whether a root was not there, or shows nothing.
func (r *pruneRun) gone() bool {
	return slices.ContainsFunc(r.stops, func(s prune.Stop) bool { return s.Guard == prune.GuardRoot })
}

// narrow forgets what an argument could have meant as well.
func (r *pruneRun) narrow(k keptArg, meant []string) {
	other := func(c prune.Claim) bool {
		return c.By == k.by && !slices.ContainsFunc(meant, func(url string) bool { return c.URL == url || c.URL == r.mapped(url) })
	}
	r.keep = slices.DeleteFunc(r.keep, other)
	r.known.Claims = slices.DeleteFunc(r.known.Claims, other)
}

// checkJobs warns of flags for jobs that are not there: they do nothing. It may be a typing
// error, and it may be that an earlier run of the same line has removed all of the job.
func (r *pruneRun) checkJobs(policy prune.Policy) {
	if r.gone() {
		return
	}
	for _, named := range []struct {
		flag string
		jobs []layout.JobID
	}{{"--job", policy.Jobs}, {"--remove-all", policy.RemoveAll}} {
		for _, id := range named.jobs {
			if !r.has(id) {
				r.env.Log.Warn(named.flag+" names a job that is in no root: "+r.jobsHint(), "job", id.String())
			}
		}
	}
	for _, id := range r.ended {
		begins := func(n layout.Node) bool { p := n.JobPrefix(); return p != "" && strings.HasPrefix(id.String(), p) }
		if !r.has(id) && !slices.ContainsFunc(r.graph.Nodes, begins) {
			r.env.Log.Warn("--ended names a job that is in no root", "job", id.String())
		}
	}
}

// jobsHint names the jobs that there are, if they are few.
func (r *pruneRun) jobsHint() string {
	const few = 8
	var ids []string
	for _, t := range r.graph.Trees {
		for _, d := range t.JobDirs {
			if d.HasJob {
				ids = append(ids, d.Job.String())
			}
		}
	}
	slices.Sort(ids)
	if ids = slices.Compact(ids); len(ids) == 0 || len(ids) > few {
		return "ckpt ls lists the jobs"
	}
	return "there are " + strings.Join(ids, ", ")
}

// listLine is a line of a list.
type listLine struct {
	text   string
	number int
}

// readList reads the lines of a file, or of stdin for "-". Empty ones and comments do not
// count.
func (e *Env) readList(name string) ([]listLine, error) {
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

func lines(name string, in io.Reader) (list []listLine, err error) {
	scan := bufio.NewScanner(in)
	scan.Buffer(nil, longestPath)
	for n := 1; scan.Scan(); n++ {
		if line := strings.TrimSpace(scan.Text()); line != "" && !strings.HasPrefix(line, "#") {
			list = append(list, listLine{line, n})
		}
	}
	if err := scan.Err(); err != nil {
		return nil, fmt.Errorf("reading %s: %w", name, err)
	}
	return list, nil
}
