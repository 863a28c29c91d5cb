package changelog

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"

	"github.com/ckpt-tool/ckpt/backends"
	"github.com/ckpt-tool/ckpt/backends/types"
	"github.com/ckpt-tool/ckpt/metadata"
)

// Reader reads what a ChangelogHandle holds. It implements backends.Reader.
type Reader struct {
	files backends.Files
	o     backends.Origin
	opts  *backends.Options
	rng   metadata.KeyGroupRange
	under []under

	key        backends.Type // nil where nothing tells
	keyRaw     []byte        // the snapshot of its serializer, if what was materialized has it
	slots      []slot
	byName     map[string]int
	known      map[*backends.State]known
	introduced []*logged

	logs  []*logFile
	order []source // what to replay, in this order
	keep  int64    // how many bytes of changes may still be kept at hand
	cost  []int64  // of each key group of rng: what its changes take when they are held
}

// under reads something materialized, of the key groups of a range.
type under struct {
	reader backends.Reader
	rng    metadata.KeyGroupRange
}

// keptOf is which part of the budget a Reader keeps changes in that it has read once.
const keptOf = 256

// Open reads the logs of h once, for the states and for where the changes of each key group lie. materialized are
// readers of what h materialized, without those handles that hold nothing of o.Range; the Reader closes them, but not
// where Open fails.
func Open(ctx context.Context, files backends.Files, h *metadata.ChangelogHandle, materialized []backends.Reader, o backends.Origin, opts *backends.Options) (*Reader, error) {
	r := &Reader{
		files: files, o: o, opts: opts, rng: o.Range.Intersection(h.Range),
		byName: map[string]int{}, known: map[*backends.State]known{},
	}
	if opts == nil {
		r.opts = &backends.Options{}
	}
	r.keep = r.opts.Budget() / keptOf
	r.cost = make([]int64, max(0, r.rng.Len()))
	r.under = unders(h, materialized, r.rng)
	for _, u := range r.under {
		for _, st := range u.reader.States() {
			if r.key == nil {
				r.key, r.keyRaw = st.Key, st.KeyRaw
			}
		}
	}
	if err := r.readLogs(ctx, h); err != nil {
		return nil, err
	}
	if err := r.findKey(ctx); err != nil {
		return nil, err
	}
	r.settle()
	return r, nil
}

// unders tells which reader reads which key groups. A handle may be there twice, where sub-tasks that shared it were
// made one again: it is read once.
func unders(h *metadata.ChangelogHandle, readers []backends.Reader, rng metadata.KeyGroupRange) []under {
	var ranges []metadata.KeyGroupRange
	for i, m := range h.Materialized {
		if m == nil {
			continue
		}
		both := m.KeyGroups().Intersection(rng)
		if both.Len() <= 0 {
			continue
		}
		if slices.ContainsFunc(h.Materialized[:i], func(o metadata.KeyedHandle) bool { return reflect.DeepEqual(o, m) }) {
			both = metadata.KeyGroupRange{First: 0, Last: -1}
		}
		ranges = append(ranges, both)
	}
	all := make([]under, len(readers))
	for i, reader := range readers {
		all[i] = under{reader, rng}
		if len(ranges) == len(readers) {
			all[i].rng = ranges[i]
		}
	}
	return all
}

// findKey looks for the type of keys where what was materialized does not tell it: in the timers, in other sub-tasks,
// and in what the user says.
func (r *Reader) findKey(ctx context.Context) error {
	for _, l := range r.introduced {
		if l.state != nil && l.state.Kind == backends.Timer && r.key == nil {
			r.key = l.state.Key
		}
	}
	if r.key == nil && r.o.Key != nil {
		r.key = r.o.Key(ctx)
	}
	if r.key != nil {
		return nil
	}
	hint := "key:" + r.o.Operator.String()
	spec, ok := r.opts.Hints[hint]
	if !ok {
		hint = "key"
		spec, ok = r.opts.Hints[hint]
	}
	if !ok {
		return nil
	}
	t, err := types.ParseSpec(spec)
	if err != nil {
		return fmt.Errorf("the type of %s: %w", hint, err)
	}
	r.key = t
	return nil
}

// settle makes the states of the log and of what was materialized one list.
func (r *Reader) settle() {
	for _, l := range r.introduced {
		if l.state == nil {
			continue
		}
		if l.state.Kind != backends.Timer {
			l.state.Key, l.state.KeyRaw = r.key, r.keyRaw
		}
		l.state = r.unify(l.slot, l.state)
	}
	for _, u := range r.under {
		for _, st := range u.reader.States() {
			i := r.slotOf(st.Name)
			r.known[st] = known{r.unify(i, st), i}
		}
	}
}

// VerifyFiles reads every file of what was materialized, where its readers can, and reports what is wrong with them.
// Its error is one of Files, or of ctx. It tells how many bytes were read.
func (r *Reader) VerifyFiles(ctx context.Context, report func(*backends.Error)) (int64, error) {
	total := int64(0)
	for _, u := range r.under {
		v, ok := u.reader.(interface {
			VerifyFiles(context.Context, func(*backends.Error)) (int64, error)
		})
		if !ok || u.rng.Len() <= 0 { // one that is there twice
			continue
		}
		n, err := v.VerifyFiles(ctx, report)
		total += n
		if err != nil {
			return total, err
		}
	}
	return total, nil
}

// Close implements backends.Reader.
func (r *Reader) Close() error {
	var errs []error
	for _, u := range r.under {
		errs = append(errs, u.reader.Close())
	}
	return errors.Join(errs...)
}
