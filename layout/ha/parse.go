package ha

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"path"
	"slices"
	"strings"

	"github.com/ckpt-tool/ckpt/layout"
	"github.com/ckpt-tool/ckpt/metadata/javaobj"
)

const checkpointClass = "org.apache.flink.runtime.checkpoint.CompletedCheckpoint"

// parseCheckpoint reads a CompletedCheckpoint. Only its own fields are looked for by
// name; what must stay is found as text, wherever it stands, so that a kind of handle
// that nobody has seen yet is held as well.
func parseCheckpoint(data []byte) (Checkpoint, error) {
	root, n, err := javaobj.Parse(data)
	if err != nil {
		return Checkpoint{}, err
	}
	if n != len(data) {
		return Checkpoint{}, fmt.Errorf("%d bytes follow the object", len(data)-n)
	}
	o, ok := root.(*javaobj.Object)
	if !ok || o.Class.Name != checkpointClass {
		return Checkpoint{}, errors.New("the object is no CompletedCheckpoint")
	}
	c := Checkpoint{}
	if c.ID, ok = field[int64](o, "checkpointID"); !ok {
		return c, errors.New("the CompletedCheckpoint has no checkpointID")
	}
	if job, ok := field[*javaobj.Object](o, "job"); ok {
		c.Job, c.HasJob = jobID(job)
	}
	pointer, has := o.Get("externalPointer")
	if !has {
		return c, errors.New("the CompletedCheckpoint has no externalPointer")
	}
	if s, _ := pointer.(string); isPlace(s) {
		c.Pointer = s
	}
	c.Paths = places(o)
	return c, nil
}

func field[T any](o *javaobj.Object, name string) (T, bool) {
	v, _ := o.Get(name)
	t, ok := v.(T)
	return t, ok
}

// jobID reads a JobID, whose first digits are those of the lower part (AbstractID).
func jobID(o *javaobj.Object) (id layout.JobID, ok bool) {
	if o == nil || o.Class == nil || o.Class.Name != "org.apache.flink.api.common.JobID" {
		return id, false
	}
	lower, ok1 := field[int64](o, "lowerPart")
	upper, ok2 := field[int64](o, "upperPart")
	binary.BigEndian.PutUint64(id[:8], uint64(lower))
	binary.BigEndian.PutUint64(id[8:], uint64(upper))
	return id, ok1 && ok2
}

// isPlace is whether s is an absolute path or a URL.
func isPlace(s string) bool {
	return strings.HasPrefix(s, "/") || layout.ParsePlace(s).Scheme != ""
}

// names are fields whose text is a name even where it looks like a path. State that is
// inline is called by the file that it would have become.
var names = map[string][]string{
	"org.apache.flink.runtime.state.memory.ByteStreamStateHandle": {"handleName"},
	"org.apache.flink.runtime.checkpoint.OperatorState":           {"operatorName", "operatorUid"},
}

// places are all paths below root, each once, sorted.
func places(root *javaobj.Object) []string {
	found := map[string]bool{}
	visit(root, func(owner *javaobj.Object, name string, v any) bool {
		if s, ok := v.(string); ok && isPlace(s) && (owner == nil || !slices.Contains(names[owner.Class.Name], name)) {
			found[unquote(owner, s)] = true
		}
		return true
	})
	var all []string
	for s := range found {
		all = append(all, s)
	}
	slices.Sort(all)
	return all
}

// unquote gives the path that a URI stands for: Flink's Path keeps one, in which Java
// has quoted what may not stand in a URI.
func unquote(owner *javaobj.Object, s string) string {
	if owner == nil || owner.Class.Name != "java.net.URI" {
		return s
	}
	if plain, err := url.PathUnescape(s); err == nil {
		return plain
	}
	return s
}

// visit shows all values below root, each object's once, the nearer before the
// farther, until see returns false. It does not recurse: objects may be chained as long
// as the file is.
func visit(root any, see func(owner *javaobj.Object, field string, v any) bool) {
	queue, seen := []any{root}, map[any]bool{}
	push := func(owner *javaobj.Object, field string, v any) bool {
		switch v.(type) {
		case *javaobj.Object, *javaobj.Array:
			if !seen[v] {
				seen[v] = true
				queue = append(queue, v)
			}
		}
		return see(owner, field, v)
	}
	for ; len(queue) > 0; queue = queue[1:] {
		if !children(queue[0], push) {
			return
		}
	}
}

// children shows what an object or array holds itself.
func children(of any, see func(owner *javaobj.Object, field string, v any) bool) bool {
	switch of := of.(type) {
	case *javaobj.Object:
		for f, v := range of.All() {
			if !see(of, f.Name, v) {
				return false
			}
		}
		for _, a := range of.Annotations {
			for _, v := range a.Contents {
				if !see(nil, "", v) {
					return false
				}
			}
		}
	case *javaobj.Array:
		for _, v := range of.Values {
			if !see(nil, "", v) {
				return false
			}
		}
	}
	return true
}

// parsePlan looks for a job's id in its plan, whatever its class. Where there is none,
// that there is a plan is enough to know that some job is live.
func parsePlan(data []byte) (p PersistedJob) {
	if root, _, err := javaobj.Parse(data); err == nil {
		return planOf(root)
	}
	return p
}

func planOf(root any) (p PersistedJob) {
	visit(root, func(owner *javaobj.Object, name string, v any) bool {
		switch v := v.(type) {
		case *javaobj.Object:
			if !p.HasJob {
				p.Job, p.HasJob = jobID(v)
			}
		case string:
			if name == "restorePath" && owner.Class.Name == "org.apache.flink.runtime.jobgraph.SavepointRestoreSettings" {
				p.Restored = v
			}
		}
		return !p.HasJob || p.Restored == ""
	})
	return p
}

// parseResult reads a JobResultEntry (FileSystemJobResultStore, JobResultSerializer).
func parseResult(key string, data []byte) (Result, error) {
	job, dirty, _ := resultName(path.Base(key))
	var entry struct {
		Result struct {
			ID     string `json:"id"`
			Status string `json:"application-status"`
		} `json:"result"`
	}
	switch err := json.Unmarshal(data, &entry); {
	case err != nil:
		return Result{}, fmt.Errorf("no result of a job: %w", err)
	case entry.Result.ID != job.String():
		return Result{}, errors.New("the result is not of the job that the file is named by")
	case entry.Result.Status == "":
		return Result{}, errors.New("the result has no application-status")
	}
	return Result{Job: job, Status: entry.Result.Status, Dirty: dirty}, nil
}
