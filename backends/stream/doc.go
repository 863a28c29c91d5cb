// Package stream reads a stretch of a file from front to back: its bytes as they are, or what Snappy's
// framing format holds. A Writer writes files of plain bytes.
//
// A framed stream is a row of chunks:
//
//	u8 type, u24 size (little-endian), size bytes
//
//	0xff identifier     "sNaPpY"; it begins a stream
//	0x00 compressed     u32 checksum (little-endian), a Snappy block
//	0x01 uncompressed   u32 checksum (little-endian), the bytes themselves
//
// Flink writes no other chunks. The checksum is that of the uncompressed bytes, at most 64 KiB: CRC-32C,
// rotated right by 15 bits, plus 0xa282ead8. Where framed streams follow each other, each begins with
// an identifier. All chunks are checked: what a window gives has its checksum.
//
// Sources: Flink's SnappyStreamCompressionDecorator, snappy-java's SnappyFramedOutputStream, Snappy's
// framing_format.txt.
package stream
