package offsets

import (
	"fmt"

	"github.com/ckpt-tool/ckpt/backends/types"
)

// engineSplit is the type of a split of a source of `ckpt run` whose positions are numbers: id, position, index, whether it is finished.
var engineSplit, _ = types.ParseSpec("Tuple<String, Long, Long, Boolean>")

// EngineSplit reads what the engine of `ckpt run` keeps of a split (engine.SplitsState). One that is finished stops where it is.
func EngineSplit(element []byte) (Position, error) {
	p := newPosition("ckpt", "ckpt run")
	v, n, err := engineSplit.Decode(element)
	fields, ok := v.([]any)
	if err != nil || n != len(element) || !ok || len(fields) != 4 {
		return p, fmt.Errorf("%w: no split of ckpt run", ErrUnknown)
	}
	id, isText := fields[0].(string)
	offset, isLong := fields[1].(int64)
	finished, isBool := fields[3].(bool)
	if !isText || !isLong || !isBool || offset < 0 && id == "" {
		return p, fmt.Errorf("%w: no split of ckpt run", ErrUnknown)
	}
	p.Split, p.Offset = id, offset
	if finished {
		p.Stop = &offset
	}
	return p, nil
}

// splits reads an element of either of those who call their state so.
func splits(element []byte) (Position, error) {
	if p, err := EngineSplit(element); err == nil {
		return p, nil
	}
	return FileReader(element)
}
