package job

import (
	"path/filepath"
	"strings"
)

// places makes the local paths of a file absolute, so that it means the same wherever it is run again: those of sources and sinks,
// and the directories of Flink's configuration. dir is where they are relative to.
func places(top *value, dir string) {
	for _, section := range []string{"sources", "sinks"} {
		if list := top.get(section); list != nil && list.kind == listValue {
			for _, node := range list.list {
				place(node.get("url"), dir)
			}
		}
	}
	for _, section := range []string{"checkpointing", "state", "restart"} {
		directories("", top.get(section), dir)
	}
}

// directories goes through a section of Flink's keys, nested or flat.
func directories(prefix string, v *value, dir string) {
	if v == nil || v.kind != mapValue {
		return
	}
	for _, e := range v.entries {
		switch key := prefix + e.key; key {
		case "execution.checkpointing.dir", "state.checkpoints.dir", "state.backend.fs.checkpointdir",
			"execution.checkpointing.savepoint-dir", "state.savepoints.dir", "savepoints.state.backend.fs.dir", "state.backend.rocksdb.localdir":
			place(e.value, dir)
		default:
			directories(key+".", e.value, dir)
		}
	}
}

// place makes one local path absolute.
func place(v *value, dir string) {
	if v == nil || v.kind != textValue || v.text == "" || strings.Contains(v.text, ":/") || filepath.IsAbs(v.text) {
		return
	}
	v.text = filepath.ToSlash(filepath.Join(dir, v.text))
}
