//go:build live

package storage

import (
	"bufio"
	"encoding/base64"
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/ckpt-tool/ckpt/layout"
	"github.com/ckpt-tool/ckpt/testdata"
	"github.com/google/go-cmp/cmp"
)

// miniHDFS is a real HDFS, Hadoop's MiniDFSCluster.
type miniHDFS struct {
	in    io.Writer
	out   *bufio.Scanner
	facts map[string][]string // what it says of itself
	dir   string              // of this test's files
	// shared are the directories that everybody may write to.
	shared map[string]bool
	env    map[string]string
	flink  map[string]string
}

// startHDFS starts a cluster: plain, ha, secure or tls.
func startHDFS(t *testing.T, mode string) *miniHDFS {
	t.Helper()
	for _, program := range []string{"java", "mvn"} {
		if _, err := exec.LookPath(program); err != nil && os.Getenv("CI") != "true" {
			t.Skip(err)
		}
	}
	dir := t.TempDir()
	cmd := exec.Command(filepath.Join(testdata.Root(t), "hdfs", "minihdfs.sh"), mode, dir)
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	log, err := os.Create(filepath.Join(dir, "log"))
	if err != nil {
		t.Fatal(err)
	}
	cmd.Stderr = log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		in.Close()
		if err := cmd.Wait(); err != nil {
			t.Error(err)
		}
		log.Close()
	})
	m := &miniHDFS{in: in, out: bufio.NewScanner(out), facts: map[string][]string{}, shared: map[string]bool{}, env: map[string]string{"HADOOP_USER_NAME": "flink"}, flink: map[string]string{}}
	for m.out.Scan() && m.out.Text() != "ready" {
		key, value, _ := strings.Cut(m.out.Text(), "=")
		m.facts[key] = append(m.facts[key], value)
	}
	if m.out.Text() != "ready" {
		said, _ := os.ReadFile(log.Name())
		t.Fatalf("%s does not start: %s", cmd, said[max(0, len(said)-4000):])
	}
	for i, rpc := range m.facts["rpc"] {
		suffix := fmt.Sprintf("ns.nn%d", i)
		m.flink["flink.hadoop.dfs.namenode.rpc-address."+suffix] = rpc
		for _, scheme := range []string{"http", "https"} {
			if addresses := m.facts[scheme]; len(addresses) > i {
				m.flink["flink.hadoop.dfs.namenode."+scheme+"-address."+suffix] = addresses[i]
			}
		}
		m.flink["flink.hadoop.dfs.ha.namenodes.ns"] += fmt.Sprintf("nn%d,", i)
	}
	m.flink["flink.hadoop.dfs.nameservices"] = "ns"
	return m
}

// say has the cluster do something.
func (m *miniHDFS) say(t *testing.T, words ...string) {
	t.Helper()
	fmt.Fprintln(m.in, strings.Join(words, " "))
	if !m.out.Scan() || m.out.Text() != "ok" {
		t.Fatalf("%v: %s", words, m.out.Text())
	}
}

func encode(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) }

func (m *miniHDFS) put(t *testing.T, key, content string) {
	t.Helper()
	file := "/" + m.dir + "/" + key
	m.say(t, "put", encode(file), encode(content))
	for dir := path.Dir(file); !m.shared[dir]; dir = path.Dir(dir) {
		m.say(t, "chmod", encode(dir), "777") // the user of the tests is not the cluster's
		m.shared[dir] = true
	}
}

func (m *miniHDFS) settings() Settings {
	return Settings{LookupEnv: environment(m.env), Flink: environment(m.flink), RetryBudget: 20 * time.Second}
}

func (m *miniHDFS) open(t *testing.T, below string) layout.Store {
	t.Helper()
	return m.openURL(t, "hdfs://ns/"+m.dir+"/"+below)
}

