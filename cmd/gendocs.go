package cmd

import (
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/cobra/doc"
)

// docsDate stands in the manual pages, so that the same source makes the same bytes.
var docsDate = time.Date(2026, time.January, 1, 0, 0, 0, 0, time.UTC)

// newGendocsCommand is for those who package ckpt.
func newGendocsCommand(env *Env) *cobra.Command {
	return &cobra.Command{
		Use:     "gendocs DIR",
		Short:   "Write the reference pages: DIR/cli/*.md and DIR/man/*.1",
		Example: "  ckpt gendocs docs",
		Hidden:  true,
		Args:    exactArgs("DIR"),
		RunE:    func(_ *cobra.Command, args []string) error { return runGendocs(env, args[0]) },
	}
}

func runGendocs(env *Env, dir string) error {
	root := newRoot(env)
	root.DisableAutoGenTag = true
	root.Long += "\n\n" + environmentHelp
	markLists(root)
	cli, man := filepath.Join(dir, "cli"), filepath.Join(dir, "man")
	for _, d := range []string{cli, man} {
		if err := os.MkdirAll(d, 0o755); err != nil {
			return err
		}
	}
	if err := doc.GenMarkdownTree(root, cli); err != nil {
		return err
	}
	header := &doc.GenManHeader{Section: "1", Date: &docsDate, Source: "ckpt", Manual: "ckpt"}
	return doc.GenManTree(root, header, man)
}

// markLists makes preformatted blocks of the indented lines in the help of c and all
// below it: man pages and Markdown would run them together.
func markLists(c *cobra.Command) {
	var out []string
	within := false
	for line := range strings.SplitSeq(c.Long, "\n") {
		indented := strings.HasPrefix(line, "  ")
		if indented && !within && len(out) > 0 && out[len(out)-1] != "" {
			out = append(out, "")
		}
		if within = indented; indented {
			line = "    " + line
		}
		out = append(out, line)
	}
	c.Long = strings.Join(out, "\n")
	for _, sub := range c.Commands() {
		markLists(sub)
	}
}
