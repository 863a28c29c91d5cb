package storage

import (
	"cmp"
	"encoding/xml"
	"errors"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/ckpt-tool/ckpt/layout"
)

// The ports of namenodes, where nothing else is said. Those of Hadoop 2 come second.
const rpcPort = "8020"

var (
	httpPorts  = []string{"9870", "50070"}
	httpsPorts = []string{"9871", "50470"}
)

// hadoopConf is Hadoop's configuration, with what Flink's adds to it.
type hadoopConf struct {
	settings   Settings
	properties map[string]string
}

// loadHadoopConf reads Hadoop's files in the order in which Flink does: later ones
// overrule earlier ones.
func loadHadoopConf(s Settings) (*hadoopConf, error) {
	c := &hadoopConf{settings: s, properties: map[string]string{}}
	for _, dir := range hadoopConfDirs(s) {
		for _, file := range []string{"core-site.xml", "hdfs-site.xml"} {
			if err := c.load(filepath.Join(dir, file)); err != nil {
				return nil, err
			}
		}
	}
	for _, key := range []string{"fs.hdfs.hdfsdefault", "fs.hdfs.hdfssite"} {
		if file := s.flink(key); file != "" {
			if err := c.load(file); err != nil {
				return nil, err
			}
		}
	}
	return c, nil
}

func hadoopConfDirs(s Settings) (dirs []string) {
	if home := s.env("HADOOP_HOME"); home != "" {
		dirs = append(dirs, filepath.Join(home, "conf"), filepath.Join(home, "etc", "hadoop"))
	}
	for _, dir := range []string{s.flink("fs.hdfs.hadoopconf"), cmp.Or(s.env("HADOOP_CONF_DIR"), s.flink("env.hadoop.conf.dir"))} {
		if dir != "" {
			dirs = append(dirs, dir)
		}
	}
	return dirs
}

// load adds the properties of one file, which need not be there.
func (c *hadoopConf) load(file string) error {
	data, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	var doc struct {
		Properties []struct {
			Name  string `xml:"name"`
			Value string `xml:"value"`
		} `xml:"property"`
	}
	if err == nil {
		err = xml.Unmarshal(data, &doc)
	}
	if err != nil {
		return withPath(err, file)
	}
	for _, p := range doc.Properties {
		c.properties[strings.TrimSpace(p.Name)] = strings.TrimSpace(p.Value)
	}
	return nil
}

// get is a property, "" where it is not set. Flink's own configuration comes first.
func (c *hadoopConf) get(key string) string { return c.expand(key, 0) }

var variable = regexp.MustCompile(`\$\{[^{}$\s]+\}`)

// maxDepth ends variables that name each other.
const maxDepth = 20

// expand puts values for the variables in a property.
func (c *hadoopConf) expand(key string, depth int) string {
	value := cmp.Or(c.settings.flink("flink.hadoop."+key), c.properties[key])
	if depth == maxDepth {
		return value
	}
	return variable.ReplaceAllStringFunc(value, func(v string) string {
		name := v[2 : len(v)-1]
		if env, ok := strings.CutPrefix(name, "env."); ok {
			env, fallback, _ := strings.Cut(env, "-")
			return cmp.Or(c.settings.env(env), fallback, v)
		}
		return cmp.Or(c.expand(name, depth+1), v)
	})
}

// qualify gives a place without a host the one of the default file system.
func (c *hadoopConf) qualify(place layout.Place) (layout.Place, error) {
	if place.Authority != "" {
		return place, nil
	}
	standard := layout.ParsePlace(cmp.Or(c.get("fs.defaultFS"), c.get("fs.default.name")))
	switch standard.Scheme {
	case "hdfs", "webhdfs", "swebhdfs":
		place.Scheme, place.Authority = standard.Scheme, standard.Authority
		return place, nil
	case "":
		return place, hinted("HADOOP_CONF_DIR names the directory of core-site.xml; or write hdfs://HOST:PORT/path", "no host is named, and Hadoop's configuration has no fs.defaultFS")
	}
	return place, hinted("write hdfs://HOST:PORT/path", "no host is named, and fs.defaultFS is no HDFS but %s", standard)
}

