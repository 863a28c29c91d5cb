package storage

import (
	"bytes"
	"context"
	"crypto/md5"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/streaming"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/to"
	"github.com/Azure/azure-sdk-for-go/sdk/storage/azblob/blob"
	"github.com/Azure/azure-sdk-for-go/sdk/storage/azblob/blockblob"
	"github.com/ckpt-tool/ckpt/layout"
)

// azureWriter is a container of Azure Blob Storage that can be changed.
type azureWriter struct {
	*azureBucket
	settings Settings
}

// azureBlocks is the most blocks that a blob may have.
const azureBlocks = 50_000

// unlessThere is the condition that a blob does not exist.
var unlessThere = &blob.AccessConditions{ModifiedAccessConditions: &blob.ModifiedAccessConditions{IfNoneMatch: to.Ptr(azcore.ETagAny)}}

// ifTag is the condition that a blob still is what was listed.
func ifTag(tag string) *blob.AccessConditions {
	if tag == "" {
		return nil
	}
	return &blob.AccessConditions{ModifiedAccessConditions: &blob.ModifiedAccessConditions{IfMatch: to.Ptr(azcore.ETag(tag))}}
}

// batch implements writer. Azure's batches are made of requests one by one, too.
func (b *azureWriter) batch() int { return 1 }

// remove implements writer.
func (b *azureWriter) remove(ctx context.Context, items []item) []error {
	errs := make([]error, len(items))
	for n, i := range items {
		errs[n] = b.removeOne(ctx, i)
	}
	return errs
}

// removeOne deletes a blob. One that is a directory, of which there are real ones, does
// not go while something lies in it.
func (b *azureWriter) removeOne(ctx context.Context, i item) error {
	_, err := b.client.NewBlobClient(i.key).Delete(ctx, &blob.DeleteOptions{AccessConditions: ifTag(i.tag)})
	if err == nil {
		return nil
	}
	status, code := azureStatus(err)
	if status == http.StatusConflict && (code == "DirectoryIsNotEmpty" || code == "DirectoryNotEmpty") {
		return layout.ErrNotEmpty
	}
	return removed(b.fail(err))
}

// azureStatus is what the server answers, 0 where it does not.
func azureStatus(err error) (int, string) {
	var resp *azcore.ResponseError
	if errors.As(err, &resp) {
		return resp.StatusCode, resp.ErrorCode
	}
	return 0, ""
}

// created is the error of a request that creates.
func (b *azureWriter) created(err error) error {
	if err == nil {
		return nil
	}
	status, code := azureStatus(err)
	if status == http.StatusPreconditionFailed || status == http.StatusConflict && code == "BlobAlreadyExists" {
		return fs.ErrExist
	}
	return b.fail(err)
}

// absent fails where the blob is there, before much is sent.
func (b *azureWriter) absent(ctx context.Context, key string) error {
	if _, err := b.head(ctx, key); !errors.Is(err, fs.ErrNotExist) {
		return errors.Join(err, present(err))
	}
	return nil
}

// create implements writer.
func (b *azureWriter) create(ctx context.Context, key string, r *exact) (item, error) {
	if err := b.absent(ctx, key); err != nil {
		return item{}, err
	}
	if r.size > b.settings.part() {
		return b.upload(ctx, key, r)
	}
	data, err := r.all()
	if err != nil {
		return item{}, err
	}
	return b.put(ctx, key, data, unlessThere)
}

// replace implements writer.
func (b *azureWriter) replace(ctx context.Context, key string, data []byte) error {
	_, err := b.put(ctx, key, data, nil)
	return err
}

// put stores a blob in one request, with a checksum for the store to compare.
func (b *azureWriter) put(ctx context.Context, key string, data []byte, unless *blob.AccessConditions) (item, error) {
	sum := md5.Sum(data)
	out, err := b.client.NewBlockBlobClient(key).Upload(ctx, streaming.NopCloser(bytes.NewReader(data)), &blockblob.UploadOptions{
		AccessConditions: unless, TransactionalValidation: blob.TransferValidationTypeMD5(sum[:]), HTTPHeaders: &blob.HTTPHeaders{BlobContentMD5: sum[:]},
	})
	if err != nil {
		return item{}, b.created(err)
	}
	if len(out.ContentMD5) > 0 && !bytes.Equal(out.ContentMD5, sum[:]) {
		return item{}, &problem{message: fmt.Sprintf("the store has other bytes than were sent: their MD5 is %x, not %x", out.ContentMD5, sum)}
	}
	i := azureItem(key, nil, out.LastModified, out.ETag)
	i.size = int64(len(data))
	return i, nil
}

