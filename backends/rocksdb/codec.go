package rocksdb

import (
	"bytes"
	"compress/bzip2"
	"compress/flate"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"sync"

	"github.com/klauspost/compress/snappy"
	"github.com/klauspost/compress/zstd"
	"github.com/pierrec/lz4/v4"
)

// codec is how a block is compressed (RocksDB: CompressionType).
type codec byte

const (
	codecNone      codec = 0
	codecSnappy    codec = 1
	codecDeflate   codec = 2
	codecBzip2     codec = 3
	codecLZ4       codec = 4
	codecLZ4HC     codec = 5
	codecXpress    codec = 6
	codecZstd      codec = 7
	codecZstdEarly codec = 0x40 // before Zstandard's format was final
)

// expansion is by how much a codec can make bytes more, at most. What claims more is no
// block, and gets no memory.
var expansion = map[codec]int64{
	codecSnappy: 32, codecDeflate: 1040, codecBzip2: 1 << 16, codecLZ4: 260, codecLZ4HC: 260, codecZstd: 1 << 16, codecZstdEarly: 1 << 16,
}

const (
	sizedVersion = 2 // from which on the size of a block comes first
	lz4Prefix    = 8 // what comes before LZ4's bytes in older versions: the size, as an 8-byte number
	freeSize     = 4 << 10
)

var errCodec = errors.New("its bytes are not what its codec writes")

// decompressor undoes the codecs of one table.
type decompressor struct {
	version    uint32
	dictionary []byte // "" where there is none; of data blocks only
	limit      int64  // of a block, uncompressed
	zstdOnce   sync.Once
	zstd       *zstd.Decoder
	zstdErr    error
}

// decode gives the uncompressed block, in dst where that is large enough.
func (d *decompressor) decode(dst, b []byte, c codec, data bool) ([]byte, error) {
	size, b, err := d.size(b, c)
	if err != nil {
		return nil, err
	}
	if c == codecDeflate || c == codecBzip2 {
		return d.stream(dst, b, c, size, data)
	}
	if int64(cap(dst)) < size {
		dst = make([]byte, size, size+size/4)
	}
	dst = dst[:size]
	switch c {
	case codecSnappy:
		dst, err = snappy.Decode(dst[:cap(dst)], b)
	case codecLZ4, codecLZ4HC:
		var n int
		n, err = lz4.UncompressBlockWithDict(b, dst, d.dict(data))
		dst = dst[:max(n, 0)]
	default:
		dst, err = d.decodeZstd(dst, b, data)
	}
	if err != nil || int64(len(dst)) != size {
		return nil, errCodec
	}
	return dst, nil
}

func (d *decompressor) dict(data bool) []byte {
	if data {
		return d.dictionary
	}
	return nil
}

// size takes the uncompressed size off b; -1 where nothing tells it.
func (d *decompressor) size(b []byte, c codec) (int64, []byte, error) {
	times, ok := expansion[c]
	if !ok {
		return 0, nil, unknownCodec(c)
	}
	var size uint64
	n := 0
	switch {
	case c == codecSnappy:
		size, _ = binary.Uvarint(b)
	case d.version >= sizedVersion || c == codecZstd || c == codecZstdEarly:
		if size, n = binary.Uvarint(b); n <= 0 {
			return 0, nil, errCodec
		}
	case c == codecDeflate || c == codecBzip2:
		return -1, b, nil
	case len(b) < lz4Prefix:
		return 0, nil, errCodec
	default:
		size, n = uint64(binary.LittleEndian.Uint32(b)), lz4Prefix
	}
	if size == 0 || size > uint64(int64(len(b))*times+freeSize) {
		return 0, nil, errCodec
	}
	if int64(size) > d.limit {
		return 0, nil, &tooLarge{size: int64(size), limit: d.limit}
	}
	return int64(size), b[n:], nil
}

func unknownCodec(c codec) error {
	if c == codecXpress {
		return &formatError{message: "it is compressed with XPRESS", hint: "only Windows writes it, and it is not read here"}
	}
	return fmt.Errorf("it is compressed with an unknown codec, %d", c)
}

// flaters are readers of deflate, which are large.
var flaters = sync.Pool{New: func() any { return flate.NewReader(nil) }}

// stream undoes those codecs that only come as streams. The size may be -1.
func (d *decompressor) stream(dst, b []byte, c codec, size int64, data bool) ([]byte, error) {
	var src io.Reader
	if c == codecBzip2 {
		src = bzip2.NewReader(bytes.NewReader(b))
	} else {
		f := flaters.Get().(io.ReadCloser)
		defer flaters.Put(f)
		if err := f.(flate.Resetter).Reset(bytes.NewReader(b), d.dict(data)); err != nil {
			return nil, err
		}
		src = f
	}
	limit := size
	if size < 0 {
		limit = d.limit
	}
	out := bytes.NewBuffer(dst[:0])
	n, err := io.Copy(out, io.LimitReader(src, limit+1))
	switch {
	case err != nil:
		return nil, errCodec
	case n > limit && size < 0:
		return nil, &tooLarge{size: n, limit: limit}
	case size >= 0 && n != size:
		return nil, errCodec
	}
	return out.Bytes(), nil
}

// plainZstd is the decoder of all tables without a dictionary.
var plainZstd = sync.OnceValues(func() (*zstd.Decoder, error) {
	return zstd.NewReader(nil, zstd.WithDecoderLowmem(true), zstd.WithDecodeAllCapLimit(true))
})

const zstdDictMagic = 0xec30a437

func (d *decompressor) decodeZstd(dst, b []byte, data bool) ([]byte, error) {
	decoder, err := plainZstd()
	if data && len(d.dictionary) > 0 {
		d.zstdOnce.Do(func() { d.zstd, d.zstdErr = zstdWithDictionary(d.dictionary) })
		decoder, err = d.zstd, d.zstdErr
	}
	if err != nil {
		return nil, err
	}
	size := len(dst)
	out, err := decoder.DecodeAll(b, dst[:0:size])
	return out, err
}

// zstdWithDictionary takes a trained dictionary, or bytes that stand before each block.
func zstdWithDictionary(dict []byte) (*zstd.Decoder, error) {
	option := zstd.WithDecoderDictRaw(0, dict)
	if len(dict) >= 8 && binary.LittleEndian.Uint32(dict) == zstdDictMagic {
		option = zstd.WithDecoderDicts(dict)
	}
	return zstd.NewReader(nil, zstd.WithDecoderLowmem(true), zstd.WithDecodeAllCapLimit(true), option)
}
