package layout_test

import (
	"os"
	"testing"

	"github.com/ckpt-tool/ckpt/layout"
	"github.com/ckpt-tool/ckpt/layout/storage"
)

func BenchmarkGraphMillion(b *testing.B) {
	dir := os.Getenv("CKPT_TREE")
	if dir == "" {
		b.Skip()
	}
	for b.Loop() {
		store, err := storage.Open(b.Context(), dir)
		if err != nil {
			b.Fatal(err)
		}
		tree, err := layout.NewTree(b.Context(), store, nil)
		if err != nil {
			b.Fatal(err)
		}
		b.Log(tree.Count, tree.Bytes, b.Elapsed())
		g, err := layout.NewGraph(b.Context(), []*layout.Tree{tree}, layout.GraphOptions{})
		if err != nil {
			b.Fatal(err)
		}
		b.Log(len(g.Nodes), g.Nodes[5].State, g.Nodes[5].Reason, len(g.Nodes[5].Objects), b.Elapsed())
	}
}
