package types

import (
	"sync"

	"github.com/ckpt-tool/ckpt/backends"
)

// maxObjects is how deep objects may lie within each other where classes refer to themselves, as those of a linked
// list do. Types are finite, so only the name of a subclass can lead back to a class that an object lies in.
const maxObjects = 100

// classes are the POJOs of a header by their names. To read a value within a value they give a type of the next
// level, so that the depth of a value is bounded by its types.
type classes struct {
	opts *backends.Options
	mu   sync.RWMutex
	// found are the snapshots by class. One that others contradict is nil: which is meant cannot be told.
	found map[string]*found
	// made are the types by level and class.
	made []map[string]backends.Type
}

type found struct {
	layout   string
	snapshot []byte // with its class and version
}

// add keeps the snapshot of a class.
func (c *classes) add(class, layout string, snapshot []byte) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.found == nil {
		c.found = map[string]*found{}
	}
	if f, ok := c.found[class]; ok {
		if f != nil && f.layout != layout {
			c.found[class] = nil
		}
		return
	}
	c.found[class] = &found{layout, snapshot}
}

// subclass is the type of the named class at a level; nil where it is not known.
func (c *classes) subclass(class []byte, level int) backends.Type {
	if c == nil {
		return nil
	}
	c.mu.RLock()
	var t backends.Type
	if level < len(c.made) {
		t = c.made[level][string(class)]
	}
	c.mu.RUnlock()
	if t != nil {
		return t
	}
	return c.make(string(class), level)
}

func (c *classes) make(class string, level int) backends.Type {
	c.mu.RLock()
	f := c.found[class]
	c.mu.RUnlock()
	r := &Reader{opts: c.opts, classes: c}
	s := r.over(nil)
	if f != nil {
		s = r.over(f.snapshot)
	}
	s.level = level
	t := s.hint(class)
	if t == nil && f != nil && s.err == nil {
		t, _, _ = s.result(s.versioned())
	}
	if t == nil {
		return nil
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	for len(c.made) <= level {
		c.made = append(c.made, map[string]backends.Type{})
	}
	c.made[level][class] = t
	return t
}
