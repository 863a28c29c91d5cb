package job

import (
	"path/filepath"
	"strings"
)

// places makes the local paths of a file absolute, so that it means the same wherever it is run again: those of sources and sinks,
// and the directories of Flink's configuration. dir is where they are relative to.
func places(top *value, dir string, m *mistakes) {
	for _, section := range []string{"sources", "sinks"} {
		if list := top.get(section); list != nil && list.kind == listValue {
			for _, node := range list.list {
				url := node.get("url")
				if place(url, dir) && section == "sources" && strings.ContainsAny(dir, "*?[") {
					m.add(url.at, "run it from another directory, and give the whole path", "*, ? and [ make a pattern of a path: of %s no files would be read", dir)
				}
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

// place makes one local path absolute, also one like 2026, and tells whether it was not.
func place(v *value, dir string) bool {
	if v == nil || v.text == "" || strings.Contains(v.text, ":/") || filepath.IsAbs(v.text) {
		return false
	}
	v.kind, v.text = textValue, filepath.ToSlash(filepath.Join(dir, v.text))
	return true
}
