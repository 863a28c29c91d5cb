package job

import (
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/ckpt-tool/ckpt/restore/engine"
)

// decoder brings values of the file into Go's structs. The names of fields are in their tags:
//
//	`job:"key-by,required"`    the key; an embedded struct has none
//	`oneof:"event processing"` the texts that may stand there
//
// A pointer is nil where its key is not there. What is not there stays as it was: the default.
type decoder struct{ *mistakes }

// decode reads a map into the struct that to points to. Keys that one of known has already are left alone.
func (d decoder) decode(v *value, to any, known ...any) {
	d.object(v, reflect.ValueOf(to).Elem(), known...)
}

func (d decoder) object(v *value, to reflect.Value, known ...any) {
	if v.kind != mapValue {
		d.want(v, "a map of keys and values")
		return
	}
	fields := fieldsOf(to.Type())
	all := slices.Collect(names(fields))
	for _, k := range known {
		all = append(all, slices.Collect(names(fieldsOf(reflect.TypeOf(k))))...)
	}
	for _, e := range v.entries {
		i := slices.IndexFunc(fields, func(f field) bool { return f.name == e.key })
		if i < 0 {
			if !slices.Contains(all, e.key) {
				d.add(e.at, oneOf(e.key, all), "no such key: %s", e.key)
			}
			continue
		}
		d.into(e.value, to.FieldByIndex(fields[i].index), fields[i])
	}
	for _, f := range fields {
		if f.required && v.get(f.name) == nil {
			d.add(v.at, "", "%s is missing", f.name)
		}
	}
}

// field is one key of a struct.
type field struct {
	name     string
	required bool
	oneOf    []string
	index    []int
	typ      reflect.Type
}

func fieldsOf(t reflect.Type) (all []field) {
	for _, f := range reflect.VisibleFields(t) {
		tag, ok := f.Tag.Lookup("job")
		if !ok {
			continue
		}
		name, rest, _ := strings.Cut(tag, ",")
		all = append(all, field{name, rest == "required", strings.Fields(f.Tag.Get("oneof")), f.Index, f.Type})
	}
	return all
}

func names(fields []field) func(func(string) bool) {
	return func(yield func(string) bool) {
		for _, f := range fields {
			if !yield(f.name) {
				return
			}
		}
	}
}

func (d decoder) want(v *value, what string) {
	have := kindNames[v.kind]
	if v.kind != nullValue && v.kind != listValue && v.kind != mapValue {
		have = strconv.Quote(v.text)
	}
	d.add(v.at, "", "want %s, not %s", what, have)
}

// into decodes one value. A key without a value is an error: it says neither this nor that.
func (d decoder) into(v *value, to reflect.Value, f field) {
	switch p := to.Addr().Interface().(type) {
	case *time.Duration:
		d.scalar(v, "a duration such as 10s", func() (ok bool) { *p, ok = parseDuration(v.text); return ok })
	case *Size:
		d.scalar(v, "a size such as 64mb", func() bool { n, ok := parseSize(v.text); *p = Size(n); return ok })
	case *Expr:
		d.expr(v, p)
	case *Exprs:
		d.exprs(v, p)
	case *ColumnKinds:
		d.columns(v, p)
	case *UID:
		d.scalar(v, "a name", func() bool { *p = UID{v.text, v.at}; return v.text != "" })
	case *Names:
		d.names(v, p, f.required)
	case **value:
		*p = v
	default:
		d.plain(v, to, f)
	}
}

// scalar calls read for a single value.
func (d decoder) scalar(v *value, what string, read func() bool) {
	if v.kind == nullValue || v.kind == listValue || v.kind == mapValue || !read() {
		d.want(v, what)
	}
}

func (d decoder) plain(v *value, to reflect.Value, f field) {
	switch to.Kind() {
	case reflect.Pointer:
		to.Set(reflect.New(to.Type().Elem()))
		d.into(v, to.Elem(), f)
	case reflect.Struct:
		d.object(v, to)
	case reflect.String:
		d.text(v, to, f)
	case reflect.Bool:
		if to.SetBool(v.text == "true"); v.kind != boolValue {
			d.want(v, "true or false")
		}
	case reflect.Int, reflect.Int64:
		n, err := strconv.ParseInt(v.text, 10, 64)
		if to.SetInt(n); v.kind != intValue || err != nil || to.OverflowInt(n) {
			d.want(v, "a whole number")
		}
	case reflect.Float64:
		x, ok := parseFloat(v.text)
		if !ok || v.kind != intValue && v.kind != floatValue {
			d.want(v, "a number")
			return
		}
		to.SetFloat(x)
	default:
		panic(fmt.Sprintf("job: no way to decode %s", to.Type())) // a mistake of the program: a test decodes all types there are
	}
}

func (d decoder) text(v *value, to reflect.Value, f field) {
	d.scalar(v, "a text", func() bool { to.SetString(v.text); return true })
	if len(f.oneOf) > 0 && v.text != "" && !slices.Contains(f.oneOf, v.text) {
		d.add(v.at, oneOf(v.text, f.oneOf), "%s: no such %s", strconv.Quote(v.text), f.name)
	}
}

func (d decoder) expr(v *value, to *Expr) {
	d.scalar(v, "an expression", func() bool {
		*to = Expr{Source: v.text, at: v.at}
		if v.inner != (position{}) {
			to.at, to.exact, to.margin = v.inner, true, v.inner.column
		}
		return strings.TrimSpace(v.text) != ""
	})
}

func (d decoder) exprs(v *value, to *Exprs) {
	if v.kind != mapValue || len(v.entries) == 0 {
		d.want(v, "a map of names and expressions")
		return
	}
	for _, e := range v.entries {
		n := Named{Name: e.key, nameAt: e.at}
		d.expr(e.value, &n.Expr)
		*to = append(*to, n)
	}
}

func (d decoder) columns(v *value, to *ColumnKinds) {
	if v.kind != mapValue || len(v.entries) == 0 {
		d.want(v, "a map of columns and types")
		return
	}
	for _, e := range v.entries {
		kind, err := engine.ParseKind(e.value.text)
		if err != nil {
			d.add(e.value.at, oneOf(e.value.text, kinds()), "%s: no such type", strconv.Quote(e.value.text))
		}
		*to = append(*to, ColumnKind{engine.Column{Name: e.key, Kind: kind}, e.at})
	}
}

// kinds are the names of the column types.
func kinds() (all []string) {
	for k := engine.Boolean; k <= engine.Timestamp; k++ {
		all = append(all, k.String())
	}
	return all
}

// names takes a list of names, or a single one.
func (d decoder) names(v *value, to *Names, some bool) {
	list := v.list
	if v.kind != listValue {
		list = []*value{v}
	}
	if len(list) == 0 && some {
		d.want(v, "at least one name")
	}
	*to = Names{}
	for _, e := range list {
		d.scalar(e, "a name", func() bool { *to = append(*to, UID{e.text, e.at}); return e.text != "" })
	}
}
