package storage

import (
	"bytes"
	"cmp"
	"context"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io/fs"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"sync/atomic"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	smithyhttp "github.com/aws/smithy-go/transport/http"
	"github.com/ckpt-tool/ckpt/layout"
)

// s3Writer is a bucket of S3 that can be changed. What Amazon's does is relied upon. Of
// other servers some leave conditions out without a word, so that they are asked before,
// too.
type s3Writer struct {
	*s3Bucket
	settings Settings
	amazon   bool
	largest  int64       // what is copied in one request
	singles  atomic.Bool // the server deletes one object at a time only
}

// s3Copies is the most that S3 copies in one request.
const s3Copies = 5 << 30

// newS3Writer is the bucket for changes.
func (s Settings) newS3Writer(b *s3Bucket) *s3Writer {
	b.access = "check the credentials, and that they allow s3:ListBucket, s3:GetObject, s3:PutObject, s3:AbortMultipartUpload and s3:DeleteObject"
	return &s3Writer{s3Bucket: b, settings: s, amazon: isAmazon(b.client.Options().BaseEndpoint), largest: s.copyLimit(s3Copies)}
}

// isAmazon tells whether the server is Amazon's own.
func isAmazon(endpoint *string) bool {
	if endpoint == nil {
		return true
	}
	u, err := url.Parse(*endpoint)
	return err == nil && (strings.HasSuffix(u.Hostname(), ".amazonaws.com") || strings.HasSuffix(u.Hostname(), ".amazonaws.com.cn"))
}

// absent fails where the object is there, on servers that may not look by themselves.
func (b *s3Writer) absent(ctx context.Context, key string) error {
	if b.amazon {
		return nil
	}
	_, err := b.head(ctx, key)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err == nil:
		return fs.ErrExist
	}
	return err
}

// created is the error of a request that creates: a condition that failed says that the
// object is there, or that another is just writing it.
func (b *s3Writer) created(err error) error {
	if err == nil {
		return nil
	}
	status, _ := response(err)
	if err = b.fail(err); status == http.StatusPreconditionFailed || status == http.StatusConflict {
		return fs.ErrExist
	}
	return err
}

// md5Too adds the checksum that servers other than Amazon's may want.
func (b *s3Writer) md5Too(o *s3.Options) {
	if !b.amazon {
		o.APIOptions = append(o.APIOptions, smithyhttp.AddContentChecksumMiddleware)
	}
}

// create implements writer.
func (b *s3Writer) create(ctx context.Context, key string, r *exact) (item, error) {
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
	return b.put(ctx, key, data, aws.String("*"))
}

// replace implements writer.
func (b *s3Writer) replace(ctx context.Context, key string, data []byte) error {
	_, err := b.put(ctx, key, data, nil)
	return err
}

// put stores an object in one request.
func (b *s3Writer) put(ctx context.Context, key string, data []byte, unless *string) (item, error) {
	sum := crc32Of(data)
	send := withBody(ctx, data)
	out, err := redirected(send, b.s3Bucket, func(c *s3.Client) (*s3.PutObjectOutput, error) {
		return c.PutObject(send, &s3.PutObjectInput{
			Bucket: &b.name, Key: &key, Body: bytes.NewReader(data), ContentLength: aws.Int64(int64(len(data))), ChecksumCRC32: &sum, IfNoneMatch: unless,
		}, b.md5Too)
	})
	switch {
	case err != nil && unless == nil:
		return item{}, b.fail(err)
	case err != nil:
		return item{}, b.created(err)
	}
	if got := aws.ToString(out.ChecksumCRC32); got != "" && got != sum {
		return item{}, &problem{message: fmt.Sprintf("the store has other bytes than were sent: their CRC32 is %s, not %s", got, sum)}
	}
	return b.stored(ctx, key, out.ETag)
}

// stored describes what has just been stored.
func (b *s3Writer) stored(ctx context.Context, key string, tag *string) (item, error) {
	i, err := b.head(ctx, key)
	if err == nil && aws.ToString(tag) != "" && i.tag != quoted(*tag) {
		err = layout.ErrChanged
	}
	return i, err
}

// crc32Of is the checksum as S3 writes it.
func crc32Of(data []byte) string {
	return base64.StdEncoding.EncodeToString(binary.BigEndian.AppendUint32(nil, crc32.ChecksumIEEE(data)))
}

