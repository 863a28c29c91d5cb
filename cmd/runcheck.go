package cmd

import (
	"context"
	"fmt"
	"strings"

	"github.com/ckpt-tool/ckpt/restore/engine"
)

// checkReport is the JSON of `ckpt run --check`.
type checkReport struct {
	Schema       string      `json:"schema"`
	Job          string      `json:"job"`
	Guarantee    string      `json:"guarantee"`
	Notes        []string    `json:"notes"`
	StateBackend string      `json:"stateBackend"`
	Storage      string      `json:"storage"`
	Directory    *string     `json:"directory"`
	Restored     *runOrigin  `json:"restored"`
	Left         []string    `json:"left"`
	Chains       []planChain `json:"chains"`
}

type planChain struct {
	Parallelism int      `json:"parallelism"`
	Nodes       []string `json:"nodes"`
}

// check says what would run.
func (r *running) check(ctx context.Context) error {
	plan, err := r.job.Plan()
	if err != nil {
		return err
	}
	left, err := r.fits()
	if err != nil {
		return incompatibility(err)
	}
	if _, err := r.wire(); err != nil {
		return err
	}
	for _, w := range r.settings.Warnings {
		r.env.Log.Warn(w)
	}
	r.warnOfSharing(ctx)
	if r.env.Output == JSON {
		return r.env.writeJSON(r.checkReport(plan, left))
	}
	var b strings.Builder
	b.WriteString(plan.String())
	s := r.settings
	fmt.Fprintf(&b, "state backend %s, checkpoints %s\n", s.Backend, r.whereTo())
	if c := s.Checkpointing; c.Interval > 0 {
		fmt.Fprintf(&b, "a checkpoint every %s\n", c.Interval)
	} else {
		b.WriteString("no periodic checkpoints: execution.checkpointing.interval is not set\n")
	}
	fmt.Fprintf(&b, "restart strategy: %s\n", s.Restart)
	if r.target != nil {
		fmt.Fprintf(&b, "begins with %s\n", r.origin())
	}
	for _, u := range left {
		fmt.Fprintf(&b, "leaves behind the state of %s\n", u)
	}
	_, err = fmt.Fprint(r.env.Out, escapeLines(b.String()))
	return err
}

// fits holds the job against the checkpoint, and lists what would be left behind.
func (r *running) fits() ([]string, error) {
	if r.checkpoint == nil {
		return nil, nil
	}
	a, err := r.job.Assign(r.checkpoint, r.opts.allow || r.settings.AllowNonRestored)
	if err != nil {
		return nil, err
	}
	var left []string
	for _, u := range a.Left {
		left = append(left, u.String())
	}
	return left, nil
}

// whereTo names the storage.
func (r *running) whereTo() string {
	if r.settings.Dir == "" {
		return "in memory"
	}
	return fmt.Sprintf("below %s (%s)", r.settings.Dir, r.settings.Storage)
}

func (r *running) checkReport(plan *engine.Plan, left []string) *checkReport {
	c := &checkReport{
		Schema: "ckpt.run-check/v1", Job: plan.Job, Guarantee: plan.Guarantee.String(), Notes: append([]string{}, plan.Notes...), Left: append([]string{}, left...),
		StateBackend: string(r.settings.Backend), Storage: r.settings.Storage, Directory: orNull(r.settings.Dir),
	}
	if r.target != nil {
		c.Restored = &runOrigin{r.checkpoint.ID, r.target.URL()}
	}
	for _, chain := range plan.Chains {
		p := planChain{Parallelism: chain.Parallelism}
		for _, n := range chain.Nodes {
			p.Nodes = append(p.Nodes, n.UID)
		}
		c.Chains = append(c.Chains, p)
	}
	return c
}
