package storage

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/ckpt-tool/ckpt/layout"
	"github.com/google/go-cmp/cmp"
)

// site writes properties, given as names and values in turn, as Hadoop's XML.
func site(t *testing.T, dir, file string, properties ...string) {
	t.Helper()
	var b strings.Builder
	b.WriteString("<?xml version=\"1.0\"?>\n<configuration>\n")
	for i := 0; i < len(properties); i += 2 {
		b.WriteString("<property><name>" + properties[i] + "</name><value> " + properties[i+1] + "\n</value><final>true</final></property>\n")
	}
	b.WriteString("</configuration>")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, file), []byte(b.String()), 0o644); err != nil {
		t.Fatal(err)
	}
}

func TestHadoopAddresses(t *testing.T) {
	dir := t.TempDir()
	ha, single := filepath.Join(dir, "ha"), filepath.Join(dir, "single")
	site(t, ha, "core-site.xml", "fs.defaultFS", "hdfs://prod", "domain", "example")
	site(t, ha, "hdfs-site.xml",
		"dfs.nameservices", "prod,other",
		"dfs.ha.namenodes.prod", "a, b",
		"dfs.namenode.rpc-address.prod.a", "a.${domain}:8020",
		"dfs.namenode.rpc-address.prod.b", "b.${domain}:8020",
		"dfs.namenode.http-address.prod.a", "a.${domain}:1234",
		"dfs.namenode.http-address.prod.b", "0.0.0.0:1235",
		"dfs.namenode.https-address.prod.a", "a.${env.TAIL}:1236",
		"dfs.namenode.rpc-address.other", "c.example")
	site(t, single, "core-site.xml", "fs.default.name", "hdfs://nn")
	site(t, single, "hdfs-site.xml", "dfs.namenode.rpc-address", "nn:9000", "dfs.namenode.https-address", "nn:1", "dfs.http.policy", "HTTPS_ONLY")
	for _, c := range []struct {
		dir, url string
		want     []string
	}{
		{"", "hdfs://nn/x", []string{"http://nn:9870", "http://nn:50070"}},
		{"", "hdfs://nn:8020/x", []string{"http://nn:9870", "http://nn:50070"}},
		{"", "hdfs://[::1]:8020/x", []string{"http://[::1]:9870", "http://[::1]:50070"}},
		{"", "webhdfs://nn/x", []string{"http://nn:9870", "http://nn:50070"}},
		{"", "webhdfs://nn:14000/x", []string{"http://nn:14000"}},
		{"", "swebhdfs://nn/x", []string{"https://nn:9871", "https://nn:50470"}},
		{ha, "hdfs://prod/x", []string{"http://a.example:1234", "http://b.example:1235"}},
		{ha, "hdfs:///x", []string{"http://a.example:1234", "http://b.example:1235"}},
		{ha, "webhdfs://prod/x", []string{"http://a.example:1234", "http://b.example:1235"}},
		{ha, "swebhdfs://prod/x", []string{"https://a.local:1236", "https://b.example:9871"}},
		{ha, "hdfs://b.example:8020/x", []string{"http://b.example:1235"}},
		{ha, "hdfs://b.example/x", []string{"http://b.example:1235"}},
		{ha, "hdfs://other/x", []string{"http://c.example:9870"}},
		{ha, "hdfs://elsewhere/x", []string{"http://elsewhere:9870", "http://elsewhere:50070"}},
		{single, "hdfs://nn:9000/x", []string{"https://nn:1"}},
		{single, "hdfs://nn:8020/x", []string{"https://nn:9871", "https://nn:50470"}},
		{single, "hdfs:/x", []string{"https://nn:9871", "https://nn:50470"}},
	} {
		s := Settings{LookupEnv: environment(map[string]string{"HADOOP_CONF_DIR": c.dir, "TAIL": "local"})}
		conf, err := loadHadoopConf(s)
		if err != nil {
			t.Fatal(err)
		}
		place, err := conf.qualify(layout.ParsePlace(c.url))
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(c.want, conf.webAddresses(place)); diff != "" {
			t.Errorf("%s with %s: %s", c.url, filepath.Base(c.dir), diff)
		}
	}
}

// TestHadoopConf: who overrules whom.
func TestHadoopConf(t *testing.T) {
	dir := t.TempDir()
	for _, d := range []string{"home/etc/hadoop", "flink", "env", "unused"} {
		site(t, filepath.Join(dir, d), "core-site.xml", "fs.defaultFS", "hdfs://"+d, "only."+d, "${fs.defaultFS}", "loop", "${loop}", "open", "${nothing}", "env", "${env.NO-x}")
	}
	env := map[string]string{"HADOOP_HOME": filepath.Join(dir, "home")}
	flink := map[string]string{"env.hadoop.conf.dir": filepath.Join(dir, "unused")}
	want := func(key, value string) {
		t.Helper()
		c, err := loadHadoopConf(Settings{LookupEnv: environment(env), Flink: environment(flink)})
		if err != nil {
			t.Fatal(err)
		}
		if got := c.get(key); got != value {
			t.Errorf("%s: %q, want %q", key, got, value)
		}
	}
	want("fs.defaultFS", "hdfs://unused")
	env["HADOOP_CONF_DIR"] = filepath.Join(dir, "env")
	flink["fs.hdfs.hadoopconf"] = filepath.Join(dir, "flink")
	want("fs.defaultFS", "hdfs://env")
	want("only.home/etc/hadoop", "hdfs://env")
	want("only.unused", "")
	flink["flink.hadoop.fs.defaultFS"] = "hdfs://first"
	want("only.flink", "hdfs://first")
	want("open", "${nothing}")
	want("env", "x")
	want("loop", "${loop}")

	if err := os.WriteFile(filepath.Join(dir, "env", "hdfs-site.xml"), []byte("<configuration>"), 0o644); err != nil {
		t.Fatal(err)
	}
	s := Settings{LookupEnv: environment(env)}
	if _, err := openURL(t, s, "hdfs:///x"); err == nil || !strings.Contains(err.Error(), "hdfs-site.xml") {
		t.Errorf("a broken file: %v", err)
	}
	for _, root := range []string{"", "file:///", "s3a://b"} {
		s := Settings{LookupEnv: environment(nil), Flink: environment(map[string]string{"flink.hadoop.fs.defaultFS": root})}
		if _, err := openURL(t, s, "hdfs:///x"); err == nil || hintIn(err) == "" {
			t.Errorf("no host, and %q: %v", root, err)
		}
	}
}
