package cmd

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"strings"
	"time"

	"github.com/ckpt-tool/ckpt/backends/content"
	"github.com/ckpt-tool/ckpt/layout"
	"github.com/ckpt-tool/ckpt/layout/usage"
	"github.com/ckpt-tool/ckpt/layout/verify"
	"github.com/spf13/cobra"
)

// verifyOptions are the flags of `ckpt verify`.
type verifyOptions struct {
	openOptions
	mapOptions
	metricsOptions
	level, format, sample   string
	seed                    uint64
	manifest, against, gate string
}

// The values of --level and --format.
var (
	levels        = []string{string(verify.Files), string(verify.Metadata), string(verify.Content)}
	verifyFormats = []string{"junit", "sarif", "github"}
)

func (o *verifyOptions) addFlags(c *cobra.Command) {
	choice(c, &o.level, "level", "", levels[0], levels, "how much to check; each checks what those before do")
	c.Flags().StringVar(&o.sample, "sample", "", "with content: read about `AMOUNT` of it: 5% or 10G")
	c.Flags().Uint64Var(&o.seed, "seed", 0, "which files a sample takes; each run others without `N`")
	choice(c, &o.format, "format", "", "", verifyFormats, "a report for CI in place of --output")
	c.Flags().StringVar(&o.manifest, "manifest", "", "write sizes and checksums of the verified checkpoint to `FILE`")
	c.Flags().StringVar(&o.against, "against", "", "compare with the `FILE` that --manifest wrote")
	c.Flags().StringVar(&o.gate, "gate", "", "check the rules in `FILE` as well, such as .ckpt.yaml")
	o.mapOptions.addFlags(c)
	o.metricsOptions.addFlags(c)
	o.latestOptions.addFlags(c, "with latest: ")
	c.Flags().Lookup("job").Usage = "only the job of this `ID`"
}

// validate settles what depends on several flags.
func (o *verifyOptions) validate(env *Env) (verify.Options, error) {
	opts := verify.Options{Level: verify.Level(o.level), Content: checkContent, LogLength: content.LogLength, Open: env.OpenStore}
	if o.sample != "" {
		sample, err := verify.ParseSample(o.sample, parseSize)
		if err != nil {
			return opts, usagef("say how much of the content to read", "--sample: %v", err)
		}
		sample.Seed = o.seed
		if o.seed == 0 {
			sample.Seed = rand.Uint64()
		}
		opts.Sample = sample
	}
	switch {
	case o.sample != "" && opts.Level != verify.Content:
		return opts, usagef("add --level content", "--sample is for content")
	case o.manifest != "" && o.sample != "":
		return opts, usagef("leave --sample away", "a manifest needs all of the content")
	case o.manifest != "" && o.against != "":
		return opts, usagef("give one of them", "--manifest and --against exclude each other")
	case o.manifest != "":
		opts.Level = verify.Content
	}
	return opts, nil
}

func newVerifyCommand(env *Env) *cobra.Command {
	opts := &verifyOptions{}
	c := &cobra.Command{
		Use:   "verify " + urlArg,
		Short: "Whether checkpoints still restore, as far as bytes can tell",
		Long: `Verifies one checkpoint or savepoint, or all that lie below URL or the current
directory. URL may be a chk-N or savepoint directory, or latest:URL.

  --level metadata  the _metadata parses, encodes to the same bytes again, and
                    agrees with itself: key groups, sizes, paths
  --level files     every file that it names is there and has the recorded size,
                    every segment of a merged file lies within it; one listing
  --level content   every byte is read: headers, offsets and all the checksums
                    that there are fit; all state decodes, entry by entry, each
                    key in its key group, to the last byte of every file

State of the heap, canonical savepoints and operator state bear no checksum
unless they are compressed, so content finds there what is torn, mixed up or
shifted, and not every flipped bit of a value. RocksDB's tables and MANIFEST
have checksums. A manifest does find every change. State that only the job's own
classes can decode is told of, and does not count as damage.

A checkpoint is ok, damaged, or unreadable, and what is wrong with it is listed
with the file, the handle that names it, and the reason. Checkpoints without a
_metadata are passed over.

After a restore in claim mode CLAIM, Flink deletes shared files that the new job
no longer needs. Older checkpoints of the claimed job keep a whole _metadata and
cannot be restored any more: they are damaged, and the output says so.

--manifest writes what was verified as a list of files with checksums; --against
compares with it later, in one listing, and with --level content the checksums.
--gate checks rules of your own: see docs/ci.md.

Exits with 3 where something is damaged or breaks a rule, with 5 where the only
checkpoint cannot be parsed (3 if it is one of many), with 4 where there is
none, and with 1 where something could not be checked.`,
		Example: `  ckpt verify /data/flink/checkpoints
  ckpt verify latest:/data/flink --level content
  ckpt verify /data/flink --format junit > report.xml
  ckpt verify /data/flink --level content --sample 5%`,
		GroupID: groupLook,
		Args:    maxArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			return opts.record(c.Context(), env, "verify", []string{urlOf(args)}, func() error {
				settings, err := opts.validate(env)
				if err != nil {
					return err
				}
				return runVerify(c.Context(), env, opts, settings, urlOf(args))
			})
		},
	}
	opts.addFlags(c)
	return c
}

// verification is one run of `ckpt verify`.
type verification struct {
	env      *Env
	opts     *verifyOptions
	settings verify.Options
	report   verifyReport
	single   bool
	passed   int           // over, as they have no _metadata
	graph    *layout.Graph // nil for a single checkpoint
	names    *usage.Names
	digests  []verify.Digest
}

