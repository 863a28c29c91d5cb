package layout

import (
	"path"
	"slices"
	"strings"
)

// joinEntropy gives the files below directories of entropy to the checkpoints that
// they are of, and returns the snapshots that remain. See the package comment.
func (t *tree) joinEntropy(homes []*JobDir, snapshots []*Snapshot) []*Snapshot {
	for _, n := range slices.Backward(t.nodes) {
		if n.meta != nil {
			n.metadataBelow = true
		}
		if n.metadataBelow && n.parent != nil {
			n.parent.metadataBelow = true
		}
	}
	for _, home := range homes {
		n := t.byKey[home.Dir]
		// A base path of the changelog looks alike, but has nothing that belongs to a checkpoint.
		if home.HasJob && (n.holdsCheckpoints || home.Shared) {
			home.EntropyOf = t.withoutEntropy(home.Dir)
		}
	}
	byDir := make(map[string]*Snapshot)
	for _, s := range snapshots {
		byDir[s.Dir] = s
	}
	var remain, added []*Snapshot
	for _, s := range snapshots {
		target := t.entropyTarget(s)
		if target == "" {
			remain = append(remain, s)
			continue
		}
		if byDir[target] == nil {
			byDir[target] = &Snapshot{Dir: target, Name: s.Name, Job: s.Job, HasJob: s.HasJob, Number: s.Number, Numbered: true}
			added = append(added, byDir[target])
		}
		byDir[target].join(s)
	}
	return append(remain, added...)
}

// entropyTarget is the directory of the checkpoint that s holds random pieces of.
func (t *tree) entropyTarget(s *Snapshot) string {
	n := t.byKey[s.Dir]
	if !s.Numbered || n.parent == nil || n.parent.home == nil || n.parent.home.Dir != n.parent.key || n.parent.home.EntropyOf == "" {
		return ""
	}
	return path.Join(n.parent.home.EntropyOf, s.Name)
}

// withoutEntropy looks for the directory of the same job whose key lacks one
// element of key, where all that lies below that element has no _metadata.
func (t *tree) withoutEntropy(key string) string {
	elements := strings.Split(key, "/")
	for i, element := range elements[:len(elements)-1] {
		if !isEntropy(element) || t.byKey[strings.Join(elements[:i+1], "/")].metadataBelow {
			continue
		}
		twin := strings.Join(slices.Delete(slices.Clone(elements), i, i+1), "/")
		if n := t.byKey[twin]; n != nil && n.holdsCheckpoints && n.metadataBelow {
			return twin
		}
	}
	return ""
}

// isEntropy follows Flink's alphabet (EntropyInjector, StringUtils.generateRandomAlphanumericString).
// Directories may carry the key itself, unreplaced.
func isEntropy(element string) bool {
	if element == entropyKey {
		return true
	}
	for _, c := range element {
		if (c < '0' || c > '9') && (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') {
			return false
		}
	}
	return element != ""
}

// join counts the files of a directory of entropy.
func (s *Snapshot) join(piece *Snapshot) {
	s.Files += piece.Files
	s.Bytes += piece.Bytes
	s.Newest = later(s.Newest, piece.Newest)
	s.Entropy = append(s.Entropy, piece.Dir)
	piece.pieceOf = s.Dir
	if s.Err == nil {
		s.Err = piece.Err
	}
}
