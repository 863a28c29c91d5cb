package connectors

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"strconv"
	"strings"

	"github.com/ckpt-tool/ckpt/layout"
	"github.com/ckpt-tool/ckpt/restore/engine"
)

// stagingDir holds what no completed checkpoint contains yet. Its name hides it, from FileSource and Flink too.
const stagingDir = ".pending"

// stringType is the type of list state.
var stringType = engine.String.Type()

// part is a file that waits for its checkpoint. As an element of list state it is JSON.
type part struct {
	// Dir is the sink's directory. Staged and Final are the keys below it, before and after the commit.
	Dir        string `json:"dir"`
	Staged     string `json:"staged"`
	Final      string `json:"final"`
	Size       int64  `json:"size"`
	Checkpoint int64  `json:"checkpoint"`
}

func (p part) String() string {
	text, err := json.Marshal(p)
	if err != nil {
		panic(err) // strings and numbers
	}
	return string(text)
}

func parsePart(v any) (p part, err error) {
	text, ok := v.(string)
	if !ok {
		return p, fmt.Errorf("state pending-parts: a %T, want a String", v)
	}
	if err := json.Unmarshal([]byte(text), &p); err != nil {
		return p, fmt.Errorf("state pending-parts: %q: %w", text, err)
	}
	name, staged := strings.CutPrefix(p.Staged, stagingDir+"/")
	if _, _, _, ok := cutStaged(name); !ok || !staged || p.Dir == "" || !plainName(name) || !plainName(p.Final) || p.Size < 0 {
		return p, fmt.Errorf("state pending-parts: %q is no part", text)
	}
	return p, nil
}

// plainName is whether a name is that of a file in its directory, and seen.
func plainName(name string) bool {
	return name != "" && !hidden(name) && !strings.ContainsAny(name, "/\\\x00")
}

// splitParts divides parts by whether checkpoint id contains them.
func splitParts(parts []part, id int64) (due, later []part) {
	for _, p := range parts {
		if p.Checkpoint <= id {
			due = append(due, p)
		} else {
			later = append(later, p)
		}
	}
	return due, later
}

// staging names the staged parts of one attempt of a sub-task:
//
//	.pending/LINEAGE-SUBTASK-TOKEN-NUMBER.SUFFIX
type staging struct {
	lineage string // of the job, through all resumes
	subtask int
	token   string // of this attempt: nobody else's names collide with its
	number  int
	suffix  string
}

func (s *staging) next() string {
	s.number++
	return fmt.Sprintf("%s/%s-%d-%s-%d%s", stagingDir, s.lineage, s.subtask, s.token, s.number, s.suffix)
}

// cutStaged takes the name of a staged part apart.
func cutStaged(name string) (lineage string, subtask int, rest string, ok bool) {
	elements := strings.SplitN(name, "-", 3)
	if len(elements) < 3 {
		return "", 0, "", false
	}
	subtask, err := strconv.Atoi(elements[1])
	return elements[0], subtask, elements[2], err == nil && subtask >= 0
}

// tokenOf is the token in the name of a staged part.
func tokenOf(name string) string {
	_, _, rest, _ := cutStaged(name)
	token, _, _ := strings.Cut(rest, "-")
	return token
}

// final is the name of a staged part once it is committed: PREFIX-CHECKPOINT-SUBTASK-TOKEN-NUMBER.SUFFIX.
func (s *staging) final(prefix string, checkpoint int64, staged string) string {
	_, _, rest, _ := cutStaged(staged)
	return fmt.Sprintf("%s-%08d-%03d-%s", prefix, checkpoint, s.subtask, rest)
}

// stale lists the parts of the lineage that the restored checkpoint does not contain, of those earlier sub-tasks that this one stands for: it has
// written nothing yet.
func (s *staging) stale(ctx context.Context, store layout.Store, restored []part, parallelism int) (found []layout.Object, err error) {
	wanted := map[string]bool{}
	for _, p := range restored {
		wanted[p.Staged] = true
	}
	for o, err := range store.Children(ctx, stagingDir) {
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, err
		}
		lineage, subtask, _, ok := cutStaged(o.Name())
		if ok && o.Type == layout.TypeFile && lineage == s.lineage && subtask%parallelism == s.subtask && !wanted[o.Key] {
			found = append(found, o)
		}
	}
	return found, nil
}
