//go:build unix

// Command bench measures ckpt against Flink itself, its loader, du, find and cat in one run and
// prints Markdown tables: bench [-only PART] [-scale N] CKPT-BINARY TESTDATA. It needs Java 17 and Maven for the peers: Flink's
// loader and State Processor API, RocksDB. The state that it reads, 8 GB, lies in CKPT_CACHE, or is made each time.
// Figures are medians of 5, of the engine of 3, with the fastest and the slowest, on a warm page cache.
package main

import (
	"bufio"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/ckpt-tool/ckpt/metadata"
)

const rounds = 5

func main() {
	only := flag.String("only", "", "metadata, state, trees or engine: measure nothing else")
	scale := flag.Float64("scale", 1, "size of the state, for a quick look: 0.01")
	flag.Parse()
	if flag.NArg() != 2 || !slices.Contains([]string{"", "metadata", "state", "trees", "engine"}, *only) {
		fmt.Fprintln(os.Stderr, "bench: want CKPT-BINARY TESTDATA")
		os.Exit(64)
	}
	if err := bench(flag.Arg(0), flag.Arg(1), *only, *scale); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

// bench measures all parts, or one. State comes first and trees last: what Linux says of a child's memory grows with this
// process.
func bench(ckpt, data, only string, scale float64) error {
	dir, err := os.MkdirTemp("", "ckpt-bench")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	machine()
	var all []error
	for _, part := range []struct {
		name    string
		measure func() error
	}{
		{"state", func() error { return stateBench(ckpt, data, dir, scale) }},
		{"engine", func() error { return engineBench(ckpt, data, dir, scale) }},
		{"metadata", func() error { return metadataBench(ckpt, data, dir) }},
		{"trees", func() error { return errors.Join(contentBench(ckpt, data, dir), treeBench(ckpt, dir)) }},
	} {
		if only == "" || only == part.name {
			all = append(all, part.measure())
		}
	}
	return errors.Join(all...)
}

// metadataBench measures ckpt against Flink's own loader.
func metadataBench(ckpt, data, dir string) error {
	const job = "0123456789abcdef0123456789abcdef"
	large := filepath.Join(dir, job, "chk-42", "_metadata")
	if err := os.MkdirAll(filepath.Dir(large), 0o755); err != nil {
		return err
	}
	// Linux counts the memory of the parent to a child's peak: this process stays
	// small until all others have been measured.
	if out, err := exec.Command("go", "run", "./testdata/generator/large", large, "20", "500", "100").CombinedOutput(); err != nil {
		return fmt.Errorf("writing the large file: %w\n%s", err, out)
	}
	peer := filepath.Join(data, "generator", "peer.sh")
	if out, err := exec.Command(peer, "load", large, "1").CombinedOutput(); err != nil { // builds it, too
		return fmt.Errorf("the peer: %w\n%s", err, out)
	}

	fmt.Println("\nA `_metadata` of 20 operators × 500 sub-tasks × 100 shared files, 135 MB:")
	fmt.Println("\n| what | ckpt | Flink 2.2's loader | ratio |\n|---|--:|--:|--:|")
	inspect, err := process(ckpt, "inspect", "-o", "table", filepath.Dir(large))
	if err != nil {
		return err
	}
	cold, err := process(peer, "load", large, "1")
	if err != nil {
		return err
	}
	row("`ckpt inspect`, JVM that loads once, whole process", inspect.seconds, cold.seconds)
	fmt.Printf("| the same, peak resident | %.0f MB | %.0f MB | %.0f |\n", inspect.megabytes, cold.megabytes, cold.megabytes/inspect.megabytes)

	for _, args := range [][]string{{"version"}, {"ls", filepath.Join(data, "flink", "2.2.0", "rocksdb-incremental-small")}} {
		p, err := process(ckpt, args...)
		if err != nil {
			return err
		}
		fmt.Printf("| `ckpt %s`%s, whole process | %s, %.0f MB | | |\n", args[0], map[bool]string{true: " of a small tree"}[len(args) > 1],
			p.seconds.milliseconds(), p.megabytes)
	}
	theirs, err := warmPeer(peer, large)
	if err != nil {
		return err
	}
	bytes, err := os.ReadFile(large)
	if err != nil {
		return err
	}
	ours, err := decode(bytes)
	if err != nil {
		return err
	}
	row("decode, warm, in the process", ours, theirs)
	return nil
}

// spread is the seconds of some runs, sorted.
type spread []float64

func (s spread) median() float64 { return s[len(s)/2] }

func (s spread) String() string {
	return fmt.Sprintf("%.3f s (%.3f–%.3f)", s.median(), s[0], s[len(s)-1])
}

func (s spread) milliseconds() string {
	return fmt.Sprintf("%.1f ms (%.1f–%.1f)", 1e3*s.median(), 1e3*s[0], 1e3*s[len(s)-1])
}

// with is the spread with one more run.
func (s spread) with(seconds float64) spread {
	s = append(s, seconds)
	slices.Sort(s)
	return s
}

func row(what string, ours, theirs spread) {
	fmt.Printf("| %s | %s | %s | **%.1f** |\n", what, ours, theirs, theirs.median()/ours.median())
}

func decode(data []byte) (spread, error) {
	var s spread
	for i := range rounds + 1 {
		start := time.Now()
		c, err := metadata.Decode(data)
		if err != nil {
			return nil, err
		}
		if i > 0 {
			s = append(s, time.Since(start).Seconds())
		}
		runtime.KeepAlive(c)
	}
	slices.Sort(s)
	return s, nil
}

// warmPeer leaves out the first rounds, in which the JVM compiles.
func warmPeer(peer, file string) (spread, error) {
	out, err := exec.Command(peer, "load", file, strconv.Itoa(rounds+2)).Output()
	if err != nil {
		return nil, err
	}
	var s spread
	lines := bufio.NewScanner(strings.NewReader(string(out)))
	for lines.Scan() {
		fields := strings.Fields(lines.Text())
		seconds, err := strconv.ParseFloat(fields[len(fields)-1], 64)
		if err != nil {
			return nil, err
		}
		s = append(s, seconds)
	}
	s = s[2:]
	slices.Sort(s)
	return s, nil
}

// usage is what whole processes took.
type usage struct {
	seconds   spread
	megabytes float64 // most resident of all runs
}

func process(name string, args ...string) (usage, error) {
	var u usage
	for i := range rounds + 1 {
		c := exec.Command(name, args...)
		start := time.Now()
		if err := c.Run(); err != nil {
			return u, fmt.Errorf("%s %v: %w", name, args, err)
		}
		if i == 0 {
			continue
		}
		u.seconds = append(u.seconds, time.Since(start).Seconds())
		u.megabytes = max(u.megabytes, resident(c))
	}
	slices.Sort(u.seconds)
	return u, nil
}

// resident is the most megabytes that a process which has ended held at a time.
func resident(c *exec.Cmd) float64 {
	if r, ok := c.ProcessState.SysUsage().(*syscall.Rusage); ok {
		return float64(r.Maxrss) / 1024
	}
	return 0
}

func machine() {
	cpu := runtime.GOARCH
	if data, err := os.ReadFile("/proc/cpuinfo"); err == nil {
		for line := range strings.Lines(string(data)) {
			if name, value, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(name) == "model name" {
				cpu = strings.TrimSpace(value)
				break
			}
		}
	}
	java, _ := exec.Command("java", "-version").CombinedOutput()
	first, _, _ := strings.Cut(string(java), "\n")
	fmt.Printf("%s, %d cores, %s, %s, %s\n", cpu, runtime.NumCPU(), runtime.GOOS, runtime.Version(), first)
}
