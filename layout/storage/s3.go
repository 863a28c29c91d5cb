package storage

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsmiddleware "github.com/aws/aws-sdk-go-v2/aws/middleware"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/smithy-go"
	"github.com/aws/smithy-go/middleware"
	smithyhttp "github.com/aws/smithy-go/transport/http"
)

// s3Bucket is a bucket of S3, or of a server that speaks its protocol.
type s3Bucket struct {
	name   string
	where  string // the endpoint, for messages
	access string // how one gets it

	mu     sync.Mutex
	client *s3.Client
}

// list implements service.
func (b *s3Bucket) list(ctx context.Context, q query) (page, error) {
	in := &s3.ListObjectsV2Input{
		Bucket: &b.name, Prefix: some(q.prefix), Delimiter: some(q.delimiter), StartAfter: some(q.after), ContinuationToken: some(q.token),
		EncodingType: types.EncodingTypeUrl, // XML cannot hold every key
	}
	out, err := redirected(ctx, b, func(c *s3.Client) (*s3.ListObjectsV2Output, error) { return c.ListObjectsV2(ctx, in) })
	if err != nil {
		return page{}, b.fail(err)
	}
	p := page{items: make([]item, 0, len(out.Contents)+len(out.CommonPrefixes)), ordered: b.ordered(out.ResultMetadata)}
	if aws.ToBool(out.IsTruncated) {
		if p.next = aws.ToString(out.NextContinuationToken); p.next == "" {
			return page{}, &problem{message: "the store says that there is more to list, and not how to go on"}
		}
	}
	for _, o := range out.Contents {
		if o.Size == nil || o.Key == nil {
			return page{}, &problem{message: "the store lists an object without its key or size"}
		}
		p.items = append(p.items, item{key: *o.Key, size: *o.Size, modified: aws.ToTime(o.LastModified), tag: quoted(aws.ToString(o.ETag))})
	}
	for _, o := range out.CommonPrefixes {
		p.items = append(p.items, item{key: aws.ToString(o.Prefix), dir: true})
	}
	if out.EncodingType == types.EncodingTypeUrl {
		err = p.unescape()
	}
	return p, err
}

// unescape undoes the encoding of the keys.
func (p page) unescape() error {
	for i, o := range p.items {
		key, err := url.QueryUnescape(o.key)
		if err != nil {
			return &problem{message: fmt.Sprintf("the store lists the key %q, which is not encoded as it says", o.key), err: err}
		}
		p.items[i].key = key
	}
	return nil
}

// ordered tells whether the bucket is listed by the bytes of keys: AWS does, except in
// directory buckets. Of other servers some do not.
func (b *s3Bucket) ordered(m middleware.Metadata) bool {
	resp, ok := awsmiddleware.GetRawResponse(m).(*smithyhttp.Response)
	return ok && resp.Header.Get("Server") == "AmazonS3" && !strings.HasSuffix(b.name, "--x-s3")
}

// get implements service.
func (b *s3Bucket) get(ctx context.Context, key string, offset, length int64, tag string) (stream, error) {
	in := &s3.GetObjectInput{Bucket: &b.name, Key: &key, Range: some(rangeHeader(offset, length)), IfMatch: some(tag)}
	out, err := redirected(ctx, b, func(c *s3.Client) (*s3.GetObjectOutput, error) { return c.GetObject(ctx, in) })
	if err != nil {
		return stream{}, b.fail(err)
	}
	i := item{key: key, modified: aws.ToTime(out.LastModified), tag: quoted(aws.ToString(out.ETag))}
	return newStream(i, out.Body, lengthOf(out.ContentLength), aws.ToString(out.ContentRange), offset, length)
}

// head implements service.
func (b *s3Bucket) head(ctx context.Context, key string) (item, error) {
	in := &s3.HeadObjectInput{Bucket: &b.name, Key: &key}
	out, err := redirected(ctx, b, func(c *s3.Client) (*s3.HeadObjectOutput, error) { return c.HeadObject(ctx, in) })
	if err != nil {
		return item{}, b.fail(err)
	}
	return item{key: key, size: aws.ToInt64(out.ContentLength), modified: aws.ToTime(out.LastModified), tag: quoted(aws.ToString(out.ETag))}, nil
}

