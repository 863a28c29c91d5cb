package schema

import (
	"github.com/ckpt-tool/ckpt/backends"
	"github.com/ckpt-tool/ckpt/backends/types"
)

// metaForm is what a meta holds. That of a kind which no header has is without a word.
type metaForm struct {
	is           MetaType
	option, word string // timers have a word, and no option
	serializers  []serializer
}

type serializer struct {
	name string
	t    backends.Type // nil: what the state should have and lacks
}

var voidNamespace, _ = types.ParseSpec("VoidNamespace")

// formOf is what Flink writes of m, key being the type of keys. The order of serializers is that of its hash map.
func formOf(m *backends.Meta, key backends.Type) metaForm {
	switch m.Kind {
	case backends.Value:
		return keyedForm(m, "VALUE", m.Value)
	case backends.Reducing:
		return keyedForm(m, "REDUCING", m.Value)
	case backends.Aggregating:
		return keyedForm(m, "AGGREGATING", m.Value)
	case backends.List:
		return keyedForm(m, "LIST", listOf(m.Value))
	case backends.Map:
		return keyedForm(m, "MAP", mapOf(m.MapKey, m.Value))
	case backends.Timer:
		return metaForm{PriorityQueue, "", "TIMER", []serializer{{valueSerializer, timerOf(key, m.Namespace)}}}
	case backends.OperatorList:
		return metaForm{OperatorState, OptionDistributionMode, "SPLIT_DISTRIBUTE", []serializer{{valueSerializer, m.Value}}}
	case backends.Union:
		return metaForm{OperatorState, OptionDistributionMode, "UNION", []serializer{{valueSerializer, m.Value}}}
	case backends.Broadcast:
		return metaForm{BroadcastState, OptionDistributionMode, "BROADCAST", []serializer{{valueSerializer, m.Value}, {keySerializer, m.MapKey}}}
	}
	return metaForm{}
}

func keyedForm(m *backends.Meta, word string, value backends.Type) metaForm {
	namespace := m.Namespace
	if namespace == nil {
		namespace = voidNamespace
	}
	return metaForm{KeyValue, OptionStateType, word, []serializer{{valueSerializer, value}, {namespaceSerializer, namespace}}}
}

// listOf, mapOf and timerOf are the types of the whole, nil where a part is not known.

func listOf(element backends.Type) backends.Type {
	if element == nil {
		return nil
	}
	return types.NewList(element, "")
}

func mapOf(key, value backends.Type) backends.Type {
	if key == nil || value == nil {
		return nil
	}
	return types.NewMap(key, value, "")
}

func timerOf(key, namespace backends.Type) backends.Type {
	if key == nil {
		return nil
	}
	if namespace == nil {
		namespace = voidNamespace
	}
	return types.NewTimer(key, namespace, "")
}
