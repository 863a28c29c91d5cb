package cmd

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/ckpt-tool/ckpt/backends/offsets"
)

// print writes the report in the form that was asked for.
func (r *offsetsReport) print(env *Env) error {
	switch env.Output {
	case JSON:
		return env.writeJSON(r)
	case TSV:
		return r.printTSV(env)
	}
	sections := []struct {
		title string
		n     int
		print func(*Env) error
	}{
		{"Where sources go on", len(r.Positions), r.printPositions},
		{"What sinks are to commit", len(r.Transactions), r.printTransactions},
		{"List state that is not understood", len(r.Raw), r.printRaw},
	}
	between := ""
	for _, s := range sections {
		if s.n == 0 {
			continue
		}
		if _, err := fmt.Fprintf(env.Out, "%s%s\n\n", between, env.paintOut(bold, s.title)); err != nil {
			return err
		}
		if err := s.print(env); err != nil {
			return err
		}
		between = "\n"
	}
	return r.printNotes(env, between)
}

func (r *offsetsReport) printPositions(env *Env) error {
	t := env.newTable(column{title: "OPERATOR", shrink: true}, column{title: "SUB-TASK", right: true, may: true}, column{title: "CONNECTOR", spare: true},
		column{title: "SPLIT", shrink: true}, column{title: "GOES ON AT", first: true}, column{title: "ENDS AT", may: true, spare: true})
	for i := range r.Positions {
		p := &r.Positions[i]
		goesOn := text(p.goesOn())
		if p.Offset == nil {
			goesOn = goesOn.in(yellow)
		}
		if err := t.row(text(p.label), optionalNumber(asInt64(p.Subtask)), text(p.Connector), text(p.splitName()), goesOn, text(p.endsAt())); err != nil {
			return err
		}
	}
	return t.close()
}

// splitName is what people know a split by.
func (p *offsetsPosition) splitName() string {
	s := p.Split
	if p.Path != "" {
		s = p.Path
	}
	if p.Source != nil {
		s = fmt.Sprintf("source %d: %s", *p.Source, s)
	}
	return s
}

// goesOn says where it does: at a number, or where a word stands for it.
func (p *offsetsPosition) goesOn() string {
	switch {
	case p.Meaning == string(offsets.Modified):
		return "files changed after " + time.UnixMilli(*p.Offset).UTC().Format(time.RFC3339)
	case p.Offset == nil:
		return p.Meaning
	case p.Connector != "file":
		return strconv.FormatInt(*p.Offset, 10)
	case *p.Skip > 0:
		return fmt.Sprintf("byte %d + %s", *p.Offset, plural(int(*p.Skip), "record"))
	}
	return fmt.Sprintf("byte %d", *p.Offset)
}

// endsAt says what is not read any more, or of a sequence what is read last.
func (p *offsetsPosition) endsAt() string {
	switch {
	case p.Last != nil:
		return strconv.FormatInt(*p.Last, 10)
	case p.Stop != nil:
		return strconv.FormatInt(*p.Stop, 10)
	case p.Length != nil && p.Start != nil && *p.Length >= 0:
		return fmt.Sprintf("byte %d", *p.Start+*p.Length)
	}
	return p.StopMeaning
}

func asInt64[T int16 | int32](v *T) *int64 {
	if v == nil {
		return nil
	}
	n := int64(*v)
	return &n
}

func (r *offsetsReport) printTransactions(env *Env) error {
	t := env.newTable(column{title: "OPERATOR", shrink: true}, column{title: "SUB-TASK", right: true, may: true}, column{title: "CONNECTOR", may: true, spare: true},
		column{title: "TRANSACTIONAL ID", shrink: true}, column{title: "PRODUCER", right: true, may: true}, column{title: "EPOCH", right: true, may: true},
		column{title: "CHECKPOINT", right: true, may: true, spare: true}, column{title: "STATE"})
	for i := range r.Transactions {
		x := &r.Transactions[i]
		id := x.ID
		if x.Raw != "" {
			id = x.Raw
		}
		if err := t.row(text(x.label), optionalNumber(asInt64(x.Subtask)), optional(x.Connector), text(id), optionalNumber(x.Producer),
			optionalNumber(asInt64(x.Epoch)), optionalNumber(x.Checkpoint), text(x.Status)); err != nil {
			return err
		}
	}
	return t.close()
}

func (r *offsetsReport) printRaw(env *Env) error {
	t := env.newTable(column{title: "OPERATOR", shrink: true}, column{title: "SUB-TASK", right: true, may: true}, column{title: "STATE", shrink: true, may: true}, column{title: "KIND", spare: true},
		column{title: "VALUE", first: true})
	for i := range r.Raw {
		x := &r.Raw[i]
		if err := t.row(text(x.label), optionalNumber(asInt64(x.Subtask)), optional(x.State), text(x.Kind), text(string(x.Value))); err != nil {
			return err
		}
	}
	return t.close()
}