// copy implements writer.
func (b *s3Writer) copy(ctx context.Context, from service, src item, key string) (item, error) {
	other := s3Of(from)
	if other == nil || other.where != b.where {
		return item{}, errors.ErrUnsupported
	}
	if err := b.absent(ctx, key); err != nil {
		return item{}, err
	}
	if now, err := other.head(ctx, src.key); err != nil {
		return item{}, err
	} else if !src.is(now) {
		return item{}, layout.ErrChanged
	} else {
		src.tag = now.tag // of which the copy must be
	}
	source := aws.String(copySource(other.name, src.key))
	if src.size > b.largest {
		return b.copyParts(ctx, source, src, key)
	}
	out, err := redirected(ctx, b.s3Bucket, func(c *s3.Client) (*s3.CopyObjectOutput, error) {
		return c.CopyObject(ctx, &s3.CopyObjectInput{
			Bucket: &b.name, Key: &key, CopySource: source, CopySourceIfMatch: some(src.tag), IfNoneMatch: aws.String("*"),
		})
	})
	if err != nil {
		return item{}, b.copied(ctx, err, key)
	}
	var tag *string
	if out.CopyObjectResult != nil {
		tag = out.CopyObjectResult.ETag
	}
	return b.stored(ctx, key, tag)
}

// copied is the error of a request that copies: a condition that failed is of the source,
// unless the object is there.
func (b *s3Writer) copied(ctx context.Context, err error, key string) error {
	if status, _ := response(err); status != http.StatusPreconditionFailed && status != http.StatusConflict {
		return b.fail(err)
	}
	if _, err := b.head(ctx, key); err == nil {
		return fs.ErrExist
	}
	return layout.ErrChanged
}

// s3Of is the bucket behind a service, nil where it is no bucket of S3.
func s3Of(s service) *s3Bucket {
	switch s := s.(type) {
	case *s3Bucket:
		return s
	case *s3Writer:
		return s.s3Bucket
	}
	return nil
}

// copySource is how S3 calls the source of a copy.
func copySource(bucket, key string) string {
	elements := strings.Split(key, "/")
	for i, e := range elements {
		elements[i] = strings.ReplaceAll(url.QueryEscape(e), "+", "%20")
	}
	return bucket + "/" + strings.Join(elements, "/")
}

// remarks implements remarker.
func (b *s3Bucket) remarks(ctx context.Context, prefix string, log *slog.Logger) (layout.Remarks, error) {
	var r layout.Remarks
	versions, err := redirected(ctx, b, func(c *s3.Client) (*s3.GetBucketVersioningOutput, error) {
		return c.GetBucketVersioning(ctx, &s3.GetBucketVersioningInput{Bucket: &b.name})
	})
	if err := b.untold(err, "versioning", log); err != nil {
		return r, err
	}
	r.Versioned = err == nil && versions.Status != "" // where it is suspended, older versions remain
	in := &s3.ListMultipartUploadsInput{Bucket: &b.name, Prefix: some(prefix), EncodingType: types.EncodingTypeUrl}
	for {
		out, err := redirected(ctx, b, func(c *s3.Client) (*s3.ListMultipartUploadsOutput, error) { return c.ListMultipartUploads(ctx, in) })
		if err != nil {
			return r, b.untold(err, "uploads", log)
		}
		for _, u := range out.Uploads {
			r.Uploads = append(r.Uploads, uploadOf(u, out.EncodingType, prefix))
		}
		next := aws.ToString(out.NextKeyMarker) + " " + aws.ToString(out.NextUploadIdMarker)
		if !aws.ToBool(out.IsTruncated) || next == cmp.Or(aws.ToString(in.KeyMarker)+" "+aws.ToString(in.UploadIdMarker), " ") {
			return r, nil
		}
		in.KeyMarker, in.UploadIdMarker = unescaped(out.NextKeyMarker, out.EncodingType), out.NextUploadIdMarker
	}
}

func uploadOf(u types.MultipartUpload, encoding types.EncodingType, prefix string) layout.Upload {
	key := aws.ToString(unescaped(u.Key, encoding))
	return layout.Upload{Key: strings.TrimPrefix(key, prefix), Started: aws.ToTime(u.Initiated)}
}

// unescaped undoes the encoding of a key.
func unescaped(key *string, encoding types.EncodingType) *string {
	if plain, err := url.QueryUnescape(aws.ToString(key)); err == nil && encoding == types.EncodingTypeUrl {
		return some(plain)
	}
	return key
}

// untold is the error of asking for what is good to know: none where one may not ask, or
// the server does not know such a question.
func (b *s3Bucket) untold(err error, what string, log *slog.Logger) error {
	if err == nil {
		return nil
	}
	status, _ := response(err)
	switch status {
	case http.StatusForbidden, http.StatusUnauthorized, http.StatusNotImplemented, http.StatusMethodNotAllowed, http.StatusBadRequest, http.StatusNotFound:
		log.Debug("the store does not tell", "what", what, "because", b.fail(err))
		return nil
	}
	return b.fail(err)
}
