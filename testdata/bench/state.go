//go:build unix

package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// states measures ckpt on state that Flink wrote, against those who read it besides.
type states struct {
	ckpt  string
	peer  string // testdata/generator/state.sh
	cache string // where the savepoints lie: 8 GB at scale 1
	scale float64
}

// stateBench prints the tables of reading state. What could not be measured does not keep the rest from being
// measured: it is named in the error.
func stateBench(ckpt, data, dir string, scale float64) error {
	peer, err := filepath.Abs(filepath.Join(data, "generator", "state.sh"))
	if err != nil {
		return err
	}
	s := &states{ckpt: ckpt, peer: peer, cache: filepath.Join(dir, "state"), scale: scale}
	if cache := os.Getenv("CKPT_CACHE"); cache != "" {
		s.cache = filepath.Join(cache, "state")
	}
	if err := os.MkdirAll(s.cache, 0o755); err != nil {
		return err
	}
	var all []error
	for _, part := range []struct {
		what    string
		measure func() error
	}{{"scans of state", s.scans}, {"tables", s.tables}, {"single keys", s.gets}} {
		if err := part.measure(); err != nil {
			fmt.Printf("\nNot all of the %s could be measured.\n", part.what)
			all = append(all, fmt.Errorf("%s: %w", part.what, err))
		}
	}
	return errors.Join(all...)
}

// of is so many at scale 1, and never less than a thousand.
func (s *states) of(n int) int { return max(1000, int(s.scale*float64(n))) }

// job is one that Flink runs to take savepoints of it.
type job struct {
	backend     string
	incremental bool
	keys        int
	bytes       int // of a value; 0: a Long
}

// savepoint is the directory of the job's savepoint of this format, canonical or native. Both are taken when the first
// is asked for, and kept.
func (s *states) savepoint(j job, format string) (string, error) {
	dir := filepath.Join(s.cache, fmt.Sprintf("%s-%t-%d-%d", j.backend, j.incremental, j.keys, j.bytes))
	if _, err := os.Stat(dir); errors.Is(err, fs.ErrNotExist) {
		if err := s.write(j, dir); err != nil {
			return "", err
		}
	}
	found, err := filepath.Glob(filepath.Join(dir, format, "savepoint-*"))
	if err == nil && len(found) != 1 {
		err = fmt.Errorf("%d savepoints in %s, want 1", len(found), filepath.Join(dir, format))
	}
	if err != nil {
		return "", err
	}
	return found[0], nil
}

// write runs the job. The directory has its name only when it is complete.
func (s *states) write(j job, dir string) error {
	part := dir + ".part"
	if err := os.RemoveAll(part); err != nil {
		return err
	}
	formats := []string{"canonical", "native"}
	if j.backend == "rocksdb" && j.bytes > 0 {
		formats = formats[1:] // it is large, and the canonical one of the other backend is the same
	}
	args := append([]string{"write", j.backend, strconv.FormatBool(j.incremental), strconv.Itoa(j.keys), strconv.Itoa(j.bytes), part}, formats...)
	if _, err := s.run(args...); err != nil {
		return err
	}
	if err := os.RemoveAll(filepath.Join(part, "tmp")); err != nil {
		return err
	}
	return os.Rename(part, dir)
}

// peerTime is what the peer may take, with what is made and what Maven loads.
const peerTime = 15 * time.Minute

// run gives the lines that the peer prints.
func (s *states) run(args ...string) ([]string, error) { return runPeer(s.peer, args...) }

// runPeer gives the lines that a script of generator/ prints.
func runPeer(script string, args ...string) ([]string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), peerTime)
	defer cancel()
	out, err := exec.CommandContext(ctx, script, args...).Output()
	if err != nil {
		var failed *exec.ExitError
		if errors.As(err, &failed) {
			err = fmt.Errorf("%w\n%s", err, failed.Stderr)
		}
		err = errors.Join(err, ctx.Err())
		return nil, fmt.Errorf("%s %s: %w", filepath.Base(script), strings.Join(args, " "), err)
	}
	return strings.Split(strings.TrimSpace(string(out)), "\n"), nil
}

// sizeOf is the bytes of all files below dir.
func sizeOf(dir string) (int64, error) {
	var size int64
	err := filepath.WalkDir(dir, func(_ string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		info, err := d.Info()
		if err == nil {
			size += info.Size()
		}
		return err
	})
	return size, err
}
