//go:build unix

package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
)

// treeBench measures ckpt on a large tree against the tools that people use there.
func treeBench(ckpt, dir string) error {
	wide := filepath.Join(dir, "wide")
	if out, err := exec.Command("go", "run", "./testdata/generator/tree", wide, "wide").CombinedOutput(); err != nil {
		return fmt.Errorf("writing the tree: %w\n%s", err, out)
	}
	p, err := process(ckpt, "verify", wide)
	if err != nil {
		return err
	}
	fmt.Printf("\n`ckpt verify --level files` of one checkpoint with 100,000 references: %s, %.0f MB.\n", p.seconds, p.megabytes)
	tree := filepath.Join(dir, "tree")
	if out, err := exec.Command("go", "run", "./testdata/generator/tree", tree).CombinedOutput(); err != nil {
		return fmt.Errorf("writing the tree: %w\n%s", err, out)
	}
	defer os.RemoveAll(tree)
	fmt.Println("\nA local tree of 1,000,000 files in 2,000 checkpoints of 2,000 references each, warm cache:")
	fmt.Println("\n| what | time | peak resident | ratio to `du -s` |\n|---|--:|--:|--:|")
	peer, err := process("du", "-s", tree)
	if err != nil {
		return err
	}
	for _, c := range []struct {
		what string
		args []string
	}{
		{"`du -s`", []string{"du", "-s", tree}},
		{"`find \\| wc -l`", []string{"sh", "-c", "find " + tree + " | wc -l"}},
		{"`ckpt du`", []string{ckpt, "du", tree}},
		{"`ckpt ls`", []string{ckpt, "ls", tree}},
		{"`ckpt verify --level files`, 4,000,000 references", []string{ckpt, "verify", tree}},
	} {
		p, err := process(c.args[0], c.args[1:]...)
		if err != nil {
			return err
		}
		fmt.Printf("| %s | %s | %.0f MB | %.2f |\n", c.what, p.seconds, p.megabytes, p.seconds.median()/peer.seconds.median())
	}
	return nil
}

// contentBench reads all bytes of a checkpoint, as cat does.
func contentBench(ckpt, data, dir string) error {
	fmt.Println("\nContent, against `cat` of the same files, warm cache:")
	fmt.Println("\n| what | ckpt | `cat` | ratio |\n|---|--:|--:|--:|")
	for _, c := range []struct{ what, tree string }{
		{"RocksDB, not compressed", "2.2.0/rocksdb-incremental-small"},
		{"heap", "2.2.0/savepoint-native-hashmap"},
	} {
		copies := filepath.Join(dir, "copies")
		if err := multiply(filepath.Join(data, "flink", c.tree), copies, 100); err != nil {
			return err
		}
		ours, err := process(ckpt, "verify", "--level", "content", copies)
		if err != nil {
			return err
		}
		theirs, err := process("sh", "-c", "find "+copies+" -type f | xargs cat >/dev/null")
		if err != nil {
			return err
		}
		fmt.Printf("| %s, 100 copies of a small tree | %s | %s | %.1f |\n", c.what, ours.seconds, theirs.seconds, ours.seconds.median()/theirs.seconds.median())
		if err := os.RemoveAll(copies); err != nil {
			return err
		}
	}
	return nil
}

// multiply copies a tree n times.
func multiply(src, dst string, n int) error {
	for i := range n {
		if err := os.CopyFS(filepath.Join(dst, fmt.Sprint(i)), os.DirFS(src)); err != nil {
			return err
		}
	}
	return nil
}
