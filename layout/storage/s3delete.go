package storage

import (
	"context"
	"errors"
	"io/fs"
	"net/http"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/smithy-go"
	"github.com/ckpt-tool/ckpt/layout"
)

// batch implements writer.
func (b *s3Writer) batch() int {
	if b.singles.Load() {
		return 1
	}
	return 1000
}

// remove implements writer.
func (b *s3Writer) remove(ctx context.Context, items []item) []error {
	errs := make([]error, len(items))
	left := make([]int, 0, len(items))
	if b.amazon {
		for n := range items {
			left = append(left, n)
		}
	} else {
		left = b.compare(ctx, items, errs)
	}
	deadline := time.Now().Add(b.settings.retryBudget())
	for try := 0; len(left) > 0; try++ {
		left = b.removeSome(ctx, items, left, errs)
		wait := backoff(try)
		if len(left) == 0 || time.Now().Add(wait).After(deadline) {
			break
		}
		tellThrottle(ctx)
		if err := sleep(ctx, wait); err != nil {
			break
		}
	}
	return errs
}

// compare asks the server of each object whether it still is what was listed, and gives
// those that are to be deleted.
func (b *s3Writer) compare(ctx context.Context, items []item, errs []error) (left []int) {
	now := make([]item, len(items))
	each(aheadInBatch, len(items), func(n int) { now[n], errs[n] = b.head(ctx, items[n].key) })
	for n, i := range items {
		switch {
		case errors.Is(errs[n], fs.ErrNotExist):
			errs[n] = nil
		case errs[n] != nil:
		case !i.is(now[n]):
			errs[n] = layout.ErrChanged
		default:
			left = append(left, n)
		}
	}
	return left
}

// each calls do for 0 to n-1, width of them at a time.
func each(width, n int, do func(int)) {
	var all sync.WaitGroup
	room := make(chan struct{}, max(width, 1))
	for i := range n {
		room <- struct{}{}
		all.Go(func() {
			do(i)
			<-room
		})
	}
	all.Wait()
}

// removeSome deletes the objects of these indexes, and gives those that may be tried
// again, whose errors are set as well.
func (b *s3Writer) removeSome(ctx context.Context, items []item, indexes []int, errs []error) (again []int) {
	if b.singles.Load() {
		b.removeEach(ctx, items, indexes, errs)
		return nil
	}
	answers, err := b.removeBatch(ctx, items, indexes)
	if lacks(err) || malformed(err) {
		b.singles.Store(lacks(err))
		b.removeEach(ctx, items, indexes, errs)
		return nil
	}
	for _, n := range indexes {
		a, told := answers[items[n].key]
		switch {
		case err != nil:
			errs[n] = b.fail(err)
		case !told:
			errs[n] = &problem{message: "the store does not say whether it has deleted it"}
		default:
			errs[n] = b.judge(a)
			if passing[a.code] {
				again = append(again, n)
			}
		}
	}
	return again
}

// removeEach deletes the objects of these indexes one by one.
func (b *s3Writer) removeEach(ctx context.Context, items []item, indexes []int, errs []error) {
	each(aheadInBatch, len(indexes), func(n int) { errs[indexes[n]] = b.removeOne(ctx, items[indexes[n]]) })
}

// malformed tells a batch with a key that XML cannot hold.
func malformed(err error) bool {
	var api smithy.APIError
	return errors.As(err, &api) && api.ErrorCode() == "MalformedXML"
}

// passing are the codes of objects that may be deleted later.
var passing = map[string]bool{"SlowDown": true, "InternalError": true, "ServiceUnavailable": true, "RequestTimeout": true, "OperationAborted": true}

// lacks tells a server that has no such request.
func lacks(err error) bool {
	status, _ := response(err)
	return status == http.StatusNotImplemented || status == http.StatusMethodNotAllowed
}

// removeBatch deletes the objects of these indexes in one request. It answers with the
// errors by key, empty ones for those that are deleted.
func (b *s3Writer) removeBatch(ctx context.Context, items []item, indexes []int) (map[string]answer, error) {
	in := &s3.DeleteObjectsInput{Bucket: &b.name, Delete: &types.Delete{}}
	asked := map[string]bool{}
	for _, n := range indexes {
		if i := items[n]; !asked[i.key] {
			asked[i.key] = true
			in.Delete.Objects = append(in.Delete.Objects, types.ObjectIdentifier{Key: &i.key, ETag: b.condition(i)})
		}
	}
	out, err := redirected(ctx, b.s3Bucket, func(c *s3.Client) (*s3.DeleteObjectsOutput, error) { return c.DeleteObjects(ctx, in, b.md5Too) })
	if err != nil {
		return nil, err
	}
	answers := map[string]answer{}
	for _, o := range out.Deleted {
		answers[aws.ToString(o.Key)] = answer{}
	}
	for _, o := range out.Errors {
		code := aws.ToString(o.Code)
		answers[aws.ToString(o.Key)] = answer{statusOf[code], code, aws.ToString(o.Message)}
	}
	return answers, nil
}

// condition is the tag that S3 is to compare. Other servers have been asked before, and
// not all of them take it.
func (b *s3Writer) condition(i item) *string {
	if b.amazon {
		return some(i.tag)
	}
	return nil
}

// statusOf are the statuses that a request for one object would be answered with.
var statusOf = map[string]int{
	"AccessDenied": http.StatusForbidden, "PreconditionFailed": http.StatusPreconditionFailed, "NoSuchKey": http.StatusNotFound,
	"SlowDown": http.StatusServiceUnavailable, "ServiceUnavailable": http.StatusServiceUnavailable, "InternalError": http.StatusInternalServerError,
}

// removeOne deletes an object in a request of its own.
func (b *s3Writer) removeOne(ctx context.Context, i item) error {
	_, err := redirected(ctx, b.s3Bucket, func(c *s3.Client) (*s3.DeleteObjectOutput, error) {
		return c.DeleteObject(ctx, &s3.DeleteObjectInput{Bucket: &b.name, Key: &i.key, IfMatch: some(i.tag)})
	})
	if lacks(err) {
		_, err = redirected(ctx, b.s3Bucket, func(c *s3.Client) (*s3.DeleteObjectOutput, error) {
			return c.DeleteObject(ctx, &s3.DeleteObjectInput{Bucket: &b.name, Key: &i.key})
		})
	}
	if err == nil {
		return nil
	}
	return removed(b.fail(err))
}

// judge is the error of one object in an answer to a batch.
func (b *s3Writer) judge(a answer) error {
	if a == (answer{}) {
		return nil
	}
	return removed(a.problem(errors.New(a.String()), b.access))
}

// removed is the error of deleting: an object that is gone is deleted.
func removed(err error) error {
	switch {
	case errors.Is(err, errChanged):
		return layout.ErrChanged
	case errors.Is(err, fs.ErrNotExist) && !errors.Is(err, errNoBucket):
		return nil
	}
	return err
}
