package content

import (
	"cmp"
	"strings"

	"github.com/ckpt-tool/ckpt/metadata"
)

// kind is what a stream holds.
type kind uint8

const (
	opaque    kind = iota
	keyed          // heap, or RocksDB's former full checkpoint: the bytes tell
	canonical      // of canonical savepoints
	rawKeyed
	operator
	rawOperator
	channel
	changelog
	backendMeta
	current
	manifest
	options
	sst
)

var kindNames = [...]string{"opaque", "keyed", "canonical", "raw keyed", "operator", "raw operator", "channel", "changelog", "meta", "CURRENT", "MANIFEST", "OPTIONS", "sst"}

func (k kind) String() string { return kindNames[k] }

// checks is what is done with each kind, at the beginning of a stream.
var checks = [...]func(*checker){
	opaque:      func(*checker) {},
	keyed:       (*checker).keyed,
	canonical:   (*checker).keyed,
	rawKeyed:    (*checker).rawKeyed,
	operator:    (*checker).operator,
	rawOperator: (*checker).rawOperator,
	channel:     (*checker).channel,
	changelog:   (*checker).changelog,
	backendMeta: func(k *checker) { k.keyedHeader() },
	current:     (*checker).current,
	manifest:    (*checker).manifest,
	options:     (*checker).options,
	sst:         (*checker).sst,
}

// kindOf tells by the place of a handle what it refers to.
func kindOf(p metadata.Place) kind {
	if p.Operator == nil {
		return opaque
	}
	switch parent := p.Parent.(type) {
	case *metadata.KeyGroupsHandle:
		return kindOfKeyGroups(p.Slot, parent.Tag)
	case *metadata.OperatorStateHandle:
		return kindOfOperator(p.Slot)
	case metadata.ChannelHandle:
		return channel
	case *metadata.IncrementalHandle:
		if p.Role == metadata.MetaState {
			return backendMeta
		}
		return kindOfFile(string(p.Name))
	case *metadata.ChangelogFileHandle:
		if parent.StorageID == "filesystem" {
			return changelog
		}
	}
	return opaque
}

func kindOfKeyGroups(slot metadata.Slot, tag metadata.Tag) kind {
	switch {
	case slot == metadata.RawKeyed:
		return rawKeyed
	case slot != metadata.ManagedKeyed:
		return opaque
	case tag == metadata.TagSavepointKeyGroups:
		return canonical
	}
	return keyed
}

func kindOfOperator(slot metadata.Slot) kind {
	switch slot {
	case metadata.ManagedOperator:
		return operator
	case metadata.RawOperator:
		return rawOperator
	}
	return opaque
}

// kindOfFile knows the files of RocksDB and ForSt by the names to restore them under.
func kindOfFile(name string) kind {
	switch {
	case name == "CURRENT":
		return current
	case strings.HasPrefix(name, "MANIFEST-"):
		return manifest
	case strings.HasPrefix(name, "OPTIONS-"):
		return options
	case strings.HasSuffix(name, ".sst"):
		return sst
	}
	return opaque
}

// compare orders stretches by where they begin.
func (s *stretch) compare(t *stretch) int {
	return cmp.Or(cmp.Compare(s.start, t.start), cmp.Compare(s.end, t.end), cmp.Compare(s.kind, t.kind))
}
