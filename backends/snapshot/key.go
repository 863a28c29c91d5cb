package snapshot

import (
	"fmt"

	"github.com/ckpt-tool/ckpt/backends"
	"github.com/ckpt-tool/ckpt/backends/keygroups"
)

// Key is a key to look for.
type Key struct {
	Bytes []byte // as its serializer writes it
	// KeyGroup is where it lies; -1 where only the job's own class knows its hash code.
	KeyGroup int32
}

// FindKey makes the key of a state of its JSON, as `ckpt state cat` shows it.
func FindKey(st *backends.State, maxParallelism int32, json []byte) (Key, error) {
	if st.Key == nil {
		return Key{}, fmt.Errorf("state %q has no keys", st.Name)
	}
	v, err := st.Key.FromJSON(json)
	if err != nil {
		return Key{}, fmt.Errorf("the key %s is no %s: %w", json, st.Key, err)
	}
	k := Key{KeyGroup: -1}
	if k.Bytes, err = st.Key.Encode(nil, v); err != nil {
		return Key{}, fmt.Errorf("the key %s is no %s: %w", json, st.Key, err)
	}
	if code, ok := st.Key.Hash(v); ok {
		k.KeyGroup = keygroups.Of(code, maxParallelism)
	}
	return k, nil
}
