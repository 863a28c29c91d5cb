package content

import (
	"bufio"
	"fmt"
	"io"

	"github.com/klauspost/compress/s2"
)

// LogLength is the length of the body of a changelog's file before compression, which
// is the size that its handles record (Flink: StateChangeFsUploader). A body that does
// not decompress is an error.
func LogLength(src io.Reader) (int64, error) {
	r := bufio.NewReaderSize(src, 64<<10)
	flag, err := r.ReadByte()
	if err != nil {
		return 0, fmt.Errorf("its flag byte: %w", io.ErrUnexpectedEOF)
	}
	if flag == 0 {
		return io.Copy(io.Discard, r)
	}
	n, err := io.Copy(io.Discard, s2.NewReader(r, s2.ReaderMaxBlockSize(64<<10)))
	if err != nil {
		return n, fmt.Errorf("decompressing: %w", err)
	}
	return n, nil
}
