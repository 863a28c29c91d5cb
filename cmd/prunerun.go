package cmd

import (
	"context"
	"errors"
	"fmt"
	"path"
	"runtime/debug"
	"slices"
	"strings"

	"github.com/ckpt-tool/ckpt/layout"
	"github.com/ckpt-tool/ckpt/layout/prune"
)

// pruneRun is one run of a command that makes a plan, prints it, and may execute it.
type pruneRun struct {
	pruning
	command  string
	apply    *applyOptions
	strict   bool
	named    []string // the roots, as the user gave them
	policy   prune.Policy
	asked    []string // of rm, the directories that were named
	explicit bool     // --output was given
	lists    bool     // the output lists what could not be deleted

	made     *prune.Plan
	journals []prune.JournalFile // of earlier runs
	executed *prune.Executed     // nil where nothing was to be deleted
	failures failures
	stayed   stayed
	done     map[string]doneCounts // by root
	swept    []string              // the roots, as long as something is done
	kept     []keptArg             // by --keep
	others   []layout.Store        // that are open, and no roots
}

func newPruneRun(env *Env, command string, evidence *evidenceOptions, roots *rootOptions, safety *safetyOptions, apply *applyOptions) (*pruneRun, error) {
	w, err := newWitnesses(env, evidence)
	if err != nil {
		return nil, err
	}
	w.maps = slices.Clone(roots.maps)
	return &pruneRun{
		pruning: pruning{env: env, witnesses: w, roots: roots, safety: safety.safety()},
		command: command, apply: apply, strict: safety.strict,
	}, nil
}

func (r *pruneRun) close() {
	r.pruning.close()
	for _, s := range r.others {
		s.Close()
	}
}

// make reads all that a plan rests on, and makes it.
func (r *pruneRun) make(ctx context.Context, roots []string, policy prune.Policy) error {
	defer debug.SetGCPercent(debug.SetGCPercent(prune.GCPercent))
	r.named, r.policy = roots, policy
	if err := r.checkPlaces(roots); err != nil {
		return err
	}
	if err := r.open(ctx, roots); err != nil {
		return err
	}
	if err := r.read(ctx); err != nil {
		return err
	}
	if err := r.refuseSnapshots(); err != nil {
		return err
	}
	r.checkJobs(policy)
	if err := r.settleKept(ctx); err != nil {
		return err
	}
	if err := r.adoptClaimed(ctx); err != nil {
		return err
	}
	if err := r.readJournals(ctx); err != nil {
		return err
	}
	if err := r.remarks(ctx); err != nil {
		return err
	}
	in := r.input(policy)
	in.Authorised = prune.Authorise(ctx, r.journals, r.graph)
	r.made = prune.Make(in)
	return context.Cause(ctx)
}

// checkPlaces refuses a trash or a journal in the middle of what is to be pruned.
func (r *pruneRun) checkPlaces(roots []string) error {
	all := slices.Concat(roots, r.roots.alsoRoots, r.roots.entropy)
	for i, root := range all {
		at, err := absoluteURL(root)
		if err != nil {
			return err
		}
		all[i] = realPath(layout.Canonical(at))
	}
	for _, place := range []struct{ flag, url string }{{"--trash", r.apply.trash}, {"--journal", r.apply.journal}} {
		if place.url == "" {
			continue
		}
		at, err := absoluteURL(place.url)
		if err == nil {
			err = prune.TrashPlace(realPath(layout.Canonical(at)), all)
		}
		if err != nil {
			return usagef(hintOf(err, exitEntry{}), "%s: %v", place.flag, err)
		}
	}
	return nil
}

// refuseSnapshots refuses a root that is a checkpoint itself: those that share its files
// lie beside it.
func (r *pruneRun) refuseSnapshots() error {
	for _, t := range r.graph.Trees {
		if isSnapshot(t) && r.touches(t.Root) && len(r.asked) == 0 {
			return usagef("name the directory that holds the jobs; ckpt rm deletes a single checkpoint", "%s is a checkpoint", t.Root)
		}
	}
	return nil
}

