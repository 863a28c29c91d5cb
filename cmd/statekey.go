package cmd

import (
	"context"
	"encoding/json"
	"iter"
	"slices"

	"github.com/ckpt-tool/ckpt/backends"
	"github.com/ckpt-tool/ckpt/backends/snapshot"
	"github.com/ckpt-tool/ckpt/metadata"
)

// entryTask is what one goroutine reads: a part, or one key of it.
type entryTask struct {
	*snapshot.Part
	key []byte // nil: all keys
}

// wholeParts are the tasks of reading all of parts.
func wholeParts(parts []*snapshot.Part) []entryTask {
	tasks := make([]entryTask, len(parts))
	for i, p := range parts {
		tasks[i].Part = p
	}
	return tasks
}

// entries are those of the task.
func (t *entryTask) entries(ctx context.Context, wanted func(*backends.State) bool) iter.Seq2[backends.Entry, error] {
	if t.key == nil {
		return t.Entries(ctx, wanted)
	}
	return func(yield func(backends.Entry, error) bool) {
		for kg := t.KeyGroups.First; kg <= t.KeyGroups.Last; kg++ {
			for e, err := range t.Lookup(ctx, kg, t.key, wanted) {
				if !yield(e, err) {
					return
				}
			}
		}
	}
}

// findKey finds out where the key is that text tells, in JSON: which handles to look into, and what its bytes are
// there. Headers that cannot be read go to faults.
func (s *openedState) findKey(ctx context.Context, text string, faults *stateFaults) ([]entryTask, error) {
	if err := s.haveKeys(ctx); err != nil {
		return nil, err
	}
	s.keep((*snapshot.Handle).Keyed)
	s.keepGroups()
	states, failed, err := s.load(ctx)
	if err != nil {
		return nil, err
	}
	var tasks []entryTask
	var mismatch error // what is wrong with the key
	fits, searched := false, false
	for i, h := range s.handles {
		if failed[i] != nil {
			if err := faults.add(i, failed[i]); err != nil {
				return nil, err
			}
			continue
		}
		task, known, err := s.keyTask(h, states[i], text)
		switch {
		case err != nil:
			mismatch = err
			continue
		case task == nil:
			continue
		}
		fits, searched = true, searched || !known
		if task.KeyGroups.Len() > 0 {
			tasks = append(tasks, *task)
		}
	}
	if !fits && mismatch != nil {
		return nil, usagef(`keys are JSON, as ckpt state cat shows them: --key '"ann"', --key 7, --key '["ann",7]'`, "%s", mismatch)
	}
	if searched {
		s.env.Log.Debug("the hash code of such a key is known to the job alone: all key groups are searched")
	}
	return tasks, nil
}

// haveKeys tells whether any of the states has keys. Where a header cannot be read, that is not known.
func (s *openedState) haveKeys(ctx context.Context) error {
	states, failed, err := s.load(ctx)
	if err != nil || slices.ContainsFunc(failed, func(err error) bool { return err != nil }) {
		return err
	}
	var without *backends.State
	for _, each := range states {
		for _, st := range each {
			switch {
			case !s.opts.wantsState(st):
			case st.Key != nil:
				return nil
			case without == nil || st.Kind.Keyed():
				without = st
			}
		}
	}
	switch {
	case without == nil:
		return nil
	case without.Kind.Keyed():
		return usagef("give it: --type key:"+without.Operator.String()+"=SPEC", "state %q: nothing tells of which type its keys are", without.Name)
	}
	return usagef("ckpt state cat shows its elements", "state %q is operator state (%s), which has no keys", without.Name, without.Kind)
}

// keyTask is what to read of h for one key; nil where none of its states is wanted. Its range of key groups is empty where
// the key is not in h.
func (s *openedState) keyTask(h *snapshot.Handle, states []*backends.State, text string) (task *entryTask, known bool, err error) {
	for _, st := range states {
		if st.Key == nil || !s.opts.wantsState(st) {
			continue
		}
		k, err := findKey(st, h.Operator.MaxParallelism, text)
		if err != nil {
			return nil, false, err
		}
		part := *h.Whole()
		part.KeyGroups = s.opts.groups.wanted(part.KeyGroups)
		if k.KeyGroup >= 0 {
			only := metadata.KeyGroupRange{First: k.KeyGroup, Last: k.KeyGroup}
			part.KeyGroups = metadata.KeyGroupRange{First: max(only.First, part.KeyGroups.First), Last: min(only.Last, part.KeyGroups.Last)}
		}
		return &entryTask{Part: &part, key: k.Bytes}, k.KeyGroup >= 0, nil
	}
	return nil, false, nil
}

// findKey is snapshot.FindKey for what people type: what is not the JSON of such a key is taken for its text.
func findKey(st *backends.State, maxParallelism int32, text string) (snapshot.Key, error) {
	k, err := snapshot.FindKey(st, maxParallelism, []byte(text))
	if err == nil {
		return k, nil
	}
	if k, asText := snapshot.FindKey(st, maxParallelism, quoted(text)); asText == nil {
		return k, nil
	}
	return snapshot.Key{}, err
}

// quoted is a text as a string of JSON.
func quoted(text string) []byte {
	b, err := json.Marshal(text)
	if err != nil {
		return nil // there is no such text
	}
	return b
}

// keepGroups drops the handles without the key groups that were asked for.
func (s *openedState) keepGroups() {
	s.keep(func(h *snapshot.Handle) bool { return s.opts.groups.wanted(h.KeyGroups).Len() > 0 })
}

// encoded is the bytes of a value that people typed, as those of a key.
func encoded(t backends.Type, text string) ([]byte, error) {
	v, err := t.FromJSON([]byte(text))
	if err != nil {
		var asText error
		if v, asText = t.FromJSON(quoted(text)); asText != nil {
			return nil, err
		}
	}
	return t.Encode(nil, v)
}