// namenode is one of the namenodes in the configuration, by the end that its keys have.
type namenode struct{ suffix, rpc string }

// namenodes are those of a name service, or of all where it is "".
func (c *hadoopConf) namenodes(service string) (found []namenode) {
	services := []string{service}
	if service == "" {
		services = splitList(cmp.Or(c.get("dfs.nameservices"), c.get("dfs.internal.nameservices")))
	}
	for _, s := range services {
		suffixes := []string{"." + s}
		if ids := splitList(c.get("dfs.ha.namenodes." + s)); len(ids) > 0 {
			suffixes = nil
			for _, id := range ids {
				suffixes = append(suffixes, "."+s+"."+id)
			}
		}
		for _, suffix := range suffixes {
			if rpc := c.get("dfs.namenode.rpc-address" + suffix); rpc != "" {
				found = append(found, namenode{suffix, rpc})
			}
		}
	}
	return found
}

// rpcAddresses are the namenodes behind the authority of an hdfs:// URL.
func (c *hadoopConf) rpcAddresses(authority string) []string {
	var addresses []string
	for _, n := range c.namenodes(authority) {
		addresses = append(addresses, withPort(n.rpc, rpcPort))
	}
	if addresses == nil {
		addresses = []string{withPort(authority, rpcPort)}
	}
	return addresses
}

// webAddresses are where WebHDFS may answer for a place, as "http://host:port".
func (c *hadoopConf) webAddresses(place layout.Place) (bases []string) {
	scheme, ports := "http", httpPorts
	if place.Scheme == "swebhdfs" || place.Scheme == "hdfs" && c.get("dfs.http.policy") == "HTTPS_ONLY" {
		scheme, ports = "https", httpsPorts
	}
	add := func(address string) { bases = append(bases, scheme+"://"+address) }
	nodes := c.namenodes(place.Authority)
	if nodes == nil && place.Scheme == "hdfs" {
		nodes = c.configured(withPort(place.Authority, rpcPort))
	}
	for _, n := range nodes {
		if address := c.webAddress(n, scheme, ports[0]); address != "" {
			add(address)
		}
	}
	host, port := splitPort(place.Authority)
	switch {
	case bases != nil:
	case place.Scheme != "hdfs" && port != "":
		add(place.Authority)
	default:
		for _, p := range ports {
			add(net.JoinHostPort(host, p))
		}
	}
	return bases
}

// configured are the namenodes that have the RPC address.
func (c *hadoopConf) configured(address string) (found []namenode) {
	rpc := cmp.Or(c.get("dfs.namenode.rpc-address"), layout.ParsePlace(c.get("fs.defaultFS")).Authority)
	for _, n := range append(c.namenodes(""), namenode{"", rpc}) {
		if n.rpc != "" && withPort(n.rpc, rpcPort) == address {
			found = append(found, n)
		}
	}
	return found
}

// webAddress is where a namenode has its HTTP server, "" where nothing is said of the
// one that has no suffix. An address for all interfaces is none to go to.
func (c *hadoopConf) webAddress(n namenode, scheme, port string) string {
	address := c.get("dfs.namenode." + scheme + "-address" + n.suffix)
	if address == "" && n.suffix == "" {
		return ""
	}
	host, configured := splitPort(address)
	if host == "" || host == "0.0.0.0" || host == "::" {
		host, _ = splitPort(n.rpc)
	}
	return net.JoinHostPort(host, cmp.Or(configured, port))
}

// splitList takes a list apart as Hadoop writes it.
func splitList(value string) []string {
	return strings.FieldsFunc(value, func(r rune) bool { return r == ',' || r == ' ' || r == '\t' || r == '\n' })
}

func splitPort(address string) (host, port string) {
	if host, port, err := net.SplitHostPort(address); err == nil {
		return host, port
	}
	return strings.Trim(address, "[]"), ""
}

func withPort(address, port string) string {
	host, own := splitPort(address)
	return net.JoinHostPort(host, cmp.Or(own, port))
}
