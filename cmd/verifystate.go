package cmd

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strings"
	"sync"

	"github.com/ckpt-tool/ckpt/backends"
	"github.com/ckpt-tool/ckpt/backends/snapshot"
	"github.com/ckpt-tool/ckpt/backends/types"
	"github.com/ckpt-tool/ckpt/layout"
	"github.com/ckpt-tool/ckpt/layout/verify"
	"github.com/ckpt-tool/ckpt/metadata"
)

// mostProblems is how many problems of one handle and of one severity are told one by one.
const mostProblems = 10

// checkState reads all state of a snapshot entry by entry, for package verify, which knows no formats.
func (v *verification) checkState(ctx context.Context, n *layout.Node, c *metadata.Checkpoint,
	take func(string, int64) bool, report func(verify.StateProblem)) error {
	target := &layout.Target{Store: n.Tree.Store, Dir: n.Dir, Metadata: n.Metadata.Key}
	blobs := layout.NewBlobs(ctx, v.env.OpenStore, target, v.opts.maps)
	defer blobs.Close()
	s := snapshot.New(c, &stateFiles{blobs: blobs}, backends.Options{Verify: true}, nil)
	defer s.Close()
	for _, h := range s.Handles {
		if !take(fmt.Sprint(n.URL(), " ", h.Operator.ID, " ", h.Subtask.Index, " ", h.Slot), h.Subtask.Sizes().State) {
			continue
		}
		k := &stateCheck{snapshot: s, handle: h, report: report, seen: map[string]bool{}, told: map[verify.Severity]int{}}
		if err := k.run(ctx, stateWorkers(v.env, n.Tree.Root)); err != nil {
			return err
		}
	}
	return nil
}

// stateCheck checks one handle.
type stateCheck struct {
	snapshot *snapshot.Snapshot
	handle   *snapshot.Handle
	report   func(verify.StateProblem)

	mu    sync.Mutex
	seen  map[string]bool // problems, which each part of the handle may have met
	told  map[verify.Severity]int
	doubt error
}

// fileVerifier is a reader that can check its files as a whole.
type fileVerifier interface {
	VerifyFiles(ctx context.Context, report func(*backends.Error)) (int64, error)
}

func (k *stateCheck) run(ctx context.Context, workers int) error {
	r, err := k.handle.Reader(ctx)
	if err != nil {
		k.found(err)
		return errors.Join(k.doubt, ctx.Err())
	}
	if f, ok := r.(fileVerifier); ok {
		if _, err := f.VerifyFiles(ctx, func(e *backends.Error) { k.found(e) }); err != nil {
			k.found(err)
		}
	}
	if k.told[verify.Error] > 0 {
		return k.doubt // what does not hold its checksums is not to be read on
	}
	err = snapshot.Fold(ctx, k.handle.Split(workers), workers, func(ctx context.Context, _ int, p *snapshot.Part) error {
		return k.read(ctx, p)
	})
	for severity, n := range k.told {
		if n > mostProblems {
			more := k.problem(&backends.Error{Message: fmt.Sprintf("%d more problems of this state", n-mostProblems), KeyGroup: -1})
			more.Severity = severity
			k.report(more)
		}
	}
	return errors.Join(err, k.doubt)
}

// read decodes all entries of a part.
func (k *stateCheck) read(ctx context.Context, part *snapshot.Part) error {
	printer := k.snapshot.Printer()
	var text []byte
	for e, err := range part.Entries(ctx, nil) {
		if err != nil {
			k.found(err)
			continue
		}
		if text, err = printer.Append(text[:0], &e); err != nil {
			k.found(err)
		}
	}
	return ctx.Err()
}

// found sorts what went wrong: what is broken is reported, what only the job could decode is told, and what could
// not be read is a doubt. A file that is not there, or that is too short, was found before.
func (k *stateCheck) found(err error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	var e *backends.Error
	var file *layout.FileError
	switch {
	case errors.Is(err, fs.ErrNotExist), errors.As(err, &file) && errors.Is(err, io.ErrUnexpectedEOF):
	case errors.As(err, &e):
		text := e.Error()
		if k.seen[text] {
			return
		}
		k.seen[text] = true
		p := k.problem(e)
		if k.told[p.Severity]++; k.told[p.Severity] <= mostProblems {
			k.report(p)
		}
	case k.doubt == nil && !errors.Is(err, context.Canceled):
		k.doubt = err
	}
}

func (k *stateCheck) problem(e *backends.Error) verify.StateProblem {
	p := verify.StateProblem{
		Problem: verify.Problem{Offset: e.Offset, Message: e.Message, Severity: verify.Error},
		Place:   metadata.Place{Operator: k.handle.Operator, Subtask: k.handle.Subtask, Slot: k.handle.Slot},
		URL:     e.Path, Hint: e.Hint,
	}
	if e.State != "" {
		p.Message = fmt.Sprintf("state %q: %s", e.State, e.Message)
	}
	if e.Path == "" {
		p.Offset = -1
	}
	var opaque *backends.OpaqueError
	var snap *types.SnapshotError
	switch {
	case errors.As(e.Err, &opaque):
		p.Severity = opaqueSeverity(opaque.Class)
	case errors.As(e.Err, &snap) && snap.Unknown:
		p.Severity = opaqueSeverity(snap.Class)
	}
	return p
}

// opaqueSeverity is how bad it is that nobody knows a class. One of Flink's own may be a name that was damaged.
func opaqueSeverity(class string) verify.Severity {
	if strings.HasPrefix(class, "org.apache.flink.") {
		return verify.Warning
	}
	return verify.Info
}
