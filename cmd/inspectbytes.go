package cmd

import (
	"bufio"
	"context"
	"encoding/hex"
	"fmt"
	"strings"

	"github.com/ckpt-tool/ckpt/metadata"
)

// byteRange is one range in the JSON of `ckpt inspect --bytes`.
type byteRange struct {
	From  int64  `json:"from"`
	To    int64  `json:"to"`
	Label string `json:"label"`
	Value string `json:"value,omitempty"`
	Hex   string `json:"hex,omitempty"` // of the first bytes
}

// shownBytes is how many bytes of a range are shown.
const shownBytes = 16

// printBytes explains _metadata byte by byte. What cannot be read ends the list, and
// is the error: the bytes before it are what one wants to see then.
func (in *inspection) printBytes(ctx context.Context) error {
	data, err := readBytes(ctx, in.target)
	if err != nil {
		return err
	}
	entries, hasSubtask, err := in.selectEntries(data)
	if err != nil {
		return err
	}
	if in.opts.subtask != anySubtask && !hasSubtask {
		return in.subtaskMissing()
	}
	p := &bytesPrinter{in: in, data: data, entries: entries, w: bufio.NewWriterSize(in.env.Out, 64<<10)}
	p.begin()
	broken := metadata.Annotate(data, p.annotation)
	p.end(broken == nil && p.err == nil)
	if err := p.w.Flush(); err != nil {
		return err
	}
	if p.err != nil {
		return p.err
	}
	return brokenMetadata(in.target, broken)
}

// entry is a sub-task entry of an operator entry, by their places in the file.
type entry struct{ operator, subtask int }

// selectEntries finds the entries that --operator and --subtask ask for, nil for all.
// A file that cannot be decoded can only be shown whole.
func (in *inspection) selectEntries(data []byte) (map[entry]bool, bool, error) {
	if !in.match.any() && in.opts.subtask == anySubtask {
		return nil, true, nil
	}
	c, err := metadata.Decode(data)
	if err != nil {
		return nil, false, brokenMetadata(in.target, err)
	}
	selected, hasSubtask := map[entry]bool{}, false
	for i := range c.Operators {
		if !in.match.operator(&c.Operators[i]) {
			continue
		}
		selected[entry{i, -1}] = true
		for j, s := range c.Operators[i].Subtasks {
			if in.opts.wantsSubtask(s.Index) {
				selected[entry{i, j}], hasSubtask = true, true
			}
		}
	}
	return selected, hasSubtask, in.match.missing(in.target.URL())
}

// bytesPrinter writes annotations in the form that was asked for.
type bytesPrinter struct {
	in      *inspection
	data    []byte
	entries map[entry]bool
	w       *bufio.Writer
	some    bool // whether one was written
	err     error
}

func (p *bytesPrinter) begin() {
	if p.in.env.Output == JSON {
		path, _ := marshal(p.in.target.URL(), "")
		fmt.Fprintf(p.w, `{"schema":"ckpt.inspect.bytes/v1","path":%s,"bytes":[`, strings.TrimSpace(string(path)))
	}
}

// end closes the document, which says whether the file could be read to its end.
func (p *bytesPrinter) end(complete bool) {
	if p.in.env.Output == JSON {
		fmt.Fprintf(p.w, "\n],\"complete\":%v}\n", complete)
	}
}

func (p *bytesPrinter) annotation(a metadata.Annotation) bool {
	if p.entries != nil && !p.entries[entry{a.Operator, a.Subtask}] {
		return true
	}
	switch p.in.env.Output {
	case JSON:
		p.json(a)
	case TSV:
		_, p.err = fmt.Fprintf(p.w, "%d\t%d\t%s\t%s\t%s\n", a.From, a.To, p.hex(a), escapeTSV(a.Label), escapeTSV(a.Value))
	default:
		p.line(a)
	}
	p.some = true
	return p.err == nil
}

func (p *bytesPrinter) hex(a metadata.Annotation) string {
	return hex.EncodeToString(p.data[a.From:min(a.To, a.From+shownBytes)])
}

func (p *bytesPrinter) json(a metadata.Annotation) {
	b, err := marshal(byteRange{a.From, a.To, a.Label, a.Value, p.hex(a)}, "")
	if p.err = err; err != nil {
		return
	}
	if p.some {
		p.w.WriteByte(',')
	}
	p.w.WriteString("\n")
	_, p.err = p.w.WriteString(strings.TrimRight(string(b), "\n"))
}

// line is for people: offset, bytes in groups of four, what they are.
func (p *bytesPrinter) line(a metadata.Annotation) {
	env := p.in.env
	if a.From == a.To {
		_, p.err = fmt.Fprintf(p.w, "%s\n", env.paintOut(bold, escape(a.Label)))
		return
	}
	var groups []string
	shown := p.data[a.From:min(a.To, a.From+8)]
	for i := 0; i < len(shown); i += 4 {
		groups = append(groups, hex.EncodeToString(shown[i:min(i+4, len(shown))]))
	}
	text := strings.Join(groups, " ")
	if a.To > a.From+8 {
		text += " …"
	}
	label := escape(a.Label)
	if a.Value != "" {
		label += ": " + env.paintOut(cyan, escape(a.Value))
	}
	pad := strings.Repeat(" ", max(0, 19-len([]rune(text))))
	_, p.err = fmt.Fprintf(p.w, "%s  %s%s  %s\n", env.paintOut(faint, fmt.Sprintf("%08x", a.From)), text, pad, label)
}
