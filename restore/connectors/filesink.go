package connectors

import (
	"cmp"
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"time"

	"github.com/ckpt-tool/ckpt/backends"
	"github.com/ckpt-tool/ckpt/layout"
	"github.com/ckpt-tool/ckpt/restore/engine"
)

// DefaultRollSize is from how many bytes on a part is complete.
const DefaultRollSize = 32 << 20

// DefaultAbandonAfter is the age at which hidden parts of an earlier run are deleted.
const DefaultAbandonAfter = time.Hour

// FileSink writes files in two phases: exactly once; see the package comment (Flink: FileSink, TwoPhaseCommitSinkFunction). New is the
// operator of a sub-task. A FileSink is of one node of a job.
type FileSink struct {
	// URL is the directory, which need not be there. Jobs may share one.
	URL    string
	Store  layout.OpenMutable
	Format Format // JSON or CSV
	// Prefix begins the names of files; "": part.
	Prefix string
	// RollSize is from how many bytes on a file is complete, if no checkpoint comes before; 0: DefaultRollSize. A sub-task holds as much in memory.
	RollSize int64
	// Consumed is whether others take committed files away. Then a part that should be committed and is nowhere counts as
	// committed and taken; else it is an error.
	Consumed bool
	// AbandonAfter is how old parts must be that an earlier run left, and that belong to no checkpoint the job can know of, before
	// they are deleted; 0: DefaultAbandonAfter. Whether that run has really ended, nobody can tell from here. Those of attempts within
	// this process, whose end is certain, are deleted at once.
	AbandonAfter time.Duration

	mu      sync.Mutex
	lineage string
	tokens  map[string]bool
}

// Guarantee is what the sink promises.
func (*FileSink) Guarantee() engine.Guarantee { return engine.ExactlyOnce }

// Check tells what is wrong with the settings.
func (s *FileSink) Check() error {
	switch {
	case s.URL == "":
		return fmt.Errorf("file sink: no directory")
	case s.Format.Kind == Lines:
		return fmt.Errorf("file sink: want json or csv, not lines")
	case strings.HasPrefix(s.Prefix, ".") || strings.HasPrefix(s.Prefix, "_") || strings.ContainsAny(s.Prefix, "/\\\x00"):
		return fmt.Errorf("file sink: prefix %q: want one without slashes that does not begin with . or _, which would hide the files", s.Prefix)
	case s.RollSize < 0:
		return fmt.Errorf("file sink: a roll size of %d bytes", s.RollSize)
	}
	return nil
}

// New makes the operator of one sub-task.
func (s *FileSink) New() engine.Operator { return &fileWriter{sink: s} }

// identity is the lineage of a job that begins anew, the same for all sub-tasks and attempts, and a token for this one.
func (s *FileSink) identity() (lineage, token string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.lineage == "" {
		s.lineage, s.tokens = strings.ToLower(rand.Text()[:10]), map[string]bool{}
	}
	token = strings.ToLower(rand.Text()[:16])
	s.tokens[token] = true
	return s.lineage, token
}

// ours is whether an attempt was one of this process.
func (s *FileSink) ours(token string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.tokens[token]
}

// fileWriter is a FileSink in one sub-task.
type fileWriter struct {
	sink    *FileSink
	ctx     *engine.Context
	commits committer
	encoder *encoder
	buf     []byte // of the part that is being written
	records int    // in it

	names staging
	open  []part // staged since the last snapshot
	// pending are parts that belong to a snapshot, and are not known to be committed.
	pending []part
	stale   []layout.Object // what earlier attempts left
	// The state, all of it union state: all sub-tasks get the parts of all, since each must know what not to delete.
	parts, lineage backends.OperatorListState
}

// Open implements engine.Operator. The parts of the checkpoint that it begins with are committed: it is complete.
func (w *fileWriter) Open(c *engine.Context) (err error) {
	w.ctx = c
	if err := w.sink.Check(); err != nil {
		return err
	}
	if len(c.Inputs) != 1 {
		return fmt.Errorf("file sink %s: %d inputs, want one", c.UID, len(c.Inputs))
	}
	if w.encoder, err = newEncoder(w.sink.Format, c.Inputs[0]); err != nil {
		return fmt.Errorf("file sink %s: %w", c.UID, err)
	}
	store, err := w.sink.Store(c, w.sink.URL)
	if err != nil {
		return err
	}
	w.commits = committer{sink: w.sink, store: store, log: cmp.Or(c.Log, slog.New(slog.DiscardHandler))}
	restored, err := w.restore()
	if err != nil {
		return fmt.Errorf("file sink %s: %w", c.UID, err)
	}
	for i, p := range restored {
		if i%c.Parallelism != c.Subtask {
			continue
		}
		if err := w.commits.all(c, []part{p}); err != nil {
			return err
		}
	}
	w.stale, err = w.names.stale(c, store, restored, c.Parallelism)
	return err
}

