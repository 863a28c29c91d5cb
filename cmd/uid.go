package cmd

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"unicode/utf8"

	"github.com/ckpt-tool/ckpt/metadata"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// uidOptions are the flags of `ckpt uid`.
type uidOptions struct {
	names      []string
	candidates string // a file with names, - for stdin
	match      string // a checkpoint
	open       openOptions
}

func (o *uidOptions) addFlags(c *cobra.Command) {
	c.Flags().StringVar(&o.candidates, "candidates", "", "read names from a `FILE`, one a line; - for stdin")
	c.Flags().StringVar(&o.match, "match", "", "look the names up among the operators of the checkpoint `CKPT`")
	o.open.addFlags(c)
}

func (o *uidOptions) validate(flags *pflag.FlagSet) error {
	if o.match != "" {
		return nil
	}
	for _, name := range []string{"job", "savepoints", "by"} {
		if onCommandLine(flags, name) {
			return usagef("name a checkpoint by --match CKPT", "--%s says which checkpoint, and no --match asks for one", name)
		}
	}
	return nil
}

func newUIDCommand(env *Env) *cobra.Command {
	opts := &uidOptions{}
	c := &cobra.Command{
		Use:   "uid NAME...",
		Short: "Operator id of a uid, and back",
		Long: `Computes the operator id that Flink derives from uid("NAME"): the 32 digits that
stand in checkpoints, in logs and in the REST API. NAME may be - for names on
stdin, one a line.

An id cannot be turned back into its uid. With --match, the names are candidates
and ckpt tells which operators of a checkpoint have them as their uid: this is
how to read the checkpoints of Flink before 2.0, which hold ids alone. The id of
an operator without a uid depends on the whole job: no name matches it.

Exits with 4 where a candidate belongs to no operator of the checkpoint.`,
		Example: `  ckpt uid my-source my-window
  ckpt uid --match /data/flink/savepoint-1f2e my-source my-window
  ckpt uid --match latest:/data/flink --candidates uids.txt -o json`,
		GroupID: groupTools,
		RunE: func(c *cobra.Command, args []string) error {
			opts.names = args
			if err := opts.validate(c.Flags()); err != nil {
				return err
			}
			return runUID(c.Context(), env, opts)
		},
	}
	opts.addFlags(c)
	return c
}

// uidReport is the JSON of `ckpt uid`.
type uidReport struct {
	Schema     string        `json:"schema"`
	Checkpoint string        `json:"checkpoint,omitempty"`
	UIDs       []uidHash     `json:"uids"`
	Operators  []uidOperator `json:"operators,omitzero"`
}

// uidHash is a name that was asked for. Matched is nil without --match.
type uidHash struct {
	UID     string `json:"uid"`
	ID      string `json:"id"`
	Matched *bool  `json:"matched,omitempty"`
}

// uidOperator is an operator of the checkpoint. UID is the candidate that matches,
// else the one in the checkpoint.
type uidOperator struct {
	ID      string  `json:"id"`
	UID     *string `json:"uid"`
	Name    *string `json:"name"`
	Matched bool    `json:"matched"`
}

func runUID(ctx context.Context, env *Env, opts *uidOptions) error {
	names, err := opts.readNames(env)
	if err != nil {
		return err
	}
	for _, n := range names {
		if _, err := metadata.ParseOperatorID(n); err == nil {
			env.Log.Warn("this looks like an operator id, and is hashed as if it were a uid; --match looks for the uid of an id", "name", n)
		}
	}
	if opts.match == "" {
		return printUIDs(env, hashUIDs(names))
	}
	working := env.startProgress("reading "+opts.match, "")
	cp, target, err := openCheckpoint(ctx, env, &opts.open, opts.match)
	working.stop()
	if err != nil {
		return err
	}
	report := matchUIDs(cp, names)
	report.Checkpoint = target.URL()
	if err := printMatches(env, report); err != nil {
		return err
	}
	return missingUIDs(report)
}

// readNames gathers the names, each once, in the order given.
func (o *uidOptions) readNames(env *Env) ([]string, error) {
	var all []string
	for _, n := range o.names {
		if n != "-" {
			all = append(all, n)
			continue
		}
		lines, err := readLines(env.In)
		if err != nil {
			return nil, fmt.Errorf("reading names from stdin: %w", err)
		}
		all = append(all, lines...)
	}
	if o.candidates != "" {
		lines, err := readCandidates(env, o.candidates)
		if err != nil {
			return nil, err
		}
		all = append(all, lines...)
	}
	return checkNames(all)
}

func readCandidates(env *Env, file string) ([]string, error) {
	in := env.In
	if file != "-" {
		f, err := os.Open(file)
		if err != nil {
			return nil, err
		}
		defer f.Close()
		in = f
	}
	lines, err := readLines(in)
	if err != nil {
		return nil, fmt.Errorf("reading names from %s: %w", file, err)
	}
	return lines, nil
}

// readLines reads names, one a line. Spaces count, empty lines do not.
func readLines(r io.Reader) ([]string, error) {
	var lines []string
	s := bufio.NewScanner(r)
	for s.Scan() {
		if line := s.Text(); line != "" {
			lines = append(lines, line)
		}
	}
	return lines, s.Err()
}

// checkNames drops what is there twice and refuses what no Java string is: its
// hash would be that of another name.
func checkNames(names []string) ([]string, error) {
	seen := map[string]bool{}
	var all []string
	for _, n := range names {
		if !utf8.ValidString(n) {
			return nil, usagef("uids are text in UTF-8", "the name %q is not UTF-8", n)
		}
		if n == "" {
			return nil, usagef("Flink takes no empty uid", "a name is empty")
		}
		if !seen[n] {
			seen[n] = true
			all = append(all, n)
		}
	}
	if len(all) == 0 {
		return nil, usagef("give a name, - for names on stdin, or --candidates FILE", "no names")
	}
	return all, nil
}

func hashUIDs(names []string) uidReport {
	r := uidReport{Schema: "ckpt.uid/v1"}
	for _, n := range names {
		r.UIDs = append(r.UIDs, uidHash{UID: n, ID: metadata.OperatorIDOf(n).String()})
	}
	return r
}

func printUIDs(env *Env, r uidReport) error {
	if env.Output == JSON {
		return env.writeJSON(r)
	}
	t := env.newTable(column{title: "OPERATOR ID"}, column{title: "UID"})
	for _, u := range r.UIDs {
		if err := t.row(text(u.ID), text(u.UID)); err != nil {
			return err
		}
	}
	return t.close()
}