// readJournals looks for what earlier runs have begun.
func (r *pruneRun) readJournals(ctx context.Context) error {
	dirs := r.toolDirs()
	if url := r.apply.journal; url != "" {
		store, err := r.env.OpenStore(ctx, url)
		switch {
		case err == nil:
			r.others = append(r.others, store)
			dirs = slices.DeleteFunc(dirs, func(j prune.Journal) bool { return layout.Join(j.Store.URL(), j.Dir) == store.URL() })
			dirs = append(dirs, prune.Journal{Store: readOnly{store}})
		case !isMissing(err): // the first run makes it
			return err
		}
	}
	var err error
	if r.journals, err = prune.ReadJournals(ctx, dirs); err != nil {
		return err
	}
	for _, f := range r.journals {
		if f.Err != nil {
			r.notes = append(r.notes, fmt.Sprintf("a journal cannot be read, and is left alone: %v", f.Err))
		}
	}
	return nil
}

// toolDirs are where journals lie that nobody has moved: a run may have had other roots,
// or the same ones in another order.
func (r *pruneRun) toolDirs() (dirs []prune.Journal) {
	for _, place := range r.places {
		for _, t := range r.trees {
			if key, ok := layout.Below(t.URL(), place.URL); ok && place.Mode == prune.Swept {
				dirs = append(dirs, prune.Journal{Store: readOnly{t}, Dir: path.Join(key, layout.ToolDirName)})
			}
		}
	}
	return dirs
}

// finish prints the plan, and executes it where that was asked for.
func (r *pruneRun) finish(ctx context.Context) error {
	out := r.output()
	switch out.(type) {
	case *pruneTable, *pruneJSON:
		r.lists = true
	}
	if err := out.plan(); err != nil {
		return err
	}
	var failed error
	if r.apply.deletes() && !r.made.Stopped() {
		failed = r.execute(ctx)
	}
	if err := out.close(); err != nil {
		return err
	}
	if failed != nil {
		return failed
	}
	return r.verdict()
}

// verdict is the error to end with.
func (r *pruneRun) verdict() error {
	var stopped *prune.StoppedError
	switch x := r.executed; {
	case r.made.Stopped():
		return r.refusal()
	case x == nil:
	case errors.As(x.Stopped, &stopped):
		return fmt.Errorf("stopped after %s: %w", plural(x.Objects, "file"), stopped)
	case x.Stopped != nil:
		return &resumableError{x.Stopped, "the next run ends what was begun"}
	case x.Failed+x.Left > 0:
		return r.failures.error(x)
	}
	if err := r.refused(); err != nil {
		return err
	}
	if held := r.held(); r.strict && len(held) > 0 {
		word := "guard"
		if len(held) > 1 {
			word = "guards"
		}
		return &findingsError{message: fmt.Sprintf("%s %s held something (--strict)", word, strings.Join(held, ", ")), hint: "the plan tells what, with -o table or -o json"}
	}
	return nil
}

// held are the guards that have kept something that was not meant to stay.
func (r *pruneRun) held() (names []string) {
	for _, g := range r.made.Guards {
		if g.Outcome != prune.Passed && !g.Rule {
			names = append(names, string(g.Name))
		}
	}
	return names
}

// refusal says which guards stop everything.
func (r *pruneRun) refusal() error {
	e := &refusedError{}
	more := 0
	for _, g := range r.made.Guards {
		switch {
		case g.Outcome != prune.StopAll:
		case e.message == "":
			e.message = fmt.Sprintf("nothing may be deleted: guard %s: %s", g.Name, g.Message)
			e.guard, e.path, e.hint = g.Name, r.pathOfGuard(g.Name), guardHints[g.Name]
		default:
			more++
		}
	}
	if more > 0 {
		e.message += fmt.Sprintf(" (and %s)", plural(more, "further guard"))
	}
	return e
}

// refusedError is for what is refused for safety.
type refusedError struct {
	message, path, hint string
	guard               prune.Name
}

// Error implements error.
func (e *refusedError) Error() string { return e.message }

// ErrPath is where the reason was found, "" where it is not known.
func (e *refusedError) ErrPath() string { return e.path }

// ErrHint is what to do about it.
func (e *refusedError) ErrHint() string { return e.hint }
