package cmd

import (
	"cmp"
	"path/filepath"
	"slices"
	"strings"

	"github.com/ckpt-tool/ckpt/layout"
	"github.com/ckpt-tool/ckpt/layout/usage"
)

// choose finds what is to be shown.
func (d *diskUsage) choose() error {
	if err := d.chooseNodes(); err != nil {
		return err
	}
	slices.SortStableFunc(d.nodes, d.compareNodes)
	var set []int
	for _, arg := range d.opts.ifDeleted {
		n, err := d.named(arg)
		if err != nil {
			return err
		}
		set = append(set, n)
	}
	if len(set) > 0 {
		d.deleted = usage.IfDeleted(d.used.Graph, set)
	}
	return nil
}

func (d *diskUsage) chooseNodes() error {
	if d.target != "" {
		return d.chooseTarget()
	}
	found := d.job == nil
	for _, j := range d.used.Jobs {
		if d.shows(j) {
			found = true
			d.nodes = append(d.nodes, j.Nodes...)
		}
	}
	if !found {
		root := d.trees[0].URL()
		return &notFoundError{path: root, message: root + ": nothing here belongs to job " + d.job.String()}
	}
	return nil
}

// shows tells whether a job is to be shown.
func (d *diskUsage) shows(j *usage.Job) bool {
	return d.trees[j.Tree].shown && (d.job == nil || j.Known && j.ID == *d.job)
}

// chooseTarget shows one checkpoint alone. One that cannot be read is an error.
func (d *diskUsage) chooseTarget() error {
	for i := range d.used.Graph.Nodes {
		n := &d.used.Graph.Nodes[i]
		if layout.Join(n.Tree.Root, n.MetadataKey()) != d.target {
			continue
		}
		d.nodes = []int{i}
		switch {
		case n.Followed():
			return nil
		case n.State == layout.Unreadable && n.Err != nil:
			return n.Err
		}
		return &layout.NotCheckpointError{Path: d.target, Message: n.Reason, Err: n.Err}
	}
	return &layout.NotCheckpointError{Path: d.target, Message: "no checkpoint of the tree around it",
		Hint: "name its directory; what lies behind a link, or is not called " + layout.MetadataName + ", ckpt inspect shows"}
}

func (d *diskUsage) compareNodes(a, b int) int {
	x, y := &d.used.Graph.Nodes[a], &d.used.Graph.Nodes[b]
	order := cmp.Or(cmp.Compare(x.ID, y.ID), strings.Compare(x.Dir, y.Dir))
	switch d.opts.sort {
	case bySize:
		return cmp.Or(cmp.Compare(physical(y), physical(x)), order)
	case byAge:
		return cmp.Or(y.Modified().Compare(x.Modified()), order)
	}
	return order
}

// physical are the bytes of a snapshot's files, each once.
func physical(n *layout.Node) int64 { return n.Exclusive + n.Shared }

// named is the snapshot that a user names: as it is listed, or by a path or URL.
func (d *diskUsage) named(arg string) (int, error) {
	var urls []string
	add := func(url string) {
		urls = append(urls, url, strings.TrimSuffix(url, "/"+layout.MetadataName))
	}
	add(layout.Canonical(arg))
	if place := layout.ParsePlace(arg); place.Scheme == "" && !filepath.IsAbs(arg) {
		for _, t := range d.trees {
			add(layout.Canonical(layout.Join(t.URL(), arg)))
		}
		if local, err := filepath.Abs(arg); err == nil {
			add(layout.Canonical(filepath.ToSlash(local)))
		}
	}
	nodes := d.used.Graph.Nodes
	at := func(i int) string { return nodes[i].URL() }
	var found []int
	for i := range nodes {
		if slices.Contains(urls, at(i)) {
			found = append(found, i)
		}
	}
	switch len(found) {
	case 0:
		return 0, &layout.NotFoundError{Path: arg, Message: "no such checkpoint or savepoint in the trees", Hint: "name it as ckpt du lists it, below the root"}
	case 1:
		return found[0], nil
	}
	e := &layout.AmbiguousError{Path: arg, Message: "several trees have this checkpoint", Hint: "give its whole path"}
	for _, i := range found {
		e.Candidates = append(e.Candidates, layout.Candidate{Path: at(i)})
	}
	return 0, e
}
