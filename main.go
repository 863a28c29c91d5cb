// Command ckpt inspects Apache Flink checkpoint directories.
package main

import (
	"os"

	"github.com/ckpt-tool/ckpt/cmd"
)

func main() {
	os.Exit(cmd.Main())
}