// restore reads the state: the parts of all sub-tasks, and the lineage, which it takes over.
func (w *fileWriter) restore() (restored []part, err error) {
	lineage, token := w.sink.identity()
	w.names = staging{lineage: lineage + hex.EncodeToString(w.ctx.Operator[:4]), subtask: w.ctx.Subtask,
		token: token, suffix: "." + w.sink.Format.Kind.String()}
	if w.parts, err = w.ctx.State.Union(&backends.OperatorDescriptor{Name: "pending-parts", Value: stringType}); err != nil {
		return nil, err
	}
	if w.lineage, err = w.ctx.State.Union(&backends.OperatorDescriptor{Name: "lineage", Value: stringType}); err != nil {
		return nil, err
	}
	for i, v := range w.lineage.Get() {
		if s, ok := v.(string); ok && (i == 0 || s < w.names.lineage) {
			w.names.lineage = s
		}
	}
	for _, v := range w.parts.Get() {
		p, err := parsePart(v)
		if err != nil {
			return nil, err
		}
		restored = append(restored, p)
	}
	return restored, nil
}

// Process implements engine.Operator.
func (w *fileWriter) Process(_ int, b *engine.Batch, _ *engine.Output) error {
	if err := w.encoder.check(b); err != nil {
		return err
	}
	roll := cmp.Or(w.sink.RollSize, DefaultRollSize)
	for i := range b.N {
		if w.records == 0 {
			w.buf = w.encoder.header(w.buf[:0])
		}
		w.buf = w.encoder.record(w.buf, b, i)
		w.records++
		if int64(len(w.buf)) >= roll {
			if err := w.stage(); err != nil {
				return err
			}
		}
	}
	b.Release()
	return nil
}

// stage writes what is in memory to where nobody sees it.
func (w *fileWriter) stage() error {
	if w.records == 0 {
		return nil
	}
	p := part{Dir: w.commits.store.URL(), Staged: w.names.next(), Size: int64(len(w.buf))}
	if err := w.commits.stage(w.ctx, p, w.buf); err != nil {
		return err
	}
	w.open = append(w.open, p)
	w.records = 0
	return nil
}

// Snapshot implements engine.Checkpointed: the first phase. What was written since the last one gets the names under which it will be seen.
func (w *fileWriter) Snapshot(checkpoint int64) error {
	if err := w.stage(); err != nil {
		return err
	}
	for _, p := range w.open {
		p.Checkpoint = checkpoint
		p.Final = w.names.final(cmp.Or(w.sink.Prefix, "part"), checkpoint, p.Staged)
		w.pending = append(w.pending, p)
	}
	w.open = w.open[:0]
	states := make([]any, len(w.pending))
	for i, p := range w.pending {
		states[i] = p.String()
	}
	if err := w.parts.Update(states); err != nil {
		return err
	}
	return w.lineage.Update([]any{w.names.lineage})
}

// CheckpointCompleted implements engine.CheckpointListener: the second phase. Notices of earlier checkpoints may have been lost.
func (w *fileWriter) CheckpointCompleted(id int64) error {
	due, later := splitParts(w.pending, id)
	if err := w.commits.all(w.ctx, due); err != nil {
		return err
	}
	w.pending = later
	if len(w.stale) > 0 {
		w.stale = w.commits.clean(w.ctx, w.stale)
	}
	return nil
}

// CheckpointAborted implements engine.CheckpointListener. The parts of an aborted checkpoint belong to the next one.
func (*fileWriter) CheckpointAborted(int64) error { return nil }

// NeedsFinalCheckpoint implements engine.FinalCommitter.
func (*fileWriter) NeedsFinalCheckpoint() bool { return true }

// Close implements engine.Operator. Parts that are in no snapshot are deleted.
func (w *fileWriter) Close() error {
	w.buf = nil
	if w.commits.store == nil {
		return nil
	}
	return w.commits.close(w.open)
}
