package cmd

import (
	"os"
	"path/filepath"
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
