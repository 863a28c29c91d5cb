// Command tree writes the large tree of the benchmarks, testdata.Million, below a
// directory that does not exist yet: tree DIR.
package main

import (
	"fmt"
	"os"

	"github.com/ckpt-tool/ckpt/testdata"
)

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "tree: want DIR")
		os.Exit(64)
	}
	if err := write(os.Args[1]); err != nil {
		fmt.Fprintln(os.Stderr, "tree:", err)
		os.Exit(1)
	}
}

func write(dir string) error {
	if err := os.Mkdir(dir, 0o755); err != nil {
		return err
	}
	return testdata.Million.Write(dir)
}
