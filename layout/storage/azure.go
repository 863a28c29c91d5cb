package storage

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/to"
	"github.com/Azure/azure-sdk-for-go/sdk/storage/azblob/blob"
	"github.com/Azure/azure-sdk-for-go/sdk/storage/azblob/container"
)

// azureBucket is a container of Azure Blob Storage, also one with a hierarchical
// namespace (Data Lake). It is not known to list by the bytes of keys in all of its
// kinds, and so it is listed page by page, of 5,000 keys.
type azureBucket struct {
	client   *container.Client
	endpoint string
	access   string // how one gets it
}

// azureMetadata makes listings tell of directories, which are empty blobs otherwise.
var azureMetadata = container.ListBlobsInclude{Metadata: true}

// list implements service.
func (b *azureBucket) list(ctx context.Context, q query) (page, error) {
	if q.delimiter != "" {
		return b.children(ctx, q)
	}
	out, err := b.client.NewListBlobsFlatPager(&container.ListBlobsFlatOptions{
		Prefix: some(q.prefix), Marker: some(q.token), Include: azureMetadata,
	}).NextPage(ctx)
	if err != nil {
		return page{}, b.fail(err)
	}
	return azurePage(out.Segment.BlobItems, out.NextMarker)
}

// children lists a directory.
func (b *azureBucket) children(ctx context.Context, q query) (page, error) {
	out, err := b.client.NewListBlobsHierarchyPager(q.delimiter, &container.ListBlobsHierarchyOptions{
		Prefix: some(q.prefix), Marker: some(q.token), Include: azureMetadata,
	}).NextPage(ctx)
	if err != nil {
		return page{}, b.fail(err)
	}
	p, err := azurePage(out.Segment.BlobItems, out.NextMarker)
	for _, prefix := range out.Segment.BlobPrefixes {
		p.items = append(p.items, item{key: *prefix.Name, dir: true})
	}
	return p, err
}

func azurePage(blobs []*container.BlobItem, next *string) (page, error) {
	p := page{}
	if next != nil {
		p.next = *next
	}
	for _, o := range blobs {
		if o.Name == nil || o.Properties == nil || o.Properties.ContentLength == nil {
			return p, &problem{message: "the store lists a blob without its name or size"}
		}
		i := azureItem(*o.Name, o.Metadata, o.Properties.LastModified, o.Properties.ETag)
		i.size = *o.Properties.ContentLength
		p.items = append(p.items, i)
	}
	return p, nil
}

// azureItem is a blob whose size is not known yet. Data Lake and Hadoop say of a
// directory that it is one.
func azureItem(key string, metadata map[string]*string, modified *time.Time, tag *azcore.ETag) item {
	i := item{key: key}
	if modified != nil {
		i.modified = *modified
	}
	if tag != nil {
		i.tag = quoted(string(*tag))
	}
	for name, v := range metadata {
		if strings.EqualFold(name, "hdi_isfolder") && v != nil && strings.EqualFold(*v, "true") {
			i.dir = true
		}
	}
	return i
}

// get implements service.
func (b *azureBucket) get(ctx context.Context, key string, offset, length int64, tag string) (stream, error) {
	opts := &blob.DownloadStreamOptions{Range: blob.HTTPRange{Offset: offset}}
	if length >= 0 {
		opts.Range.Count = length
	}
	if tag != "" {
		opts.AccessConditions = &blob.AccessConditions{
			ModifiedAccessConditions: &blob.ModifiedAccessConditions{IfMatch: to.Ptr(azcore.ETag(tag))},
		}
	}
	out, err := b.client.NewBlobClient(key).DownloadStream(ctx, opts)
	if err != nil {
		return stream{}, b.fail(err)
	}
	i := azureItem(key, out.Metadata, out.LastModified, out.ETag)
	contentRange := ""
	if out.ContentRange != nil {
		contentRange = *out.ContentRange
	}
	return newStream(i, out.Body, lengthOf(out.ContentLength), contentRange, offset, length)
}

// head implements service.
func (b *azureBucket) head(ctx context.Context, key string) (item, error) {
	out, err := b.client.NewBlobClient(key).GetProperties(ctx, nil)
	if err != nil {
		return item{}, b.fail(err)
	}
	i := azureItem(key, out.Metadata, out.LastModified, out.ETag)
	i.size = lengthOf(out.ContentLength)
	return i, nil
}

const azureWays = "set AZURE_STORAGE_CONNECTION_STRING, AZURE_STORAGE_KEY or AZURE_STORAGE_SAS_TOKEN, or Flink's fs.azure.account.key.ACCOUNT.dfs.core.windows.net, " +
	"or sign in with 'az login' as who has the role Storage Blob Data "

// azureAccess is how one gets access.
func (s Settings) azureAccess() string {
	if s.writes {
		return azureWays + "Contributor"
	}
	return azureWays + "Reader"
}

// fail says what Azure says without the words of the SDK.
func (b *azureBucket) fail(err error) error {
	var resp *azcore.ResponseError
	if !errors.As(err, &resp) {
		return unreachable(err, " "+b.endpoint)
	}
	return answer{status: resp.StatusCode, code: resp.ErrorCode}.problem(err, b.access)
}
