// Package storage opens the trees that package layout reads, by URL.
//
//	/path, path, file:/path, file:///path                      the local file system
//	s3://BUCKET/PATH, s3a:, s3p:                               Amazon S3, and servers that speak its protocol
//	gs://BUCKET/PATH                                           Google Cloud Storage
//	abfss://CONTAINER@ACCOUNT.dfs.core.windows.net/PATH,
//	abfs:, wasb:, wasbs:, azblob://CONTAINER/PATH              Azure Blob Storage and Data Lake, always by https
//	hdfs://NAMENODE/PATH, webhdfs:, swebhdfs:                  Hadoop
//	mem://BUCKET/PATH                                          buckets within this process
//
// Paths are taken literally, as Flink does: "%20" is three characters. Symbolic links are
// listed but not entered; opening one works where it stays within the root.
//
// # Access
//
// Each store is entered as its own tools do it. What Flink's configuration says comes
// first, because somebody chose to hand it over.
//
//   - S3: AWS's chain (variables, profiles, web identity, SSO, containers, EC2), AWS_REGION,
//     AWS_ENDPOINT_URL and AWS_ENDPOINT_URL_S3. Flink's s3.access-key, s3.secret-key,
//     s3.endpoint, s3.region, s3.path.style.access, and Hadoop's access.key, secret.key,
//     session.token, endpoint, endpoint.region, path.style.access; all of them under s3.,
//     fs.s3a., s3a. and presto.s3. alike. AWS_NO_SIGN_REQUEST=true, or Hadoop's
//     AnonymousAWSCredentialsProvider, reads what is public. The region need not be known:
//     S3 tells it. An endpoint that is not a cloud's gets the bucket in the path.
//   - Google: application default credentials, GOOGLE_APPLICATION_CREDENTIALS,
//     fs.gs.auth.service.account.json.keyfile; STORAGE_EMULATOR_HOST, without credentials.
//   - Azure: fs.azure.account.key.ACCOUNT.{dfs,blob}.core.windows.net and fs.azure.sas…, then
//     AZURE_STORAGE_CONNECTION_STRING, AZURE_STORAGE_KEY, AZURE_STORAGE_SAS_TOKEN, each only for
//     the account that it is of (AZURE_STORAGE_ACCOUNT), then whoever has signed in (workload
//     and managed identities, az login).
//
// No message holds a secret, nor a URL with a signature.
//
// # Changes
//
// What [Registry.Open] gives is read-only by its type: it has no method that changes
// anything, and asks Google for no more than reading. [Registry.OpenMutable] gives the
// stores that commands take which were told to delete or to copy. There is no way to
// delete by a prefix or all that lies below a directory.
//
//   - A file is deleted as long as it is what was listed. S3 and Azure compare the ETag,
//     Google the generation; S3 servers other than Amazon's, which may not look at
//     conditions, are asked for it just before. HDFS and the file system have size and
//     time, compared just before. Deleting what is gone is no error.
//   - A directory is removed when nothing lies in it; in a bucket that is its markers.
//   - A file is created by a condition that fails where there is one already: If-None-Match
//     (S3, Azure), generation 0 (Google), a temporary name and a renaming that replaces
//     nothing (HDFS, the file system, where the name is .ckpt-….part meanwhile and the
//     file is made to last first). HDFS by RPC takes the name by an empty file for a
//     moment. Stores get checksums to compare where their protocol has them. More or fewer
//     bytes than were promised are an error, and no file.
//   - A copy is made by the store itself, within one endpoint or account, and never is the
//     same file by another name. HDFS cannot copy.
//   - In the file system no link is followed for a change, not even within the root.
//
// Where the store asks for patience, half as many deletes are under way for a while. S3
// takes a thousand of them in one request.
//
// The least rights, for reading and then for changes:
//
//   - S3: s3:ListBucket, s3:GetObject; s3:DeleteObject to delete, s3:PutObject and
//     s3:AbortMultipartUpload to copy. s3:GetBucketVersioning and
//     s3:ListBucketMultipartUploads let it tell what deleting does not free.
//   - Google: roles/storage.objectViewer; roles/storage.objectUser. storage.buckets.get
//     lets it tell of versions.
//   - Azure: Storage Blob Data Reader; Storage Blob Data Contributor.
//   - HDFS, file system: read and execute; write on the directories of what is changed.
//
// # Patience
//
// A request that a store throttles, or that fails on its side or on the way, is sent again
// after a wait that doubles, or as long as the store says, until [Settings].RetryBudget is
// used up. What does not pass is told at once: refused connections, unknown hosts, bad
// certificates, missing rights. A read that breaks off goes on at its byte, as long as the
// object's tag and size are the same; it ends without an error only when every byte has
// come.
//
// # Listings
//
// A listing of a bucket takes one request a thousand keys, which tells sizes and times as
// well, and nothing besides. With more than one page and [Settings].Concurrency above 1, the
// keys are cut into spans that are listed at the same time; see crawl.go. Stores that are
// not known to list by the bytes of keys (Azure, S3 servers other than Amazon's) are listed
// page by page.
package storage

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/ckpt-tool/ckpt/layout"
)

