package where

import (
	"strconv"

	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
	"github.com/ckpt-tool/ckpt/backends/line"
)

// parse makes a value of CEL of one of JSON, without white space around it.
func parse(b []byte) ref.Val {
	if len(b) == 0 {
		return types.NewErr("no value")
	}
	switch b[0] {
	case '"':
		return types.String(line.Text(b))
	case 't':
		return types.True
	case 'f':
		return types.False
	case 'n':
		return types.NullValue
	case '[', '{':
		return types.DefaultTypeAdapter.NativeToValue(native(b))
	}
	return number(b)
}

func number(b []byte) ref.Val {
	if n, err := strconv.ParseInt(string(b), 10, 64); err == nil {
		return types.Int(n)
	}
	f, err := strconv.ParseFloat(string(b), 64)
	if err != nil {
		return types.NewErr("%s is no number", b)
	}
	return types.Double(f)
}

// native is a value as the adapter of CEL takes it.
func native(b []byte) any {
	switch b[0] {
	case '[':
		list := []any{}
		for e := range line.Elements(b) {
			list = append(list, native(e))
		}
		return list
	case '{':
		object := map[string]any{}
		for name, value := range line.Fields(b) {
			object[name] = native(value)
		}
		return object
	}
	return parse(b)
}
