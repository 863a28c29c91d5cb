//go:build unix

package main

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"os/exec"
	"slices"
	"strconv"
)

// total is what both sides must have read.
type total struct {
	entries int
	sum     int64 // of all values
}

// scans compares reading all of a savepoint.
func (s *states) scans() error {
	keys := s.of(1_000_000)
	fmt.Printf("\nAll of a savepoint of %d keys with one `ValueState<Long>` each, keyed by `String`, written by Flink 2.2:\n", keys)
	fmt.Println("\n| savepoint | `ckpt state cat`, whole process | `ckpt state stats`, whole process | State Processor API, in the job | cat | stats | the same, second time in the JVM | cat | stats |")
	fmt.Println("|---|--:|--:|--:|--:|--:|--:|--:|--:|")
	var all []error
	for _, c := range []struct {
		what   string
		job    job
		format string
		peer   bool
	}{
		{"canonical, by the heap backend", job{"hashmap", false, keys, 0}, "canonical", true},
		{"canonical, by the RocksDB backend", job{"rocksdb", true, keys, 0}, "canonical", false},
		{"native, heap", job{"hashmap", false, keys, 0}, "native", false},
		{"native, RocksDB", job{"rocksdb", true, keys, 0}, "native", true},
		{"native, RocksDB without incremental checkpoints", job{"rocksdb", false, keys, 0}, "native", false},
	} {
		dir, err := s.savepoint(c.job, c.format)
		if err == nil {
			err = s.scan(c.what, dir, c.job, c.peer)
		}
		if err != nil {
			fmt.Printf("| %s | failed |\n", c.what)
			all = append(all, fmt.Errorf("%s: %w", c.what, err))
		}
	}
	return errors.Join(all...)
}

func (s *states) scan(what, dir string, j job, peer bool) error {
	want, err := s.catTotal(dir)
	if err != nil {
		return err
	}
	if want.entries != j.keys {
		return fmt.Errorf("ckpt state cat prints %d entries of %d keys: %s", want.entries, j.keys, dir)
	}
	cat, err := process(s.ckpt, "state", "cat", dir)
	if err != nil {
		return err
	}
	stats, err := process(s.ckpt, "state", "stats", dir)
	if err != nil {
		return err
	}
	line := fmt.Sprintf("| %s | %s, %.0f MB | %s, %.0f MB |", what, cat.seconds, cat.megabytes, stats.seconds, stats.megabytes)
	if !peer {
		fmt.Println(line + " | | | | | |")
		return nil
	}
	cold, warm, err := s.processor(dir, j.backend, want)
	if err != nil {
		return err
	}
	for _, theirs := range []spread{cold, warm} {
		line += fmt.Sprintf(" %s | **%.1f** | **%.1f** |", theirs, theirs.median()/cat.seconds.median(), theirs.median()/stats.seconds.median())
	}
	fmt.Println(line)
	return nil
}

// catTotal adds up what ckpt state cat prints: one object a line.
func (s *states) catTotal(dir string) (total, error) {
	var t total
	c := exec.Command(s.ckpt, "state", "cat", dir)
	var complaints bytes.Buffer
	c.Stderr = &complaints
	out, err := c.StdoutPipe()
	if err != nil {
		return t, err
	}
	if err := c.Start(); err != nil {
		return t, err
	}
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		_, after, ok := bytes.Cut(lines.Bytes(), []byte(`"value":`))
		digits, _, _ := bytes.Cut(after, []byte("}"))
		v, err := strconv.ParseInt(string(bytes.TrimSpace(digits)), 10, 64)
		if !ok || err != nil {
			_ = c.Process.Kill()
			_ = c.Wait()
			return t, fmt.Errorf("ckpt state cat: no number in %s", lines.Bytes())
		}
		t.entries++
		t.sum += v
	}
	if err := lines.Err(); err != nil {
		return t, err
	}
	if err := c.Wait(); err != nil {
		return t, fmt.Errorf("ckpt state cat %s: %w\n%s", dir, err, &complaints)
	}
	return t, nil
}

// processor times the State Processor API inside of its job, twice in each JVM: when that has just started, and when it has
// compiled what it needs.
func (s *states) processor(dir, backend string, want total) (cold, warm spread, err error) {
	for range rounds {
		both, err := s.processorRounds(dir, backend, 2, want)
		if err != nil {
			return nil, nil, err
		}
		cold, warm = append(cold, both[0]), append(warm, both[1])
	}
	slices.Sort(cold)
	slices.Sort(warm)
	return cold, warm, nil
}

func (s *states) processorRounds(dir, backend string, n int, want total) (spread, error) {
	lines, err := s.run("scan", dir, backend, strconv.Itoa(n))
	if err != nil {
		return nil, err
	}
	var all spread
	for _, line := range lines {
		var got total
		var seconds float64
		if _, err := fmt.Sscanf(line, "keys %d sum %d seconds %g", &got.entries, &got.sum, &seconds); err != nil {
			return nil, fmt.Errorf("state.sh scan says %q: %w", line, err)
		}
		if got != want {
			return nil, fmt.Errorf("the State Processor API reads %+v, ckpt %+v: %s", got, want, dir)
		}
		all = append(all, seconds)
	}
	if len(all) != n {
		return nil, fmt.Errorf("%d rounds of %d: %s", len(all), n, dir)
	}
	return all, nil
}