// Driver opens the places of some schemes.
type Driver struct {
	Schemes []string // "" is a path without a scheme
	Open    func(ctx context.Context, place layout.Place) (layout.Store, error)
	// OpenMutable opens for changes. It is nil where nothing can be changed.
	OpenMutable func(ctx context.Context, place layout.Place) (layout.MutableStore, error)
}

// Registry is the drivers that a program has. The zero value has none.
type Registry []Driver

// New is the drivers of ckpt. Nothing is set up before the first Open.
func New(s Settings) Registry {
	return Registry{
		{Schemes: []string{"", "file"}, Open: openLocal, OpenMutable: s.openMutableLocal},
		s3Driver(s),
		gcsDriver(s),
		azureDriver(s),
		hdfsDriver(s),
		new(Memory).Driver(),
	}
}

// refused are schemes that people use with Flink and that no driver serves, with what
// they may do instead.
var refused = map[string]string{
	"oss":    "Alibaba's OSS also speaks S3's protocol: set AWS_ENDPOINT_URL to its endpoint, and write s3:// for oss://",
	"viewfs": "name the cluster that the mount table leads to, as hdfs://",
}

// SchemeError says that no driver serves a URL. An empty one is most often a variable
// that was not set, and not the current directory.
type SchemeError struct {
	URL, Scheme string
	Instead     string   // what to do, for one of Flink's that is not served
	Supported   []string // what is served
}

// Error implements error.
func (e *SchemeError) Error() string {
	switch {
	case e.URL == "":
		return "the path is empty"
	case e.Instead != "":
		return e.Scheme + ":// is not supported"
	}
	return fmt.Sprintf("%s: unknown scheme %q", e.URL, e.Scheme)
}

// ErrPath is the URL.
func (e *SchemeError) ErrPath() string { return e.URL }

// ErrHint says what to do, and else lists what is supported.
func (e *SchemeError) ErrHint() string {
	if e.Instead != "" {
		return e.Instead
	}
	hint := "supported: " + strings.Join(e.Supported, ", ")
	if e.Scheme != "" {
		hint += "; write ./" + e.Scheme + ":/… for a local path of that name"
	}
	return hint
}

// Open opens the store that a URL or local path names.
func (r Registry) Open(ctx context.Context, url string) (layout.Store, error) {
	d, place, err := r.driver(url)
	if err != nil {
		return nil, err
	}
	return d.Open(ctx, place)
}

// driver finds who serves a URL.
func (r Registry) driver(url string) (Driver, layout.Place, error) {
	place := layout.ParsePlace(url)
	var supported []string
	for _, d := range r {
		if url != "" && slices.Contains(d.Schemes, place.Scheme) {
			return d, place, nil
		}
		for _, s := range d.Schemes {
			if s == "" {
				s = "local path"
			} else {
				s += "://"
			}
			supported = append(supported, s)
		}
	}
	return Driver{}, place, &SchemeError{
		URL: url, Scheme: place.Scheme,
		Instead: refused[place.Scheme], Supported: supported,
	}
}

// Open opens a URL with the drivers of ckpt, as a user who has set nothing.
func Open(ctx context.Context, url string) (layout.Store, error) {
	return New(Settings{}).Open(ctx, url)
}
