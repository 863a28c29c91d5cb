//go:build !hdfsrpc

package storage

import "github.com/ckpt-tool/ckpt/layout"

// newHDFSPeer is the client for hdfs://.
func newHDFSPeer(s Settings, conf *hadoopConf, place layout.Place) (hdfsPeer, error) {
	return newWebHDFS(s, conf, place)
}
