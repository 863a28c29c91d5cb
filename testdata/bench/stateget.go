//go:build unix

package main

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"time"
)

const (
	textBytes = 1000 // of each value of large savepoints
	groups    = 128  // the jobs' maximum parallelism
)

// gets measures one key out of large savepoints.
func (s *states) gets() error {
	fmt.Printf("\nOne key of a large savepoint, `ckpt state get`, whole process; values of %d bytes that no codec makes smaller:\n", textBytes)
	fmt.Println("\n| savepoint | size | keys | median (fastest–slowest) | peak resident | most bytes read | a key group on average |")
	fmt.Println("|---|--:|--:|--:|--:|--:|--:|")
	var all []error
	for _, c := range []struct {
		what   string
		job    job
		format string
	}{
		{"native, RocksDB", job{"rocksdb", true, s.of(5_000_000), textBytes}, "native"},
		{"native, heap", job{"hashmap", false, s.of(1_000_000), textBytes}, "native"},
		{"canonical", job{"hashmap", false, s.of(1_000_000), textBytes}, "canonical"},
	} {
		if err := s.getOf(c.what, c.job, c.format); err != nil {
			fmt.Printf("| %s | failed |\n", c.what)
			all = append(all, fmt.Errorf("%s: %w", c.what, err))
		}
	}
	return errors.Join(all...)
}

func (s *states) getOf(what string, j job, format string) error {
	dir, err := s.savepoint(j, format)
	if err != nil {
		return err
	}
	size, err := sizeOf(dir)
	if err != nil {
		return err
	}
	u, read, err := s.get(dir, j.keys)
	if err != nil {
		return err
	}
	fmt.Printf("| %s | %.2f GB | %d | %s | %.0f MB | %s | %.2f MB |\n", what, float64(size)/1e9, j.keys,
		u.seconds.milliseconds(), u.megabytes, read, float64(size)/1e6/groups)
	return nil
}

// get looks for another key each round. What a process reads without reading, by mapping files, is not counted.
func (s *states) get(dir string, keys int) (usage, string, error) {
	var u usage
	var most int64
	var uncounted error
	for i := range rounds + 1 {
		key := fmt.Sprintf("user-%07d", (keys/7*i+keys/3)%keys)
		c := exec.Command(s.ckpt, "state", "get", dir, "--state", "text", "--key", strconv.Quote(key))
		before, err := bytesRead()
		uncounted = errors.Join(uncounted, err)
		start := time.Now()
		out, err := c.Output()
		if err != nil {
			var failed *exec.ExitError
			if errors.As(err, &failed) {
				err = fmt.Errorf("%w\n%s", err, failed.Stderr)
			}
			return u, "", fmt.Errorf("%v: %w", c.Args, err)
		}
		seconds := time.Since(start).Seconds()
		after, err := bytesRead()
		uncounted = errors.Join(uncounted, err)
		if !bytes.Contains(out, []byte(key+" ")) || len(out) < textBytes {
			return u, "", fmt.Errorf("%v does not print the value: %.100s", c.Args, out)
		}
		most = max(most, after-before-int64(len(out)))
		if i > 0 {
			u.seconds = append(u.seconds, seconds)
			u.megabytes = max(u.megabytes, resident(c))
		}
	}
	slices.Sort(u.seconds)
	if uncounted != nil {
		return u, "not counted here", nil
	}
	return u, fmt.Sprintf("%.2f MB", float64(most)/1e6), nil
}

// bytesRead is what this process and its children that have ended asked files and pipes for. Only Linux counts.
func bytesRead() (int64, error) {
	data, err := os.ReadFile("/proc/self/io")
	if err != nil {
		return 0, err
	}
	lines := bufio.NewScanner(bytes.NewReader(data))
	for lines.Scan() {
		if digits, ok := strings.CutPrefix(lines.Text(), "rchar: "); ok {
			return strconv.ParseInt(digits, 10, 64)
		}
	}
	return 0, errors.New("/proc/self/io: no rchar")
}
