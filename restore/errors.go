package restore

import (
	"fmt"
	"strings"

	"github.com/ckpt-tool/ckpt/metadata"
)

// Problem is why one operator cannot be restored.
type Problem struct {
	Unmapped
	// Missing is whether the job has no such operator, which AllowNonRestored would accept.
	Missing bool
	Message string
}

// IncompatibleError tells why a job cannot begin with a checkpoint.
type IncompatibleError struct{ Problems []Problem }

// Error names each operator by what is known of it.
func (e *IncompatibleError) Error() string {
	lines := make([]string, len(e.Problems))
	for i, p := range e.Problems {
		lines[i] = p.Unmapped.String() + ": " + p.Message
	}
	return "the job cannot be restored from this checkpoint: " + strings.Join(lines, "; ")
}

// OnlyMissing is whether the one thing wrong is state that the job has no operator for.
func (e *IncompatibleError) OnlyMissing() bool {
	for _, p := range e.Problems {
		if !p.Missing {
			return false
		}
	}
	return true
}

// String names an operator by its uid, its name and its hash, a master state by its name.
func (u Unmapped) String() string {
	if u.ID == (metadata.OperatorID{}) {
		return fmt.Sprintf("master state %q", u.Name)
	}
	name := u.UID
	if name == "" {
		name = u.Name
	}
	switch {
	case name == "":
		return "operator " + u.ID.String()
	case u.Name != "" && u.Name != name:
		return fmt.Sprintf("operator %q (%s, %s)", name, u.Name, u.ID)
	}
	return fmt.Sprintf("operator %q (%s)", name, u.ID)
}
