// Command large writes a `_metadata` file as large as those of the largest jobs, for
// benchmarks: large FILE OPERATORS SUBTASKS FILES.
package main

import (
	"fmt"
	"os"
	"strconv"

	"github.com/ckpt-tool/ckpt/metadata"
	"github.com/ckpt-tool/ckpt/testdata"
)

func main() {
	if err := write(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "large:", err)
		os.Exit(1)
	}
}

func write(args []string) error {
	if len(args) != 4 {
		return fmt.Errorf("want FILE OPERATORS SUBTASKS FILES")
	}
	var n [3]int
	for i, a := range args[1:] {
		v, err := strconv.Atoi(a)
		if err != nil {
			return err
		}
		n[i] = v
	}
	data, err := metadata.Encode(testdata.Large(n[0], n[1], n[2]))
	if err != nil {
		return err
	}
	return os.WriteFile(args[0], data, 0o644)
}
