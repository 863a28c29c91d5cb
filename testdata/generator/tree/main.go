// Command tree writes the large trees of the benchmarks, testdata.Million or
// testdata.Wide, below a directory that does not exist yet: tree DIR [wide].
package main

import (
	"fmt"
	"os"

	"github.com/ckpt-tool/ckpt/testdata"
)

func main() {
	if len(os.Args) < 2 || len(os.Args) > 3 {
		fmt.Fprintln(os.Stderr, "tree: want DIR [wide]")
		os.Exit(64)
	}
	forest := testdata.Million
	if len(os.Args) == 3 {
		forest = testdata.Wide
	}
	if err := write(forest, os.Args[1]); err != nil {
		fmt.Fprintln(os.Stderr, "tree:", err)
		os.Exit(1)
	}
}

func write(forest testdata.Forest, dir string) error {
	if err := os.Mkdir(dir, 0o755); err != nil {
		return err
	}
	return forest.Write(dir)
}
