package checkpoints

import (
	"fmt"
	"strings"
)

// Setting gives the value of a key of Flink's configuration; false where it is not set.
type Setting func(key string) (string, bool)

// Driver makes one kind of storage.
type Driver struct {
	// Names are what execution.checkpointing.storage may say, in any case of letters: a short name, and class names.
	Names []string
	New   func(get Setting) (Storage, error)
}

// Registry is the kinds of storage that there are. Who has one of its own appends it.
type Registry []Driver

// Open makes the storage of a name. The error lists the names.
func (r Registry) Open(name string, get Setting) (Storage, error) {
	var names []string
	for _, d := range r {
		for _, n := range d.Names {
			if strings.EqualFold(n, name) {
				return d.New(get)
			}
		}
		names = append(names, d.Names[0])
	}
	return nil, &UnknownStorageError{Name: name, Known: names}
}

// UnknownStorageError tells that execution.checkpointing.storage names no storage that there is.
type UnknownStorageError struct {
	Name  string
	Known []string
}

// Error implements error.
func (e *UnknownStorageError) Error() string {
	return fmt.Sprintf("execution.checkpointing.storage: %q is not known; one of %s", e.Name, strings.Join(e.Known, ", "))
}
