package restore

import (
	"slices"

	"github.com/ckpt-tool/ckpt/metadata"
)

// assignOperator deals out what operators keep besides keys. Where the parallelism is what it was, each sub-task keeps its
// own list state.
func assignOperator(r *OperatorAssignment, state *metadata.OperatorState) {
	same := int32(len(r.Subtasks)) == state.Parallelism
	for i, h := range deal(subtasks(state), len(r.Subtasks), same) {
		r.Subtasks[i].Operator, r.Subtasks[i].Whole = h.handles, h.olds
	}
}

// dealt is one state of one old handle.
type dealt struct {
	from  int // index of the old sub-task
	old   *metadata.OperatorStateHandle
	state metadata.OperatorStateMeta
}

// deal divides the handles among n sub-tasks (Flink: RoundRobinOperatorStateRepartitioner): of each list state runs of elements,
// as even as can be, in their old order.
func deal(olds []*metadata.SubtaskState, n int, same bool) []hand {
	var names []metadata.UTF
	byName := map[metadata.UTF][]dealt{}
	for _, s := range olds {
		h := s.ManagedOperator
		if h == nil {
			continue
		}
		for _, st := range h.States {
			if byName[st.Name] == nil {
				names = append(names, st.Name)
			}
			byName[st.Name] = append(byName[st.Name], dealt{int(s.Index), h, st})
		}
	}
	news := make([]hand, n)
	for _, name := range names {
		dealState(news, byName[name], same)
	}
	return news
}

func dealState(news []hand, parts []dealt, same bool) {
	switch mode := parts[0].state.Mode; {
	case mode == metadata.Union:
		for i := range news {
			for _, p := range parts {
				news[i].add(p, p.state.Offsets)
			}
		}
	case mode == metadata.Broadcast:
		for i := range news {
			p := parts[i%len(parts)]
			news[i].add(p, p.state.Offsets)
		}
	case same:
		for _, p := range parts {
			news[p.from].add(p, p.state.Offsets)
		}
	default:
		dealElements(news, parts)
	}
}

// dealElements gives each of the new sub-tasks its run of the elements.
func dealElements(news []hand, parts []dealt) {
	total := 0
	for _, p := range parts {
		total += len(p.state.Offsets)
	}
	part, at := 0, 0
	for i := range news {
		want := total / len(news)
		if i < total%len(news) {
			want++
		}
		for want > 0 {
			p := parts[part]
			take := min(want, len(p.state.Offsets)-at)
			if take > 0 {
				news[i].add(p, p.state.Offsets[at:at+take])
			}
			want -= take
			if at += take; at == len(p.state.Offsets) {
				part, at = part+1, 0
			}
		}
	}
}

// hand is what one new sub-task has been dealt: one handle for each old one.
type hand struct {
	handles []*metadata.OperatorStateHandle
	olds    []*metadata.OperatorStateHandle
}

func (h *hand) add(p dealt, offsets []int64) {
	i := slices.Index(h.olds, p.old)
	if i < 0 {
		i = len(h.olds)
		h.olds = append(h.olds, p.old)
		h.handles = append(h.handles, &metadata.OperatorStateHandle{Delegate: p.old.Delegate})
	}
	h.handles[i].States = append(h.handles[i].States, metadata.OperatorStateMeta{Name: p.state.Name, Mode: p.state.Mode, Offsets: slices.Clone(offsets)})
}