// redirected calls S3, and once more in the region where it says the bucket lies.
func redirected[T any](ctx context.Context, b *s3Bucket, call func(*s3.Client) (T, error)) (T, error) {
	b.mu.Lock()
	client := b.client
	b.mu.Unlock()
	out, err := call(client)
	region := b.regionIn(ctx, client, err)
	if region == "" || region == client.Options().Region {
		return out, err
	}
	client = s3.New(client.Options(), func(o *s3.Options) { o.Region = region })
	b.mu.Lock()
	b.client = client
	b.mu.Unlock()
	return call(client)
}

// regionIn is where the bucket lies, when err says that it does not lie here.
func (b *s3Bucket) regionIn(ctx context.Context, client *s3.Client, err error) string {
	var api smithy.APIError
	errors.As(err, &api)
	status, header := response(err)
	moved := status == http.StatusMovedPermanently || status == http.StatusTemporaryRedirect ||
		status == http.StatusBadRequest && (api == nil || api.ErrorCode() != "InvalidToken" && api.ErrorCode() != "ExpiredToken")
	if !moved {
		return ""
	}
	if region := header.Get("X-Amz-Bucket-Region"); region != "" {
		return region
	}
	out, err := client.HeadBucket(ctx, &s3.HeadBucketInput{Bucket: &b.name})
	if err == nil {
		return aws.ToString(out.BucketRegion)
	}
	_, header = response(err)
	return header.Get("X-Amz-Bucket-Region")
}

// response is what the server said where that was an error, 0 where it said nothing.
func response(err error) (int, http.Header) {
	var r *smithyhttp.ResponseError
	if !errors.As(err, &r) || r.Response == nil {
		return 0, http.Header{}
	}
	return r.HTTPStatusCode(), r.Response.Header
}

// s3Access is how one gets access.
const s3Access = "check the credentials (AWS_PROFILE, AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or Flink's s3.access-key and s3.secret-key) " +
	"and that they allow s3:ListBucket and s3:GetObject"

// fail says what S3 says without the words of the SDK.
func (b *s3Bucket) fail(err error) error {
	status, _ := response(err)
	if status == 0 {
		return unreachable(err, b.where)
	}
	a := answer{status: status}
	if api := smithy.APIError(nil); errors.As(err, &api) {
		a.code, a.message = api.ErrorCode(), api.ErrorMessage()
	}
	return a.problem(err, b.access)
}

// some is a pointer to s, nil where it is empty.
func some(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

// rangeHeader is a range of bytes as HTTP wants it, "" for all of them.
func rangeHeader(offset, length int64) string {
	switch {
	case length >= 0:
		return fmt.Sprintf("bytes=%d-%d", offset, offset+length-1)
	case offset > 0:
		return fmt.Sprintf("bytes=%d-", offset)
	}
	return ""
}

// lengthOf is the length of an answer, -1 where it is not known.
func lengthOf(n *int64) int64 {
	if n == nil {
		return -1
	}
	return *n
}

// newStream is the answer to a request for a range, after a check that it is of that
// range: a server may ignore it.
func newStream(of item, r io.ReadCloser, got int64, contentRange string, offset, length int64) (stream, error) {
	of.size = got
	if rangeHeader(offset, length) != "" {
		first, size, ok := parseRange(contentRange)
		if !ok || first != offset {
			r.Close()
			return stream{}, &problem{message: fmt.Sprintf("asked for bytes from %d on, the store sends %q", offset, contentRange)}
		}
		of.size = size
	}
	return stream{r, of, got}, nil
}

// parseRange takes "bytes 0-9/100" apart.
func parseRange(header string) (first, size int64, ok bool) {
	rest, ok := strings.CutPrefix(header, "bytes ")
	from, rest, ok2 := strings.Cut(rest, "-")
	_, total, ok3 := strings.Cut(rest, "/")
	first, err := strconv.ParseInt(from, 10, 64)
	size, err2 := strconv.ParseInt(total, 10, 64)
	return first, size, ok && ok2 && ok3 && err == nil && err2 == nil
}
