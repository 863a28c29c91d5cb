package settings

import (
	"fmt"
	"strings"
)

// Backend is a state backend.
type Backend string

// The state backends.
const (
	HashMap Backend = "hashmap" // objects in memory (Flink: HashMapStateBackend)
	Pebble  Backend = "pebble"  // on disk, in the place of RocksDB (Flink: EmbeddedRocksDBStateBackend)
)

// legacy is what one value of state.backend.type stands for.
type legacy struct {
	backend Backend
	// storage is the storage that belongs to it, of backends that were their own: "" for the choice of
	// execution.checkpointing.storage.
	storage string
	note    string
}

const (
	memoryStorage = "jobmanager"
	fileStorage   = "filesystem"
)

const (
	rocksNote  = "RocksDB is not there: state goes to Pebble, whose checkpoints only ckpt restores; savepoints are for both"
	legacyNote = "a state backend of before Flink 1.13, as a state backend and a storage"
)

// backends are all values of state.backend.type, by their name in lower case; of classes that without the package.
var backends = map[string]legacy{
	"hashmap":    {backend: HashMap},
	"pebble":     {backend: Pebble},
	"rocksdb":    {backend: Pebble, note: rocksNote},
	"filesystem": {backend: HashMap, note: legacyNote},
	"jobmanager": {backend: HashMap, storage: memoryStorage, note: legacyNote},

	"org.apache.flink.runtime.state.hashmap.hashmapstatebackend":           {backend: HashMap},
	"org.apache.flink.runtime.state.memory.memorystatebackend":             {backend: HashMap, storage: memoryStorage, note: legacyNote},
	"org.apache.flink.runtime.state.filesystem.fsstatebackend":             {backend: HashMap, storage: fileStorage, note: legacyNote},
	"org.apache.flink.contrib.streaming.state.rocksdbstatebackend":         {backend: Pebble, storage: fileStorage, note: rocksNote},
	"org.apache.flink.contrib.streaming.state.embeddedrocksdbstatebackend": {backend: Pebble, note: rocksNote},
	"org.apache.flink.state.rocksdb.embeddedrocksdbstatebackend":           {backend: Pebble, note: rocksNote},
	"memorystatebackend":          {backend: HashMap, storage: memoryStorage, note: legacyNote},
	"fsstatebackend":              {backend: HashMap, storage: fileStorage, note: legacyNote},
	"rocksdbstatebackend":         {backend: Pebble, storage: fileStorage, note: rocksNote},
	"hashmapstatebackend":         {backend: HashMap},
	"embeddedrocksdbstatebackend": {backend: Pebble, note: rocksNote},
}

// backend finds what state.backend.type stands for. Factories are named by their class, which ends in Factory.
func (r *reader) backend() legacy {
	const key = "state.backend.type"
	v, ok := r.Lookup(key)
	if !ok {
		return backends["hashmap"]
	}
	b, ok := backends[strings.TrimSuffix(strings.ToLower(v), "factory")]
	switch {
	case ok && b.note != "":
		r.warn("%s: %s: %s", key, v, b.note)
	case ok:
	case strings.EqualFold(v, "forst"):
		r.refuse(key, "ForSt is not there; use rocksdb or pebble")
	case strings.EqualFold(v, "changelog"):
		r.refuse(key, "changelog is no state backend but a layer over one, which the engine does not have")
	default:
		r.refuse(key, "no such state backend; use hashmap, pebble or rocksdb")
	}
	return b
}

// storage finds which storage checkpoints go to: that of the state backend, or the one that is named, or by whether there is a directory.
func (r *reader) storage(b legacy, dir string) string {
	const key = "execution.checkpointing.storage"
	named, ok := r.Lookup(key)
	name := b.storage
	if name == "" && ok {
		name = named
	}
	switch strings.ToLower(name) {
	case "":
		if dir == "" {
			return memoryStorage
		}
		return fileStorage
	case memoryStorage, "jobmanagercheckpointstorage", "org.apache.flink.runtime.state.storage.jobmanagercheckpointstorage":
		return memoryStorage
	case fileStorage, "filesystemcheckpointstorage", "org.apache.flink.runtime.state.storage.filesystemcheckpointstorage":
		if dir == "" {
			r.keep(&Error{Key: "execution.checkpointing.dir", Message: fmt.Sprintf("it must be set, as the storage is %s", fileStorage)})
		}
		return fileStorage
	}
	return name // of a registry of one's own
}
