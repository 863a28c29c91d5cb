package storage

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/smithy-go"
)

// s3Upload is an object that is stored in parts.
type s3Upload struct {
	*s3Writer
	key   string
	id    *string
	parts []types.CompletedPart
}

// s3Parts is the most parts that an upload may have.
const s3Parts = 10_000

// upload stores an object in parts.
func (b *s3Writer) upload(ctx context.Context, key string, r *exact) (item, error) {
	part := partFor(r.size, b.settings.part(), s3Parts)
	u, err := b.begin(ctx, key, (r.size+part-1)/part, types.ChecksumAlgorithmCrc32)
	if err != nil {
		return item{}, err
	}
	return u.end(ctx, inParts(ctx, r, part, u.send))
}

// begin starts an upload of so many parts.
func (b *s3Writer) begin(ctx context.Context, key string, parts int64, sum types.ChecksumAlgorithm) (*s3Upload, error) {
	out, err := redirected(ctx, b.s3Bucket, func(c *s3.Client) (*s3.CreateMultipartUploadOutput, error) {
		return c.CreateMultipartUpload(ctx, &s3.CreateMultipartUploadInput{Bucket: &b.name, Key: &key, ChecksumAlgorithm: sum})
	})
	if err != nil {
		return nil, b.fail(err)
	}
	return &s3Upload{b, key, out.UploadId, make([]types.CompletedPart, parts)}, nil
}

// send stores a part.
func (u *s3Upload) send(ctx context.Context, n int, data []byte) error {
	sum, number := crc32Of(data), aws.Int32(int32(n+1))
	ctx = withBody(ctx, data)
	out, err := redirected(ctx, u.s3Bucket, func(c *s3.Client) (*s3.UploadPartOutput, error) {
		return c.UploadPart(ctx, &s3.UploadPartInput{
			Bucket: &u.name, Key: &u.key, UploadId: u.id, PartNumber: number,
			Body: bytes.NewReader(data), ContentLength: aws.Int64(int64(len(data))), ChecksumCRC32: &sum,
		}, u.md5Too)
	})
	if err != nil {
		return u.fail(err)
	}
	u.parts[n] = types.CompletedPart{PartNumber: number, ETag: out.ETag, ChecksumCRC32: out.ChecksumCRC32}
	if got := aws.ToString(out.ChecksumCRC32); got != "" && got != sum {
		return &problem{message: fmt.Sprintf("the store has other bytes than were sent: the CRC32 of part %d is %s, not %s", n+1, got, sum)}
	}
	return nil
}

// end makes the parts an object, unless one of them failed.
func (u *s3Upload) end(ctx context.Context, err error) (item, error) {
	if err == nil {
		_, err = redirected(ctx, u.s3Bucket, func(c *s3.Client) (*s3.CompleteMultipartUploadOutput, error) {
			return c.CompleteMultipartUpload(ctx, &s3.CompleteMultipartUploadInput{
				Bucket: &u.name, Key: &u.key, UploadId: u.id, IfNoneMatch: aws.String("*"), MultipartUpload: &types.CompletedMultipartUpload{Parts: u.parts},
			})
		})
		if err != nil {
			err = u.unended(ctx, err)
		}
	}
	if err != nil {
		u.abort(ctx)
		return item{}, err
	}
	return u.head(ctx, u.key)
}

// unended is the error of ending an upload. One that is not there any more was ended by a
// request whose answer got lost, or aborted by somebody else.
func (u *s3Upload) unended(ctx context.Context, err error) error {
	if api := smithy.APIError(nil); errors.As(err, &api) && api.ErrorCode() == "NoSuchUpload" {
		if _, err := u.head(ctx, u.key); err == nil {
			return fs.ErrExist
		}
	}
	return u.created(err)
}

// abortLimit is how long it may take to clean up behind what failed.
const abortLimit = 10 * time.Second

// abort lets go of the parts, also when the user has cancelled. What is left where that
// fails is no object, and so it is no more than worth a word.
func (u *s3Upload) abort(ctx context.Context) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), abortLimit)
	defer cancel()
	_, err := redirected(ctx, u.s3Bucket, func(c *s3.Client) (*s3.AbortMultipartUploadOutput, error) {
		return c.AbortMultipartUpload(ctx, &s3.AbortMultipartUploadInput{Bucket: &u.name, Key: &u.key, UploadId: u.id})
	})
	if status, _ := response(err); err != nil && status != http.StatusNotFound {
		u.settings.log().Warn("the parts of an upload are left", "bucket", u.name, "key", u.key, "because", u.fail(err))
	}
}

// copyParts copies an object that is too large for one request.
func (b *s3Writer) copyParts(ctx context.Context, source *string, src item, key string) (item, error) {
	part := partFor(src.size, b.largest, s3Parts)
	u, err := b.begin(ctx, key, (src.size+part-1)/part, "")
	if err != nil {
		return item{}, err
	}
	return u.end(ctx, u.copyAll(ctx, source, src, part))
}

// copyAll copies the parts.
func (u *s3Upload) copyAll(ctx context.Context, source *string, src item, part int64) error {
	errs := make([]error, len(u.parts))
	each(partsAhead, len(u.parts), func(n int) {
		first := int64(n) * part
		span := fmt.Sprintf("bytes=%d-%d", first, min(first+part, src.size)-1)
		number := aws.Int32(int32(n + 1))
		out, err := redirected(ctx, u.s3Bucket, func(c *s3.Client) (*s3.UploadPartCopyOutput, error) {
			return c.UploadPartCopy(ctx, &s3.UploadPartCopyInput{
				Bucket: &u.name, Key: &u.key, UploadId: u.id, PartNumber: number, CopySource: source, CopySourceRange: &span, CopySourceIfMatch: some(src.tag),
			})
		})
		switch {
		case err != nil:
			errs[n] = u.copied(ctx, err, u.key)
		case out.CopyPartResult == nil:
			errs[n] = &problem{message: "the store does not say what it has copied"}
		default:
			u.parts[n] = types.CompletedPart{PartNumber: number, ETag: out.CopyPartResult.ETag}
		}
	})
	return errors.Join(errs...)
}