func runVerify(ctx context.Context, env *Env, opts *verifyOptions, settings verify.Options, arg string) error {
	start := time.Now()
	v := &verification{env: env, opts: opts, settings: settings}
	v.settings.State = v.checkState
	policy, err := v.policy()
	if err != nil {
		return err
	}
	nodes, closeAll, err := v.nodes(ctx, arg)
	if err != nil {
		return err
	}
	defer closeAll()
	if err := v.check(ctx, nodes); err != nil {
		return err
	}
	if err := v.manifests(ctx, nodes); err != nil {
		return err
	}
	if err := v.judge(ctx, policy); err != nil {
		return err
	}
	v.report.Elapsed = time.Since(start)
	if err := v.print(); err != nil {
		return err
	}
	opts.metrics.verified(v.report.Root, v.report.Results)
	return v.verdict()
}

// nodes are the snapshots that arg names, and what has to be closed in the end.
func (v *verification) nodes(ctx context.Context, arg string) ([]layout.Node, func(), error) {
	target, tree, err := checkpointOrTree(ctx, v.env, &v.opts.openOptions, arg)
	if err != nil {
		return nil, nil, err
	}
	v.report.Level = v.settings.Level
	store, nodes := layout.Store(nil), []layout.Node(nil)
	if tree != nil {
		store, v.report.Root, v.report.Errors = tree.Store, tree.Root, tree.Errors
		nodes, err = v.below(ctx, tree)
	} else {
		store, v.report.Root, v.single = target.Store, target.Store.URL(), true
		var node *layout.Node
		if node, err = layout.Follow(ctx, target, v.graphOptions()); err == nil {
			nodes = []layout.Node{*node}
		}
	}
	if err != nil {
		store.Close()
		return nil, nil, err
	}
	return nodes, func() { store.Close() }, nil
}

// below are the snapshots of a tree, or of one job in it.
func (v *verification) below(ctx context.Context, tree *layout.Tree) ([]layout.Node, error) {
	job, err := parseJob(v.opts.job)
	if err != nil {
		return nil, err
	}
	opts := v.graphOptions()
	if v.opts.gate != "" {
		v.names = &usage.Names{}
		opts.Observe = func(*layout.Tree, *layout.Snapshot) func(*layout.Reference) { return v.names.Observe }
	}
	if v.graph, err = newGraph(ctx, v.env, []*layout.Tree{tree}, opts); err != nil {
		return nil, err
	}
	var nodes []layout.Node
	for _, n := range v.graph.Nodes {
		if len(ofJob([]layout.Snapshot{n.Snapshot}, job)) > 0 {
			nodes = append(nodes, n)
		}
	}
	if len(nodes) == 0 && len(tree.Errors) == 0 {
		return nil, nothingListed(tree.Root, tree.Inventory, job)
	}
	return nodes, nil
}

func (v *verification) graphOptions() layout.GraphOptions {
	return layout.GraphOptions{
		Assess: layout.AssessOptions{Now: v.env.Now()}, Maps: v.opts.maps, Open: v.env.OpenStore,
	}
}

// check verifies the snapshots.
func (v *verification) check(ctx context.Context, nodes []layout.Node) error {
	p := v.env.startProgress("verifying below "+v.report.Root, "files")
	defer p.stop()
	v.settings.Progress = p.listed
	if v.opts.manifest != "" {
		v.collectDigests()
	}
	results, err := verify.Nodes(ctx, nodes, v.settings)
	if err != nil {
		return err
	}
	v.report.Results = results
	v.passed = len(nodes) - len(results)
	if len(results) == 0 && len(nodes) == 1 && nodes[0].Dir == "" {
		return &layout.NotCheckpointError{Path: nodes[0].URL(), Message: nodes[0].Reason}
	}
	if len(results) == 0 && len(v.report.Errors) == 0 {
		return &layout.NotFoundError{Path: v.report.Root, Message: fmt.Sprintf("nothing to verify: none of the %d checkpoints has a _metadata", len(nodes))}
	}
	if v.passed > 0 {
		v.env.Log.Debug("passed over: checkpoints without a _metadata", "number", v.passed)
	}
	return nil
}

// verdict is the error to end with.
func (v *verification) verdict() error {
	var codes []Code
	failed := v.report.Errors
	for i := range v.report.Results {
		r := &v.report.Results[i]
		switch {
		case r.Err != nil:
			failed = append(failed, r.Err)
		case r.Verdict == verify.Unreadable && (v.single || len(v.report.Results) == 1):
			codes = append(codes, Unreadable)
		case r.Verdict != verify.OK:
			codes = append(codes, Findings)
		}
	}
	for _, b := range v.report.Gate {
		if b.Unclear {
			failed = append(failed, fmt.Errorf("%s could not be checked: %s", b.Rule, b.Message))
		} else {
			codes = append(codes, Findings)
		}
	}
	if n := len(failed); n > 0 {
		return fmt.Errorf("could not check everything%s: %w", ofMany(n), failed[0])
	}
	return status(worst(codes...))
}

func ofMany(n int) string {
	if n == 1 {
		return ""
	}
	return fmt.Sprintf(", %d things failed, the first", n)
}

// readSmall reads a file that the user names, of which no more than a few MB are
// expected.
func readSmall(path, what string, most int64) ([]byte, error) {
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, usagef("check the path", "no such %s: %s", what, path)
	case err != nil:
		return nil, err
	case info.Size() > most:
		return nil, usagef("", "%s is no %s: it is larger than %s", path, what, strings.TrimSpace(humanSize(most)))
	}
	return os.ReadFile(path)
}
