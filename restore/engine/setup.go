package engine

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"

	"github.com/ckpt-tool/ckpt/backends"
	"github.com/ckpt-tool/ckpt/metadata"
	"github.com/ckpt-tool/ckpt/restore"
)

// open gives the operators their state and opens them, the last first: each finds those behind it ready.
func (t *task) open() error {
	if t.source != nil {
		a, _ := t.attempt.assigned(t.source.id, t.subtask)
		if err := t.source.open(a); err != nil {
			return t.source.failed(err, nil)
		}
	}
	for i := len(t.ops) - 1; i >= 0; i-- {
		r := t.ops[i]
		if err := r.call(r.open); err != nil {
			return err
		}
	}
	return nil
}

func (r *opRun) open() error {
	t, id := r.t, r.node.operatorID()
	a, maxParallelism := t.attempt.assigned(id, t.subtask)
	r.ctx = &Context{
		Context: t.ctx, UID: r.node.UID, Operator: id, Subtask: t.subtask, Parallelism: t.parallelism,
		MaxParallelism: int(maxParallelism), Restored: t.attempt.restoredID, clock: t.attempt.config.Clock,
		Log: t.attempt.config.Log.With("operator", r.node.UID, "subtask", t.subtask), open: r.openTimers,
	}
	for _, e := range r.node.Inputs {
		r.ctx.Inputs = append(r.ctx.Inputs, e.From.Output)
	}
	var err error
	if r.state, err = t.openOperator(a); err != nil {
		return t.attempt.beginning(fmt.Errorf("operator state: %w", err))
	}
	r.ctx.State = r.state
	if err := r.openKeyed(a, maxParallelism); err != nil {
		return t.attempt.beginning(fmt.Errorf("keyed state: %w", err))
	}
	r.opening = true
	if err := r.op.Open(r.ctx); err != nil {
		return err
	}
	for _, s := range r.services {
		if err := s.arm(); err != nil {
			return err
		}
	}
	return nil
}

// beginning is the error of state that could not be restored. What the job was to begin with will not be better next time.
func (a *attempt) beginning(err error) error {
	if a.number == 0 && a.config.Restore != nil && a.ctx.Err() == nil {
		return SuppressRestarts(err)
	}
	return err
}

// openOperator makes the operator state of a sub-task of one operator.
func (t *task) openOperator(a *restore.SubtaskAssignment) (backends.Operator, error) {
	return t.attempt.config.OpenOperator(t.ctx, &backends.OperatorConfig{Subtask: int32(t.subtask), Restored: a.Operator, Whole: a.Whole, Files: t.attempt.files})
}

// openKeyed makes the keyed state, behind a hash exchange only, and gives raw keyed state to who wants it.
func (r *opRun) openKeyed(a *restore.SubtaskAssignment, maxParallelism int32) error {
	t, c := r.t, r.t.attempt.config
	key, err := r.node.keyType()
	if err != nil {
		return err
	}
	if key == nil {
		return nil
	}
	conf := &backends.StoreConfig{
		Operator: r.ctx.Operator, Subtask: int32(t.subtask), MaxParallelism: maxParallelism, KeyGroups: a.KeyGroups, Key: key,
		Files: t.attempt.files, Now: func() int64 { return c.Clock.Now().UnixMilli() },
	}
	if c.StateBackend.NeedsDir {
		dir := filepath.Join(c.LocalDir, attemptDir(t.id.Attempt))
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return err
		}
		conf.Dir = filepath.Join(dir, fmt.Sprintf("%s_%d", r.ctx.Operator, t.subtask))
	}
	for _, p := range a.Keyed {
		conf.Restored = append(conf.Restored, r.restored(p, conf, len(a.Keyed) == 1))
	}
	if err := checkKey(t.ctx, conf); err != nil {
		return err
	}
	store, err := c.StateBackend.Open(t.ctx, conf)
	if err != nil {
		return err
	}
	if r.keyed, err = c.OpenState(store, conf); err != nil {
		store.Close()
		return err
	}
	r.ctx.Keyed = r.keyed
	return r.restoreRaw(a)
}

// checkKey looks whether restored keys are of the type that the job's are: their bytes would be taken for others otherwise. The snapshot of their
// serializer goes on.
func checkKey(ctx context.Context, conf *backends.StoreConfig) error {
	for i := range conf.Restored {
		was, raw, err := restoredKey(ctx, &conf.Restored[i])
		switch {
		case err != nil:
			return err
		case was == nil:
			continue // no state, or none that tells
		case was.String() != conf.Key.String():
			return &backends.IncompatibleError{State: "of the operator", Was: "keyed by " + was.String(), Want: "keys of " + conf.Key.String()}
		}
		conf.KeyRaw = raw
		return nil
	}
	return nil
}

func restoredKey(ctx context.Context, h *backends.RestoredHandle) (backends.Type, []byte, error) {
	r, err := h.Open(ctx)
	if err != nil {
		return nil, nil, err
	}
	for _, st := range r.States() {
		if st.Key != nil {
			return st.Key, bytes.Clone(st.KeyRaw), r.Close()
		}
	}
	return nil, nil, r.Close()
}

// restored is one handle for the store. The copy that this process kept is of a whole sub-task.
func (r *opRun) restored(p restore.KeyedPart, conf *backends.StoreConfig, whole bool) backends.RestoredHandle {
	t := r.t
	var local metadata.KeyedHandle
	if whole && int(p.Subtask) == t.subtask {
		local = t.attempt.local.find(t.attempt.restoredID, r.ctx.Operator, t.subtask)
	}
	origin := backends.Origin{Operator: r.ctx.Operator, Subtask: p.Subtask, MaxParallelism: conf.MaxParallelism, Range: conf.KeyGroups,
		Key: func(context.Context) backends.Type { return conf.Key }} // a log of changes alone does not tell it
	return backends.RestoredHandle{
		Handle:  p.Handle,
		Local:   local,
		NoClaim: t.attempt.noClaim,
		Open: func(ctx context.Context) (backends.Reader, error) {
			return t.attempt.config.OpenKeyed(ctx, t.attempt.files, p.Handle, origin)
		},
	}
}

func (r *opRun) restoreRaw(a *restore.SubtaskAssignment) error {
	if len(a.Raw) == 0 {
		return nil
	}
	op, ok := r.op.(RawKeyed)
	if !ok {
		return fmt.Errorf("the checkpoint holds raw keyed state of it, which the operator does not read")
	}
	for _, p := range a.Raw {
		if err := restoreRaw(r.t.ctx, r.t.attempt.files, op, p.Handle, a.KeyGroups); err != nil {
			return err
		}
	}
	return nil
}
