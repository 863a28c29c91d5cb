package expr

import (
	"regexp"
	"strconv"
	"strings"
	"unicode/utf8"

	celast "cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/operators"
	"cel.dev/cel-go/common/overloads"
	"cel.dev/cel-go/common/types"
	"github.com/ckpt-tool/ckpt/restore/engine"
)

// piece is what is appended to a text for each record.
type piece struct {
	form  form
	text  string // constantText
	width int    // of padded
	from  term
}

// form says how a piece becomes text.
type form uint8

const (
	constantText form = iota
	plainText
	padded
	decimal
	floating
	truth
)

// texts compiles what makes new texts: a + b + c, pad(n, width), string(x). All of a chain is written at once, without texts in between.
func (c *compiler) texts(e celast.Expr, kind engine.Kind) (term, bool) {
	if !isText(kind) {
		return term{}, false
	}
	var pieces []piece
	if _, chain := callOf(e, operators.Add, 2); chain {
		pieces, _ = c.pieces(e, kind, nil)
	} else if p, ok := c.number(e); ok {
		pieces = []piece{p}
	}
	if pieces == nil {
		return term{}, false
	}
	slot := c.slot()
	return term{kind: kind, slot: slot, eval: func(f *frame) *column {
		columns := make([]*column, len(pieces)) // per batch
		for i := range pieces {
			if pieces[i].form != constantText {
				columns[i] = pieces[i].from.eval(f)
			}
		}
		out := f.slot(slot)
		for _, p := range columns {
			if p != nil && !p.plain() {
				out.strict(p, f.n)
			}
		}
		out.size(kind, f.n)
		f.write(pieces, columns, out.Strings)
		return out
	}}, true
}

// write puts the texts of all records together.
func (f *frame) write(pieces []piece, columns []*column, to []string) {
	b, longest := f.texts, 64
	for i := range to {
		if cap(b)-len(b) < longest {
			b = make([]byte, 0, max(textChunk, 8*longest))
		}
		start := len(b)
		for j := range pieces {
			b = pieces[j].append(b, columns[j], i)
		}
		to[i] = text(b, start)
		longest = max(longest, len(b)-start)
	}
	f.texts = b
}

func (p *piece) append(b []byte, from *column, i int) []byte {
	switch p.form {
	case constantText:
		return append(b, p.text...)
	case plainText:
		return append(b, from.Strings[i]...)
	case padded:
		return appendPadded(b, from.Longs[i], p.width)
	case decimal:
		return strconv.AppendInt(b, from.Longs[i], 10)
	case floating:
		return strconv.AppendFloat(b, from.Doubles[i], 'g', -1, 64)
	}
	return strconv.AppendBool(b, from.Bools[i])
}

// pieces takes a chain apart.
func (c *compiler) pieces(e celast.Expr, kind engine.Kind, all []piece) ([]piece, bool) {
	if call, ok := callOf(e, operators.Add, 2); ok {
		all, ok := c.pieces(call[0], kind, all)
		if !ok {
			return nil, false
		}
		return c.pieces(call[1], kind, all)
	}
	if p, ok := c.number(e); ok {
		return append(all, p), true
	}
	t, ok := c.compile(e)
	if !ok || t.kind != kind {
		return nil, false
	}
	switch v := t.value.(type) {
	case types.String:
		return append(all, piece{text: string(v)}), true
	case types.Bytes:
		return append(all, piece{text: string(v)}), true
	}
	return append(all, piece{form: plainText, from: t}), true
}

// callOf gives the arguments of a call of a function.
func callOf(e celast.Expr, name string, args int) ([]celast.Expr, bool) {
	if e.Kind() != celast.CallKind {
		return nil, false
	}
	call := e.AsCall()
	return call.Args(), call.FunctionName() == name && !call.IsMemberFunction() && len(call.Args()) == args
}

// number compiles pad(n, width) and string(x).
func (c *compiler) number(e celast.Expr) (piece, bool) {
	if args, ok := callOf(e, padName, 2); ok {
		width, _ := c.fold(args[1])
		if w, ok := width.(types.Int); ok && w >= 0 && w <= maxWidth {
			n, ok := c.compile(args[0])
			return piece{form: padded, width: int(w), from: n}, ok
		}
		return piece{}, false
	}
	args, ok := callOf(e, overloads.TypeConvertString, 1)
	if !ok {
		return piece{}, false
	}
	// What comes to nothing here is compiled by others: to do it twice at each depth would never end.
	kind, ok := c.kind(args[0])
	as, known := numberForms[kind]
	if !ok || !known {
		return piece{}, false
	}
	t, ok := c.compile(args[0])
	return piece{form: as, from: t}, ok
}

// numberForms are what string(x) writes of each kind that it does not leave to the interpreter.
var numberForms = map[engine.Kind]form{engine.Long: decimal, engine.Double: floating, engine.Boolean: truth}

// search compiles startsWith, endsWith, contains, and matches of a constant.
func (c *compiler) search(name string, a, b term) (term, bool) {
	var do func(s, sub string) bool
	switch name {
	case overloads.StartsWith:
		do = strings.HasPrefix
	case overloads.EndsWith:
		do = strings.HasSuffix
	case overloads.Contains:
		do = strings.Contains
	case overloads.Matches:
		pattern, ok := constantPattern(b)
		if !ok {
			return term{}, false
		}
		return c.matches(a, pattern)
	default:
		return term{}, false
	}
	return c.strict(engine.Boolean, []term{a, b}, func(f *frame, out *column, args []*column) {
		sub := args[1].Strings
		for i, s := range args[0].Strings[:f.n] {
			out.Bools[i] = do(s, sub[i])
		}
	})
}

func (c *compiler) matches(a term, pattern *regexp.Regexp) (term, bool) {
	return c.strict(engine.Boolean, []term{a}, func(f *frame, out *column, args []*column) {
		for i, s := range args[0].Strings[:f.n] {
			out.Bools[i] = pattern.MatchString(s)
		}
	})
}

// length compiles size: characters of a text, bytes of bytes.
func (c *compiler) length(a term) (term, bool) {
	if !isText(a.kind) {
		return term{}, false
	}
	return c.strict(engine.Long, []term{a}, func(f *frame, out *column, args []*column) {
		for i, s := range args[0].Strings[:f.n] {
			if a.kind == engine.Bytes {
				out.Longs[i] = int64(len(s))
			} else {
				out.Longs[i] = int64(utf8.RuneCountInString(s))
			}
		}
	})
}
