package offsets

import (
	"bytes"
	"fmt"
	"net/url"

	"github.com/ckpt-tool/ckpt/metadata/javaobj"
)

// FileReader reads an element of splits, of ContinuousFileReaderOperator: one file or stretch of one, and how far its format
// had come, which is a byte for formats of delimited text. The error is ErrUnknown.
func FileReader(element []byte) (Position, error) {
	p := newPosition("file", "TimestampedFileInputSplit")
	if !bytes.HasPrefix(element, []byte{0xac, 0xed, 0, 5}) {
		return p, fmt.Errorf("%w: no Java object", ErrUnknown)
	}
	root, n, err := javaobj.Parse(element)
	if err != nil {
		return p, fmt.Errorf("%w: %v", ErrUnknown, err)
	}
	split, ok := root.(*javaobj.Object)
	if !ok || n != len(element) || split.Class == nil || split.Class.Name != "org.apache.flink.streaming.api.functions.source.TimestampedFileInputSplit" {
		return p, fmt.Errorf("%w: no TimestampedFileInputSplit", ErrUnknown)
	}
	number, ok1 := get[int32](split, "splitNumber")
	start, ok2 := get[int64](split, "start")
	length, ok3 := get[int64](split, "length")
	path, ok4 := javaPath(split)
	if !ok1 || !ok2 || !ok3 || !ok4 || start < 0 || length < -1 {
		return p, fmt.Errorf("%w: a TimestampedFileInputSplit without its fields", ErrUnknown)
	}
	p.Path, p.Start, p.Length, p.Offset = path, start, length, start
	p.Split = fmt.Sprintf("%s#%d", path, number)
	return p, p.formatState(split)
}

// formatState takes what the format keeps of its way through the split, if it is a byte of the file.
func (p *Position) formatState(split *javaobj.Object) error {
	v, _ := split.Get("splitState")
	if v == nil {
		return nil
	}
	o, ok := v.(*javaobj.Object)
	if !ok || o.Class == nil || o.Class.Name != "java.lang.Long" {
		return fmt.Errorf("%w: the state of a format that is not delimited text", ErrUnknown)
	}
	if p.Offset, ok = get[int64](o, "value"); !ok || p.Offset < p.Start {
		return fmt.Errorf("%w: a split from byte %d on at byte %d", ErrUnknown, p.Start, p.Offset)
	}
	return nil
}

func get[T any](o *javaobj.Object, field string) (T, bool) {
	v, _ := o.Get(field)
	t, ok := v.(T)
	return t, ok
}

// javaPath is the file of a split: a Path, which holds a java.net.URI, which writes itself as its escaped text.
func javaPath(split *javaobj.Object) (string, bool) {
	path, ok := get[*javaobj.Object](split, "file")
	if !ok {
		return "", false
	}
	uri, ok := get[*javaobj.Object](path, "uri")
	if !ok {
		return "", false
	}
	escaped, ok := get[string](uri, "string")
	if !ok || escaped == "" {
		return "", false
	}
	s, err := url.PathUnescape(escaped)
	return s, err == nil
}
