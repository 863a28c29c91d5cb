package statedump

import (
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
)

// identity is all that tells entries apart but what may be written in several ways. The one case whose list state
// the dump calls union is told apart by its name.
func identity(l Line) string {
	kind := l["kind"]
	if kind == "union" {
		kind = "list"
	}
	s := fmt.Sprint(l["op"], " ", l["state"], " ", kind)
	if kg, ok := l["kg"]; ok {
		s += fmt.Sprint(" kg ", kg)
	}
	for _, f := range []string{"key", "namespace", "mapKey", "ts"} {
		if v, ok := l[f]; ok {
			s += " " + f + " " + plain(v)
		}
	}
	return s
}

// plain is v in one form: what dumps write as objects of windows is an interval.
func plain(v any) string {
	switch v := v.(type) {
	case map[string]any:
		if v["@class"] == "org.apache.flink.table.runtime.operators.window.TimeWindow" {
			return fmt.Sprintf("[%v,%v)", v["start"], v["end"])
		}
		s := "{"
		for _, k := range slices.Sorted(maps.Keys(v)) {
			s += k + ":" + plain(v[k]) + ";"
		}
		return s + "}"
	case []any:
		s := "["
		for _, e := range v {
			s += plain(e) + ","
		}
		return s + "]"
	case json.Number:
		if f, err := v.Float64(); err == nil && strings.ContainsAny(v.String(), ".eE") {
			return strconv.FormatFloat(float64(float32(f)), 'g', -1, 32)
		}
		return v.String()
	}
	return fmt.Sprint(v)
}

// matchAll pairs entries of one identity: elements of operator lists have no more than their values.
func matchAll(ours, theirs []Line, computed bool) string {
	if len(ours) != len(theirs) {
		return fmt.Sprintf("%d entries, not %d", len(ours), len(theirs))
	}
	left := slices.Clone(ours)
	for _, w := range theirs {
		i := slices.IndexFunc(left, func(g Line) bool { return sameEntry(g, w, computed) })
		if i < 0 {
			return fmt.Sprintf("%v %v, not %v %v", left[0]["value"], left[0]["lastAccess"], w["value"], w["lastAccess"])
		}
		left = slices.Delete(left, i, i+1)
	}
	return ""
}

// sameEntry compares values. What was computed from the input of a job knows no order of the events of several sources.
func sameEntry(g, w Line, computed bool) bool {
	if a, ok := w["lastAccess"]; ok && !same(g["lastAccess"], a) {
		return false
	}
	if s, ok := w["service"]; ok && g["service"] != s {
		return false
	}
	if list, ok := g["value"].([]any); ok && computed && w["kind"] == "list" {
		return sameElements(list, w["value"])
	}
	return w["kind"] == "aggregating" || same(g["value"], w["value"])
}

// same compares values. Maps have no order in dumps, and two forms; a class that the type tells anyhow may be missing.
func same(g, w any) bool {
	switch w := w.(type) {
	case map[string]any:
		if plain(w) == plain(g) {
			return true
		}
		switch g := g.(type) {
		case map[string]any:
			if g["@bytes"] != nil { // Kryo's, of a class of the job
				return g["@class"] == w["@class"]
			}
			return sameObject(g, w)
		case []any:
			return samePairs(pairs(g), pairs(w))
		}
		return false
	case []any:
		if gm, ok := g.(map[string]any); ok {
			return samePairs(pairs(gm), pairs(w))
		}
		gl, ok := g.([]any)
		if !ok || len(gl) != len(w) {
			return false
		}
		if slices.EqualFunc(gl, w, same) {
			return true
		}
		return samePairs(pairs(gl), pairs(w))
	case json.Number:
		gn, ok := g.(json.Number)
		return ok && sameNumber(gn, w)
	}
	return g == w
}

func sameElements(g []any, w any) bool {
	list, ok := w.([]any)
	if !ok || len(g) != len(list) {
		return false
	}
	left := slices.Clone(g)
	for _, e := range list {
		i := slices.IndexFunc(left, func(x any) bool { return same(x, e) })
		if i < 0 {
			return false
		}
		left = slices.Delete(left, i, i+1)
	}
	return true
}

func sameObject(g, w map[string]any) bool {
	for k, v := range w {
		if k == "@class" && g[k] == nil {
			continue
		}
		if gv, ok := g[k]; !ok || !same(gv, v) {
			return false
		}
	}
	for k := range g {
		if _, ok := w[k]; !ok {
			return false
		}
	}
	return true
}

// pairs is a map in either form, nil if it is none.
func pairs(v any) [][2]any {
	var out [][2]any
	switch v := v.(type) {
	case map[string]any:
		for k, e := range v {
			out = append(out, [2]any{k, e})
		}
	case []any:
		for _, e := range v {
			p, ok := e.([]any)
			if !ok || len(p) != 2 {
				return nil
			}
			out = append(out, [2]any{p[0], p[1]})
		}
	}
	return out
}

func samePairs(g, w [][2]any) bool {
	if g == nil || w == nil || len(g) != len(w) {
		return false
	}
	left := slices.Clone(g)
	for _, p := range w {
		i := slices.IndexFunc(left, func(q [2]any) bool { return same(q[0], p[0]) && same(q[1], p[1]) })
		if i < 0 {
			return false
		}
		left = slices.Delete(left, i, i+1)
	}
	return true
}

func sameNumber(g, w json.Number) bool {
	if g == w {
		return true
	}
	a, err1 := g.Float64()
	b, err2 := w.Float64()
	return err1 == nil && err2 == nil && strings.ContainsAny(g.String()+w.String(), ".eE") &&
		(a == b || float32(a) == float32(b) && !math.IsInf(float64(float32(a)), 0))
}