// printNotes explains what needs it.
func (r *offsetsReport) printNotes(env *Env, between string) error {
	notes := r.notes()
	if len(notes) == 0 {
		return nil
	}
	var b strings.Builder
	b.WriteString(between)
	for _, n := range notes {
		b.WriteString(env.wrap(escape(n), "") + "\n")
	}
	_, err := fmt.Fprint(env.Out, b.String())
	return err
}

// The words for offsets that are still to be found.
var meaningNotes = []struct {
	meaning offsets.Meaning
	note    string
}{
	{offsets.Earliest, "earliest: nothing was read yet; it begins with the first record there is"},
	{offsets.Latest, "latest: nothing was read yet; it begins behind the last record there is when the job starts"},
	{offsets.Committed, "committed: nothing was read yet; it begins where the consumer group has committed"},
	{offsets.Initial, "initial: nothing was read yet; it begins where the settings of the job say"},
}

func (r *offsetsReport) notes() []string {
	var notes []string
	for _, m := range meaningNotes {
		for _, p := range r.Positions {
			if p.Meaning == string(m.meaning) {
				notes = append(notes, m.note)
				break
			}
		}
	}
	for _, p := range r.Positions {
		if !p.Assigned {
			notes = append(notes, "a split without a sub-task was handed out to none yet: the enumerator has it")
			break
		}
	}
	for i := range r.Enumerators {
		if n := r.withoutReader(&r.Enumerators[i]); n > 0 {
			notes = append(notes, fmt.Sprintf("%s: %s handed out that no sub-task has: read to the end, or on the way", r.Enumerators[i].label, plural(n, "split")))
		}
	}
	for _, x := range r.Raw {
		if x.left > 0 {
			notes = append(notes, fmt.Sprintf("%s, sub-task %d, state %s: %d more elements; ckpt state cat shows all", x.label, *x.Subtask, *x.State, x.left))
		}
	}
	if n := len(r.hidden); n > 0 {
		notes = append(notes, fmt.Sprintf("%s with list state that no source known to ckpt has: --operator shows it (%s)", plural(n, "operator"), some(r.hidden)))
	}
	if len(r.Positions)+len(r.Transactions)+len(r.Raw) == 0 {
		notes = append(notes, "no source keeps a position in "+r.Path+", and no sink a transaction")
	}
	return notes
}

// some are the first of the words.
func some(words []string) string {
	const most = 5
	s := strings.Join(words[:min(most, len(words))], ", ")
	if n := len(words) - most; n > 0 {
		s += fmt.Sprintf(" and %d more", n)
	}
	return s
}

// withoutReader counts the splits that an enumerator has handed out and that no reader has any more.
func (r *offsetsReport) withoutReader(e *offsetsEnumerator) int {
	if e.Assigned == nil {
		return 0
	}
	n := *e.Assigned
	for i := range r.Positions {
		if p := &r.Positions[i]; p.Operator == e.Operator && p.Assigned {
			n--
		}
	}
	return n
}

// printTSV has a line for each thing; the first column says what it is.
func (r *offsetsReport) printTSV(env *Env) error {
	t := env.newTable()
	for i := range r.Positions {
		p := &r.Positions[i]
		stop := optionalNumber(p.Stop)
		if p.Stop == nil {
			stop = text(p.StopMeaning)
		}
		if err := t.row(append(p.cells("position"), text(p.Connector), text(p.Split), optionalNumber(p.Offset), text(p.Meaning),
			optionalNumber(p.Skip), stop, optionalNumber(p.Last), text(p.Path), optionalNumber(asInt64(p.Source)))...); err != nil {
			return err
		}
	}
	for i := range r.Transactions {
		x := &r.Transactions[i]
		if err := t.row(append(x.cells("transaction"), optional(x.Connector), text(x.ID+x.Raw), optionalNumber(x.Producer), optionalNumber(asInt64(x.Epoch)),
			optionalNumber(x.Checkpoint), optionalNumber(asInt64(x.Writer)), text(x.Status))...); err != nil {
			return err
		}
	}
	for i := range r.Raw {
		x := &r.Raw[i]
		if err := t.row(append(x.cells("raw"), text(x.Kind), text(string(x.Value)))...); err != nil {
			return err
		}
	}
	return t.close()
}

// cells are the first ones of a line of TSV.
func (o *offsetsOwner) cells(what string) []cell {
	return []cell{text(what), text(o.label), optionalNumber(asInt64(o.Subtask)), optional(o.State)}
}