// upload stores a blob in blocks. What is not committed is no blob, and goes by itself
// within a week.
func (b *azureWriter) upload(ctx context.Context, key string, r *exact) (item, error) {
	to := b.client.NewBlockBlobClient(key)
	part := partFor(r.size, b.settings.part(), azureBlocks)
	ids, name := make([]string, (r.size+part-1)/part), rand.Text()
	for n := range ids { // with names of this upload, whoever else is at work
		ids[n] = base64.StdEncoding.EncodeToString(fmt.Appendf(nil, "%s-%05d", name, n))
	}
	err := inParts(ctx, r, part, func(ctx context.Context, n int, data []byte) error {
		sum := md5.Sum(data)
		_, err := to.StageBlock(ctx, ids[n], streaming.NopCloser(bytes.NewReader(data)), &blockblob.StageBlockOptions{
			TransactionalValidation: blob.TransferValidationTypeMD5(sum[:]),
		})
		if err != nil {
			err = b.fail(err)
		}
		return err
	})
	if err != nil {
		return item{}, err
	}
	if _, err := to.CommitBlockList(ctx, ids, &blockblob.CommitBlockListOptions{AccessConditions: unlessThere}); err != nil {
		return item{}, b.created(err)
	}
	return b.head(ctx, key)
}

// azurePoll is how often a copy under way is looked at.
const azurePoll = 200 * time.Millisecond

// copy implements writer. Within an account Azure copies by itself, mostly at once.
func (b *azureWriter) copy(ctx context.Context, from service, src item, key string) (item, error) {
	other := azureOf(from)
	if other == nil || other.endpoint != b.endpoint {
		return item{}, errors.ErrUnsupported
	}
	if err := b.absent(ctx, key); err != nil {
		return item{}, err
	}
	now, err := other.head(ctx, src.key)
	if err != nil {
		return item{}, err
	} else if !src.is(now) {
		return item{}, layout.ErrChanged
	}
	target := b.client.NewBlobClient(key)
	out, err := target.StartCopyFromURL(ctx, other.client.NewBlobClient(src.key).URL(), &blob.StartCopyFromURLOptions{
		AccessConditions:               unlessThere,
		SourceModifiedAccessConditions: &blob.SourceModifiedAccessConditions{SourceIfMatch: to.Ptr(azcore.ETag(now.tag))},
	})
	if err != nil {
		return item{}, b.copied(ctx, err, key)
	}
	if err := b.follow(ctx, target, out.CopyStatus, out.CopyID); err != nil {
		b.undo(ctx, target, out.CopyID)
		return item{}, err
	}
	return b.head(ctx, key)
}

// copied is the error of a copy: a condition that failed is of the source, unless the
// blob is there.
func (b *azureWriter) copied(ctx context.Context, err error, key string) error {
	if status, _ := azureStatus(err); status == http.StatusPreconditionFailed || status == http.StatusConflict {
		if _, err := b.head(ctx, key); err == nil {
			return fs.ErrExist
		}
		if status == http.StatusPreconditionFailed {
			return layout.ErrChanged
		}
	}
	return b.fail(err)
}

// follow waits until a copy is whole.
func (b *azureWriter) follow(ctx context.Context, target *blob.Client, status *blob.CopyStatusType, id *string) error {
	for {
		switch {
		case status == nil || *status == blob.CopyStatusTypeSuccess:
			return nil
		case *status != blob.CopyStatusTypePending:
			return &problem{message: "the store has given the copy up: " + string(*status)}
		}
		if err := sleep(ctx, azurePoll); err != nil {
			return err
		}
		now, err := target.GetProperties(ctx, nil)
		if err != nil {
			return b.fail(err)
		}
		if id == nil || now.CopyID == nil || *now.CopyID != *id {
			return layout.ErrChanged // it is another's now
		}
		status = now.CopyStatus
	}
}

// undo removes what a copy that failed has left, also when the user has cancelled.
func (b *azureWriter) undo(ctx context.Context, target *blob.Client, id *string) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), abortLimit)
	defer cancel()
	if id == nil {
		return
	}
	target.AbortCopyFromURL(ctx, *id, nil) // which fails where it has ended
	now, err := target.GetProperties(ctx, nil)
	if err == nil && now.CopyID != nil && *now.CopyID == *id && now.ETag != nil {
		_, err = target.Delete(ctx, &blob.DeleteOptions{AccessConditions: ifTag(string(*now.ETag))})
	}
	if err != nil {
		b.settings.log().Warn("a copy that is not whole may be left", "because", b.fail(err))
	}
}

// azureOf is the container behind a service, nil where it is none of Azure's.
func azureOf(s service) *azureBucket {
	switch s := s.(type) {
	case *azureBucket:
		return s
	case *azureWriter:
		return s.azureBucket
	}
	return nil
}
