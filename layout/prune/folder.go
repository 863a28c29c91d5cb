package prune

import (
	"path"
	"strings"

	"github.com/ckpt-tool/ckpt/layout"
)

// folder is what the guards say of all files in one directory: there may be millions.
type folder struct {
	job     *job
	mode    Mode
	place   int  // of those declared, -1 for none
	tools   bool // it is one of ckpt's own
	forst   bool // of a live database
	copying bool // of a ckpt cp that has not ended
	managed bool // somebody may delete it as a whole, or be at work in it
	claimed bool // somebody names it, or what it lies in
	claims  bool // somebody may name a file in it
}

// judgeFolders asks the guards of directories, once it is known which snapshots go.
func (p *planner) judgeFolders() {
	parents := map[string]bool{}
	for url := range p.claims {
		parents[above(url)] = true
	}
	for i, t := range p.Graph.Trees {
		folders := p.folders[t]
		for d := range t.Files.Dirs() {
			f := &folders[d.ID]
			url := layout.Join(t.Root, d.Key)
			f.mode, f.place = p.mode(url), p.placeOf(url)
			f.tools = isTools(d.Key + "/")
			f.forst = d.Area == layout.SharedArea && strings.Contains("/"+d.Key+"/", "/"+layout.SharedName+"/op_")
			f.copying = p.copying(t, d)
			f.managed = p.managed(i, url)
			f.claimed = p.claimedDir(url)
			f.claims = parents[url]
		}
	}
}

// folder is the directory of a file.
func (p *planner) folder(t *layout.Tree, f layout.FileID) *folder {
	return &p.folders[t][t.Files.Dir(f)]
}

// managed tells whether a snapshot that stays has Flink delete the directory as a whole,
// or a TaskManager may be at work in it.
func (p *planner) managed(tree int, url string) bool {
	if p.evidence.Managed(url) {
		return true
	}
	name, merging := layout.ParseMergingName(path.Base(url))
	return merging && p.of(tree, name.Job, true).Life != Ended
}

// claimedDir tells whether somebody names the directory, or one around it.
func (p *planner) claimedDir(url string) bool {
	for len(p.claims) > 0 && url != "" {
		if p.claims[url] {
			return true
		}
		url = above(url)
	}
	return false
}

// claimed tells whether somebody names the file, or a directory around it.
func (p *planner) claimed(t *layout.Tree, f layout.FileID) bool {
	in := p.folder(t, f)
	return in.claimed || in.claims && p.claims[layout.Join(t.Root, t.Files.Key(f))]
}

// copying tells whether what lies in a directory may be of a ckpt cp that has not ended:
// its marker lies around, or in the directories of the same job.
func (p *planner) copying(t *layout.Tree, d layout.Directory) bool {
	for _, m := range p.markers {
		switch {
		case m.tree != t:
		case m.has && d.HasJob && m.job == d.Job, m.dir == "", d.Key == m.dir, strings.HasPrefix(d.Key, m.dir+"/"):
			return true
		}
	}
	return false
}

// marker is where a ckpt cp is under way.
type marker struct {
	tree *layout.Tree
	dir  string
	job  layout.JobID
	has  bool
}

// isTools tells whether a file is one of ckpt's own.
func isTools(key string) bool {
	return strings.HasPrefix(key, layout.ToolDirName+"/") || strings.Contains(key, "/"+layout.ToolDirName+"/")
}
