package inventory

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"iter"
	"path"
	"strings"

	"github.com/ckpt-tool/ckpt/layout"
)

// WriteTagManifest writes the keys of objects in bucket as a manifest for S3 Batch
// Operations (S3BatchOperations_CSV_20180820 with the fields Bucket and Key), which may
// tag them for a lifecycle rule to expire. It is for data files only: a _metadata must go
// before what it names, and no lifecycle rule keeps to an order.
func WriteTagManifest(w io.Writer, bucket string, keys iter.Seq[string]) error {
	if bucket == "" || bucket != encode(bucket) || strings.Contains(bucket, "/") {
		return fmt.Errorf("%q is no name of a bucket", bucket)
	}
	out := bufio.NewWriter(w)
	for key := range keys {
		switch {
		case key == "":
			return errors.New("an object without a key cannot be tagged")
		case path.Base(key) == layout.MetadataName || strings.HasSuffix(key, "/"):
			return fmt.Errorf("%s is no data file, and must not be left to a lifecycle rule", key)
		}
		if _, err := fmt.Fprintf(out, "%s,%s\n", bucket, encode(key)); err != nil {
			return err
		}
	}
	return out.Flush()
}

// encode escapes all but letters, digits, slashes and -._~, so that no reader can take it
// in two ways: a plus and a space both have a percent sign.
func encode(key string) string {
	const plain = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789/-._~"
	var b strings.Builder
	for i := range len(key) {
		if strings.IndexByte(plain, key[i]) >= 0 {
			b.WriteByte(key[i])
		} else {
			fmt.Fprintf(&b, "%%%02X", key[i])
		}
	}
	return b.String()
}
