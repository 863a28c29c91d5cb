package schema

import (
	"github.com/ckpt-tool/ckpt/backends"
	"github.com/ckpt-tool/ckpt/backends/types"
)

// kinds are what Flink calls its kinds (StateDescriptor.Type), and its modes of distribution.
var (
	kinds = map[string]backends.Kind{
		"VALUE": backends.Value, "LIST": backends.List, "MAP": backends.Map, "REDUCING": backends.Reducing,
		"AGGREGATING": backends.Aggregating,
		"FOLDING":     backends.Aggregating, // until Flink 1.8: an accumulator too
	}
	modes = map[string]backends.Kind{
		"SPLIT_DISTRIBUTE": backends.OperatorList, "UNION": backends.Union, "BROADCAST": backends.Broadcast,
	}
)

// State is the state that m describes; key is the type of keys of the stream.
//
// It is of UnknownKind, with the type of its value as the header has it, where the header does not name
// its kind, or names one that the serializer of the value is not of: nothing in a header tells a list from a value
// that is a list. The Key and Namespace of timers are those within the timer, not key;
// where timers are not of Flink's TimerSerializer they are nil, and Value is the type of the
// element.
func (m *Meta) State(o backends.Origin, key backends.Type) *backends.State {
	s := &backends.State{Operator: o.Operator, Subtask: o.Subtask, Name: m.Name, Value: m.Value, Raw: m.Raw}
	switch m.Type {
	case OperatorState:
		s.Kind = mode(m)
	case BroadcastState:
		s.Kind, s.MapKey = backends.Broadcast, m.Key
	case PriorityQueue:
		timer(s)
	default:
		s.Kind, s.V2 = kinds[m.Options[OptionStateType]], m.Type == KeyValueV2
		s.Key, s.Namespace = key, m.Namespace
		unwrap(s, m)
		_, s.TTL = s.Value.(*types.TTL)
	}
	return s
}

// mode is the kind of a list state. Those before there were modes were split.
func mode(m *Meta) backends.Kind {
	if k := modes[m.Options[OptionDistributionMode]]; k == backends.Union {
		return k
	}
	return backends.OperatorList
}

func timer(s *backends.State) {
	s.Kind = backends.Timer
	if t, ok := s.Value.(*types.Timer); ok {
		s.Key, s.Namespace, s.Value = t.Key, t.Namespace, nil
	}
}

// unwrap finds the type of elements and of the map's keys. State V2 has them beside each other already.
func unwrap(s *backends.State, m *Meta) {
	switch {
	case s.V2 && s.Kind == backends.Map:
		s.MapKey = m.UserKey
		if s.MapKey == nil {
			s.Kind = backends.UnknownKind
		}
	case s.V2:
	case s.Kind == backends.List:
		if l, ok := s.Value.(*types.List); ok {
			s.Value = l.Element
			return
		}
		s.Kind = backends.UnknownKind
	case s.Kind == backends.Map:
		if t, ok := s.Value.(*types.Map); ok {
			s.MapKey, s.Value = t.Key, t.Value
			return
		}
		s.Kind = backends.UnknownKind
	}
}
