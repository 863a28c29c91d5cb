package cmd

import (
	"fmt"
	"io"
	"runtime"
	"runtime/debug"
	"strconv"
	"strings"

	"github.com/ckpt-tool/ckpt/metadata"
	"github.com/spf13/cobra"
)

// version is set by the linker for releases.
var version string

// build is what a binary knows of itself.
type build struct {
	Schema           string            `json:"schema"`
	Version          string            `json:"version"`
	Commit           string            `json:"commit"`
	Modified         bool              `json:"modified"`
	Go               string            `json:"go"`
	Platform         string            `json:"platform"`
	MetadataVersions []metadataVersion `json:"metadataVersions"`
}

// metadataVersion is a version of the `_metadata` format that this binary reads.
type metadataVersion struct {
	Version int32  `json:"version"`
	Flink   string `json:"flink"` // the releases that write it
}

func newVersionCommand(env *Env) *cobra.Command {
	return &cobra.Command{
		Use:     "version",
		Short:   "Version of ckpt and of the formats it reads",
		Example: "  ckpt version\n  ckpt version -o json",
		GroupID: groupTools,
		Args:    maxArgs(0),
		RunE:    func(*cobra.Command, []string) error { return runVersion(env) },
	}
}

// addVersionFlag makes `ckpt --version` the same as `ckpt version`, and shows
// help where there is no command at all.
func addVersionFlag(env *Env, root *cobra.Command) {
	asked := root.Flags().Bool("version", false, "the same as the command version")
	root.Args = noCommand
	root.RunE = func(c *cobra.Command, _ []string) error {
		if *asked {
			return runVersion(env)
		}
		printHelp(env, c)
		return nil
	}
}

func runVersion(env *Env) error {
	b := readBuild()
	switch env.Output {
	case JSON:
		return env.writeJSON(b)
	case TSV:
		return writeVersionTSV(env, b)
	}
	return writeVersion(env, b)
}

func writeVersion(env *Env, b build) error {
	var s strings.Builder
	fmt.Fprintf(&s, "ckpt %s (%s, %s)\n", b.Version, b.Go, b.Platform)
	if b.Commit != "" {
		fmt.Fprintf(&s, "commit %s\n", b.Commit)
	}
	fmt.Fprint(&s, "\nreads\n")
	for _, v := range b.MetadataVersions {
		fmt.Fprintf(&s, "  _metadata version %d  written by Flink %s\n", v.Version, v.Flink)
	}
	_, err := io.WriteString(env.Out, s.String())
	return err
}

func writeVersionTSV(env *Env, b build) error {
	var versions []string
	for _, v := range b.MetadataVersions {
		versions = append(versions, strconv.Itoa(int(v.Version)))
	}
	t := env.newTable(column{}, column{})
	rows := [][2]string{
		{"version", b.Version},
		{"commit", b.Commit},
		{"modified", strconv.FormatBool(b.Modified)},
		{"go", b.Go},
		{"platform", b.Platform},
		{"metadataVersions", strings.Join(versions, ",")},
	}
	for _, r := range rows {
		if err := t.row(text(r[0]), text(r[1])); err != nil {
			return err
		}
	}
	return t.close()
}

// readBuild asks the binary: the linker's word first, then what Go recorded.
func readBuild() build {
	b := build{
		Schema:   "ckpt.version/v1",
		Version:  version,
		Go:       runtime.Version(),
		Platform: runtime.GOOS + "/" + runtime.GOARCH,
	}
	for v := int32(metadata.MinVersion); v <= metadata.MaxVersion; v++ {
		b.MetadataVersions = append(b.MetadataVersions, metadataVersion{v, metadata.WrittenBy(v)})
	}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return b
	}
	if b.Version == "" {
		b.Version = info.Main.Version
	}
	for _, s := range info.Settings {
		switch s.Key {
		case "vcs.revision":
			b.Commit = s.Value
		case "vcs.modified":
			b.Modified = s.Value == "true"
		}
	}
	return b
}