func (m *miniHDFS) openURL(t *testing.T, url string) layout.Store {
	t.Helper()
	m.say(t, "wait") // for what is still being written
	s, err := openURL(t, m.settings(), url)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// conformLive runs the suite, each test in a directory of its own. HDFS has no names
// with a colon.
func (m *miniHDFS) conformLive(t *testing.T) {
	all := objects
	defer func() { objects = all }()
	objects = maps.Clone(all)
	maps.DeleteFunc(objects, func(key, _ string) bool { return strings.Contains(key, ":") })
	objects["job/chk-1/+&?#=@!$,;[]~%2B"] = "signs"
	tests := 0
	next := func() *miniHDFS {
		tests++
		m.dir = fmt.Sprintf("%s-%d", strings.ReplaceAll(t.Name(), "/", "-"), tests)
		return m
	}
	conform(t, func(*testing.T) backing { return next() })
	conformChanges(t, func(*testing.T) mutableBacking { return next() })
}

// wait lets all be written.
func (m *miniHDFS) wait(t *testing.T) {
	t.Helper()
	m.say(t, "wait")
}

func (m *miniHDFS) change(t *testing.T, below string, s Settings) layout.MutableStore {
	t.Helper()
	m.say(t, "wait")
	m.say(t, "chmod", encode("/"), "777")
	as := m.settings()
	as.partSize, as.copySize = s.partSize, s.copySize
	store, err := New(as).OpenMutable(t.Context(), "hdfs://ns/"+m.dir+"/"+below)
	if err != nil {
		t.Fatal(err)
	}
	return store
}

func TestLiveHDFS(t *testing.T) {
	m := startHDFS(t, "plain")
	m.conformLive(t)
	t.Run("urls", func(t *testing.T) {
		m.dir = "urls"
		m.put(t, "a/x", "1")
		m.flink["flink.hadoop.fs.defaultFS"] = "hdfs://ns"
		for _, url := range []string{"webhdfs://" + m.facts["http"][0] + "/urls", "hdfs://" + m.facts["rpc"][0] + "/urls", "hdfs:///urls", "hdfs://ns/urls/", "hdfs://ns"} {
			s := m.openURL(t, url)
			if found := list(t, s.Children(t.Context(), "")); len(found) == 0 {
				t.Errorf("%s: nothing", url)
			}
			s.Close()
		}
	})
	t.Run("unfinished", func(t *testing.T) {
		m.dir = "unfinished"
		m.put(t, "x", "1")
		s := m.open(t, "")
		defer s.Close()
		if unfinished, err := s.Unfinished(t.Context(), "x"); unfinished || err != nil {
			t.Errorf("%v, %v", unfinished, err)
		}
	})
	t.Run("blocks", func(t *testing.T) { m.large(t) })
	t.Run("permission", func(t *testing.T) { m.permission(t) })
}

// large is a directory of several pages, and a file of several blocks.
func (m *miniHDFS) large(t *testing.T) {
	m.dir = "large"
	content := strings.Repeat("0123456789abcdef", 200_000)
	m.put(t, "file", content)
	const files = 2500
	m.say(t, "many", encode("/large/dir"), fmt.Sprint(files))
	s := m.open(t, "")
	defer s.Close()
	if found := list(t, s.Children(t.Context(), "dir")); len(found) != files {
		t.Errorf("%d of %d files", len(found), files)
	}
	if got := read(t, s, "file"); got != content {
		t.Errorf("%d of %d bytes", len(got), len(content))
	}
	r, err := s.OpenRange(t.Context(), "file", 1<<20-2, 4) // across blocks
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if got, err := io.ReadAll(r); err != nil || string(got) != content[1<<20-2:1<<20+2] {
		t.Errorf("%q, %v", got, err)
	}
}

func (m *miniHDFS) permission(t *testing.T) {
	m.dir = "permission"
	m.put(t, "closed/x", "1")
	m.put(t, "open/x", "1")
	m.say(t, "chmod", encode("/permission/closed"), "700")
	s := m.open(t, "")
	defer s.Close()
	denied := map[string]string{}
	for o, err := range s.List(t.Context(), "") {
		if err != nil {
			denied[o.Key] = fmt.Sprintf("%T", err)
		}
	}
	if diff := cmp.Diff(map[string]string{"closed": "*fs.PathError"}, denied); diff != "" {
		t.Error(diff)
	}
	if _, err := s.Open(t.Context(), "closed/x"); err == nil || hintIn(err) == "" {
		t.Errorf("got %v", err)
	}
}

func TestLiveHDFSFailover(t *testing.T) {
	m := startHDFS(t, "ha")
	m.put(t, "x", "1")
	s := m.open(t, "")
	defer s.Close()
	for _, words := range [][]string{{"failover"}, {"kill", "0"}} {
		m.say(t, words...)
		if got := read(t, s, "x"); got != "1" {
			t.Errorf("after %v: %q", words, got)
		}
	}
}

// TestLiveHDFSKerberos asks a secure cluster by its web interface: by a keytab, and by
// the tokens that it gave, in both forms of their file.
func TestLiveHDFSKerberos(t *testing.T) {
	m := startHDFS(t, "secure")
	m.env["KRB5_CONFIG"] = m.facts["krb5conf"][0]
	t.Run("without", func(t *testing.T) {
		m.dir = "without"
		m.put(t, "x", "1")
		m.say(t, "wait")
		m.env["KRB5CCNAME"] = filepath.Join(t.TempDir(), "none")
		_, err := openURL(t, m.settings(), m.web("without"))
		if err == nil || !strings.Contains(err.Error(), "Kerberos") || !strings.Contains(hintIn(err), "kinit") {
			t.Errorf("got %v", err)
		}
	})
	t.Run("keytab", func(t *testing.T) {
		m.flink["security.kerberos.login.keytab"] = m.facts["keytab"][0]
		m.flink["security.kerberos.login.principal"] = m.facts["principal"][0]
		m.flink["flink.hadoop.hadoop.security.authentication"] = "kerberos"
		m.flink["flink.hadoop.dfs.namenode.kerberos.principal"] = m.facts["service"][0]
		m.conformLive(t)
	})
	t.Run("ticket", func(t *testing.T) { m.ticket(t) })
	for _, format := range []string{"WRITABLE", "PROTOBUF"} {
		t.Run(format, func(t *testing.T) {
			m.env = map[string]string{"HADOOP_TOKEN_FILE_LOCATION": filepath.Join(t.TempDir(), "tokens")}
			m.say(t, "token", format, m.env["HADOOP_TOKEN_FILE_LOCATION"])
			m.dir = format
			m.put(t, "x", "content")
			for _, url := range []string{m.web(format), "hdfs://" + m.facts["rpc"][0] + "/" + format} {
				s := m.openURL(t, url)
				if got := read(t, s, "x"); got != "content" {
					t.Errorf("%s: read %q", url, got)
				}
				s.Close()
			}
		})
	}
}

// ticket asks by what kinit left in a file.
func (m *miniHDFS) ticket(t *testing.T) {
	kinit, err := exec.LookPath("kinit")
	if err != nil {
		t.Skip(err)
	}
	m.dir = "ticket"
	m.put(t, "x", "content")
	m.env["KRB5CCNAME"] = "FILE:" + filepath.Join(t.TempDir(), "tickets")
	cmd := exec.Command(kinit, "-c", m.env["KRB5CCNAME"], "-k", "-t", m.facts["keytab"][0], m.facts["principal"][0])
	cmd.Env = append(os.Environ(), "KRB5_CONFIG="+m.env["KRB5_CONFIG"])
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	for _, key := range []string{"keytab", "principal"} {
		delete(m.flink, "security.kerberos.login."+key)
	}
	s := m.openURL(t, m.web("ticket"))
	defer s.Close()
	if got := read(t, s, "x"); got != "content" {
		t.Errorf("read %q", got)
	}
}

// TestLiveHDFSTLS asks a cluster that has HTTPS only. Go reads the authorities to trust
// once in a process, so that another one asks.
func TestLiveHDFSTLS(t *testing.T) {
	if url := os.Getenv("CKPT_TEST_TLS"); url != "" {
		s, err := openURL(t, Settings{}, url)
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		if got := read(t, s, "x"); got != "content" {
			t.Errorf("read %q", got)
		}
		return
	}
	m := startHDFS(t, "tls")
	m.dir = "tls"
	m.put(t, "x", "content")
	tokens := filepath.Join(t.TempDir(), "tokens")
	m.say(t, "token", "PROTOBUF", tokens)
	url := "swebhdfs://" + m.facts["https"][0] + "/tls"
	if _, err := openURL(t, m.settings(), url); err == nil || !strings.Contains(hintIn(err), "SSL_CERT_FILE") {
		t.Errorf("an unknown authority: %v", err)
	}
	cmd := exec.Command(os.Args[0], "-test.run=^TestLiveHDFSTLS$", "-test.v")
	cmd.Env = append(os.Environ(), "CKPT_TEST_TLS="+url, "SSL_CERT_FILE="+m.facts["authority"][0], "HADOOP_TOKEN_FILE_LOCATION="+tokens)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("%v: %s", err, out)
	}
}

// web is a path by the web interface, whatever hdfs:// stands for.
func (m *miniHDFS) web(path string) string { return "webhdfs://" + m.facts["http"][0] + "/" + path }
