package cmd

import (
	"fmt"
	"strings"

	"github.com/ckpt-tool/ckpt/metadata"
)

// matchUIDs tells which names are the uids of which operators of cp.
func matchUIDs(cp *metadata.Checkpoint, names []string) uidReport {
	r := hashUIDs(names)
	candidates := map[string]string{}
	for _, u := range r.UIDs {
		candidates[u.ID] = u.UID
	}
	found := map[string]bool{}
	r.Operators = []uidOperator{}
	for _, op := range cp.Operators {
		o := uidOperator{ID: op.ID.String(), UID: orNull(op.UID.String()), Name: orNull(op.Name.String())}
		if uid, ok := candidates[o.ID]; ok {
			o.UID, o.Matched = &uid, true
			found[o.ID] = true
		}
		r.Operators = append(r.Operators, o)
	}
	for i, u := range r.UIDs {
		matched := found[u.ID]
		r.UIDs[i].Matched = &matched
	}
	return r
}

// missingUIDs is the error for candidates that no operator has, nil without any.
func missingUIDs(r uidReport) error {
	var missing []string
	for _, u := range r.UIDs {
		if !*u.Matched {
			missing = append(missing, fmt.Sprintf("%q", u.UID))
		}
	}
	if len(missing) == 0 {
		return nil
	}
	const shown = 5
	list := strings.Join(missing[:min(shown, len(missing))], ", ")
	if n := len(missing) - shown; n > 0 {
		list += fmt.Sprintf(" and %d more", n)
	}
	return &notFoundError{
		message: fmt.Sprintf("%d of %d names are the uid of no operator in %s: %s", len(missing), len(r.UIDs), r.Checkpoint, list),
		path:    r.Checkpoint,
	}
}

// printMatches lists the operators, and then the names that none of them has.
func printMatches(env *Env, r uidReport) error {
	if env.Output == JSON {
		return env.writeJSON(r)
	}
	t := env.newTable(column{title: "OPERATOR ID"}, column{title: "MATCH"},
		column{title: "UID", shrink: true}, column{title: "NAME", shrink: true})
	for _, o := range r.Operators {
		match := text("no").in(yellow)
		if o.Matched {
			match = text("yes").in(green)
		}
		if err := t.row(text(o.ID), match, optional(o.UID), optional(o.Name)); err != nil {
			return err
		}
	}
	for _, u := range r.UIDs {
		if !*u.Matched {
			if err := t.row(text(u.ID), text("missing").in(red), text(u.UID), text("")); err != nil {
				return err
			}
		}
	}
	return t.close()
}
