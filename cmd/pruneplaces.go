package cmd

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"github.com/ckpt-tool/ckpt/layout"
	"github.com/ckpt-tool/ckpt/layout/prune"
)

// localPlace is a directory of this machine that the user has named.
type localPlace struct{ given, real string }

// resolve gives the one name of a place. A local directory may have others, by symbolic
// links, and what a _metadata names may go by these.
func (p *pruning) resolve(url string) (string, error) {
	given, err := absoluteURL(url)
	if err != nil {
		return "", err
	}
	given = layout.Canonical(given)
	if layout.ParsePlace(given).Scheme != "" {
		return url, nil
	}
	real := realPath(given)
	p.local = append(p.local, localPlace{given, real})
	if err := p.checkSame(); err != nil {
		return "", err
	}
	if real == given {
		return url, nil
	}
	alias := layout.Mapping{Old: given, New: real}
	if _, mapped := layout.MapURL(p.roots.maps, given); !mapped && !slices.Contains(p.aliases, alias) {
		p.aliases = append(p.aliases, alias)
		p.maps = append(p.maps, alias)
	}
	p.notes = append(p.notes, fmt.Sprintf("%s is %s, by a symbolic link", given, real))
	return real, nil
}

// checkSame refuses to take one directory for two, also where no link tells it (a mount).
func (p *pruning) checkSame() error {
	for i, a := range p.local {
		top, err := os.Stat(a.real)
		if err != nil {
			continue // it is not there, which stops everything
		}
		for j, b := range p.local {
			if _, within := layout.Below(a.given, b.given); i == j || within || !isAround(top, b.real) {
				continue
			}
			if sameFile(top, b.real) {
				return usagef("name it once", "%s and %s are the same directory", a.given, b.given)
			}
			return usagef("name both by the same path", "%s lies within %s under another name", b.given, a.given)
		}
	}
	return nil
}

// isAround tells whether dir is top, or lies within it.
func isAround(top os.FileInfo, dir string) bool {
	for !sameFile(top, dir) {
		if filepath.Dir(dir) == dir {
			return false
		}
		dir = filepath.Dir(dir)
	}
	return true
}

func sameFile(a os.FileInfo, path string) bool {
	b, err := os.Stat(path)
	return err == nil && os.SameFile(a, b)
}

// checkFilled stops everything where nothing lies: where a disk is not mounted, or a path
// is wrong, all that its checkpoints use looks unused.
func (p *pruning) checkFilled() {
	for _, place := range p.places {
		snapshots := slices.ContainsFunc(p.graph.Nodes, func(n layout.Node) bool {
			_, within := layout.Below(place.URL, n.URL())
			return within
		})
		switch {
		case snapshots || place.Mode == prune.ByHandle:
		case place.Mode == prune.Untouched && p.isListed(place.URL):
			p.empty(place.URL + ": no checkpoint lies below it: is it mounted, and is it the right directory? Leave it out where there are none")
		case place.Mode == prune.Swept && p.isListed(place.URL) && !p.hasFiles(place.URL):
			p.empty(place.URL + ": nothing lies here: is it mounted?")
		}
	}
}

func (p *pruning) empty(message string) {
	p.stops = append(p.stops, prune.Stop{Guard: prune.GuardRoot, Message: message})
}

// isListed tells whether the place was there: one that vanished stops everything anyway.
func (p *pruning) isListed(url string) bool { return p.inTrees(url) }

// hasFiles tells whether any file lies below url.
func (p *pruning) hasFiles(url string) bool {
	for _, t := range p.graph.Trees {
		key, ok := layout.Below(t.Root, url)
		if !ok {
			continue
		}
		for f := range layout.FileID(t.Files.Len()) {
			if _, within := layout.Below(key, t.Files.Key(f)); within || key == "" {
				return true
			}
		}
	}
	return false
}
