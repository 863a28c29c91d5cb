package job

import (
	"strings"
	"testing"

	"github.com/ckpt-tool/ckpt/restore/engine"
	"github.com/google/go-cmp/cmp"
)

const joining = `name: joining
sources:
  - {uid: orders, type: stdin, format: json, columns: {id: BIGINT, customer: STRING, amount: DOUBLE, time: TIMESTAMP}}
  - {uid: payments, type: stdin, format: json, columns: {order: BIGINT, amount: DOUBLE}}
  - {uid: people, type: stdin, format: json, columns: {country: STRING, name: STRING, id: STRING}}
operators:
  - {uid: once, type: deduplicate, input: orders, key-by: id, ttl: 1h, keep: last}
  - uid: paid
    type: interval-join
    left: {input: once, key-by: id}
    right: {input: payments, key-by: order, prefix: paid_}
    lower: -5 min
    upper: 1h
  - {uid: known, type: enrich, input: paid, by: customer, table: {input: people, key: id, prefix: p_}, missing: drop}
sinks:
  - {uid: out, type: discard, input: known}
`

func TestJoins(t *testing.T) {
	j, _ := build(t, load(t, joining, nil))
	at := map[string]int{}
	for i, n := range j.Nodes {
		at[n.UID] = i
	}
	columns := []engine.Column{{Name: "id", Kind: engine.Long}, {Name: "customer", Kind: engine.String}, {Name: "amount", Kind: engine.Double}, {Name: "time", Kind: engine.Timestamp},
		{Name: "paid_order", Kind: engine.Long}, {Name: "paid_amount", Kind: engine.Double}, {Name: "p_country", Kind: engine.String}, {Name: "p_name", Kind: engine.String}}
	for uid, n := range map[string]int{"once": 4, "paid": 6, "known": 8} {
		if diff := cmp.Diff(columns[:n], j.Nodes[at[uid]].Output.Columns); diff != "" {
			t.Errorf("%s: %s", uid, diff)
		}
	}
	edges := j.Nodes[at["known"]].Inputs
	if len(edges) != 2 || edges[0].Exchange != engine.Forward || edges[1].Exchange != engine.Broadcast || edges[1].From.UID != "people" {
		t.Errorf("%+v", edges)
	}
	edges = j.Nodes[at["paid"]].Inputs
	if len(edges) != 2 || edges[0].Exchange != engine.Hash || edges[0].Key[0] != "id" || edges[1].Key[0] != "order" {
		t.Errorf("%+v", edges)
	}
}

func TestJoinMistakes(t *testing.T) {
	for _, c := range []struct{ old, changed, want string }{
		{"ttl: 1h", "ttl: 0h", "want a time above zero"},
		{"keep: last", "keep: latest", `"latest": no such keep (did you mean last?)`},
		{"upper: 1h", "upper: -1h", "f:13:12: upper is below lower"},
		{", prefix: paid_", "", "both inputs have a column amount (a prefix makes names differ)"},
		{"key-by: order", "key-by: amount", "the column amount is DOUBLE, and id, which it is compared with, BIGINT"},
		{"key-by: order", "key-by: [order, amount]", "a key of 2 columns cannot be one of 1"},
		{"key-by: order", "key-by: ordr", "no column ordr (did you mean order?)"},
		{"{input: payments, key-by: order,", "{key-by: order,", "f:11:13: input is missing"},
		{"by: customer", "by: costumer", "no column costumer (did you mean customer?)"},
		{"key: id,", "key: [],", "want at least one name"},
		{"prefix: p_", "prefx: p_", "no such key: prefx (did you mean prefix?)"},
		{"missing: drop", "missing: null", "want a text, not nothing"},
	} {
		text := strings.Replace(joining, c.old, c.changed, 1)
		if got := strings.Join(mistakesOf(text, nil), "\n"); text == joining || !strings.Contains(got, c.want) {
			t.Errorf("%s -> %s: have %q; want %q", c.old, c.changed, got, c.want)
		}
	}
}
