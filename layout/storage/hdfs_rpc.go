//go:build hdfsrpc

package storage

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"net"
	"path"
	"strings"
	"syscall"

	"github.com/ckpt-tool/ckpt/layout"
	hadoop "github.com/colinmarc/hdfs/v2"
	krb5 "github.com/jcmturner/gokrb5/v8/client"
)

// rpcPage is how many entries are handed over at a time.
const rpcPage = 1000

// hdfsRPC is HDFS by Hadoop's own protocol. The library knows the namenodes, but no
// contexts: a call under way ends by itself, and the next one is not begun.
type hdfsRPC struct {
	settings Settings
	client   *hadoop.Client
	login    *krb5.Client // nil without Kerberos
	web      hdfsPeer     // the web interface, for what the library does not know; or nil
}

// newHDFSPeer is the client for hdfs://.
func newHDFSPeer(s Settings, conf *hadoopConf, place layout.Place) (hdfsPeer, error) {
	settings := s
	if s.env("HADOOP_TOKEN_FILE_LOCATION") != "" {
		return newWebHDFS(s, conf, place) // the library knows no tokens
	}
	dial := (&net.Dialer{Timeout: dialLimit}).DialContext
	options := hadoop.ClientOptions{
		Addresses:              conf.rpcAddresses(place.Authority),
		User:                   hadoopUser(s),
		UseDatanodeHostname:    conf.get("dfs.client.use.datanode.hostname") == "true",
		DataTransferProtection: conf.get("dfs.data.transfer.protection"),
		NamenodeDialFunc:       dial,
		DatanodeDialFunc:       dial,
	}
	if strings.EqualFold(conf.get("hadoop.security.authentication"), "kerberos") {
		login, err := kerberosLogin(s)
		if err != nil {
			return nil, hinted(kerberosHint, "%w: %w", fs.ErrPermission, err)
		}
		options.KerberosClient = login
		options.KerberosServicePrincipleName, _, _ = strings.Cut(conf.get("dfs.namenode.kerberos.principal"), "@")
	}
	client, err := hadoop.NewClient(options)
	if err != nil {
		return nil, hinted(rpcHint, "no namenode at %s: %w", strings.Join(options.Addresses, ", "), err)
	}
	s.RetryBudget = dialBudget // what it is asked for can be done without
	web, err := newWebHDFS(s, conf, place)
	if err != nil {
		s.log().Debug("no web interface", "because", err)
		web = nil
	}
	return &hdfsRPC{settings, client, options.KerberosClient, web}, nil
}

const rpcHint = "hdfs://HOST:PORT/path names the RPC address of a namenode; webhdfs://HOST:PORT/path asks by HTTP instead"

func (r *hdfsRPC) close() error {
	if r.login != nil {
		r.login.Destroy() // ends the renewal of tickets
	}
	var err error
	if r.web != nil {
		err = r.web.close()
	}
	return errors.Join(err, r.client.Close())
}

// call tries a call again while the connection is the trouble.
func (r *hdfsRPC) call(ctx context.Context, f func() error) error {
	retry := newHDFSRetry(r.settings)
	for {
		if err := ctx.Err(); err != nil {
			return err
		}
		err := rpcError(f())
		if judge(err) != tryAgain {
			return err
		}
		if err := retry.wait(ctx, err); err != nil {
			return err
		}
	}
}

// rpcError takes the path from an error, and gives an exception the form that WebHDFS
// has for it.
func rpcError(err error) error {
	if p := new(fs.PathError); errors.As(err, &p) {
		err = p.Err
	}
	var remote hadoop.Error
	if errors.As(err, &remote) {
		class := remote.Exception()
		return &remoteError{Exception: class[strings.LastIndexByte(class, '.')+1:], Message: remote.Message()}
	}
	switch {
	case errors.Is(err, fs.ErrPermission):
		err = &remoteError{Exception: "AccessControlException", Message: "permission denied"}
	case errors.Is(err, syscall.ENOTEMPTY):
		err = &judged{layout.ErrNotEmpty, final}
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, fs.ErrInvalid), errors.Is(err, fs.ErrExist):
		err = &judged{err, final}
	}
	return err
}

func (r *hdfsRPC) stat(ctx context.Context, key string) (o layout.Object, err error) {
	err = r.call(ctx, func() error {
		info, err := r.client.Stat(key)
		if err == nil {
			o = rpcObject(info)
		}
		return err
	})
	// A path that leads through a file is denied, too.
	if dir := path.Dir(key); errors.Is(err, fs.ErrPermission) && dir != key {
		if above, dirErr := r.stat(ctx, dir); dirErr == nil && above.Type != layout.TypeDir {
			err = &judged{fs.ErrNotExist, final}
		}
	}
	o.Key = ""
	return o, err
}

func rpcObject(info fs.FileInfo) layout.Object {
	o := layout.Object{Key: info.Name(), Modified: info.ModTime()}
	switch status := info.Sys().(*hadoop.FileStatus); {
	case info.IsDir():
		o.Type = layout.TypeDir
	case status.GetFileType().String() == "IS_SYMLINK":
		o.Type = layout.TypeLink
	default:
		o.Size = info.Size()
	}
	return o
}

func (r *hdfsRPC) list(ctx context.Context, dir string, page func([]layout.Object) bool) error {
	var f *hadoop.FileReader
	err := r.call(ctx, func() (err error) {
		f, err = r.client.Open(dir)
		return err
	})
	if err != nil {
		return err
	}
	defer f.Close()
	for {
		var found []layout.Object
		err := r.call(ctx, func() error {
			infos, err := f.Readdir(rpcPage)
			for _, info := range infos {
				found = append(found, rpcObject(info))
			}
			if err == io.EOF {
				err = nil
			}
			return err
		})
		if err != nil || len(found) == 0 || !page(found) {
			return err
		}
	}
}

func (r *hdfsRPC) open(ctx context.Context, key string, offset, length int64) (io.ReadCloser, error) {
	var f *hadoop.FileReader
	err := r.call(ctx, func() (err error) {
		if f, err = r.client.Open(key); err == nil {
			_, err = f.Seek(offset, io.SeekStart)
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	return f, nil
}
