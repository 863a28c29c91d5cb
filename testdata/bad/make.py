#!/usr/bin/env python3
"""Writes the directories beside it: one defect each, cut into a small real file (metadata version 6, Flink 2.2.0)."""
import pathlib, struct

HERE = pathlib.Path(__file__).resolve().parent
[SOURCE] = (HERE.parent / "flink/2.2.0/source-file").glob("*/chk-2/_metadata")
GOOD = SOURCE.read_bytes()


def put(name, data):
    target = HERE / name / "_metadata"
    target.parent.mkdir(exist_ok=True)
    target.write_bytes(data)


def patch(name, at, new):
    put(name, GOOD[:at] + new + GOOD[at + len(new):])


def after(marker, start=0):
    """Offset of the byte after the first marker: what is patched is found by its neighbour, so that a wrong guess fails."""
    return GOOD.index(marker, start) + len(marker)


def i32(v): return struct.pack(">i", v)
def i64(v): return struct.pack(">q", v)


coordinator = after(b"e97ab7bb6d1630f0b59b2daf9b8faaa7")  # name of the coordinator's inline state; its length follows
assert GOOD[coordinator:coordinator + 4] == i32(0xF7)
operator_state = after(b"\x00\x00\x00\x01\x04\x00\x00\x00\x01\x00\x11SourceReaderState\x00\x00\x00\x00\x01" + i64(0xEA))
assert GOOD[operator_state] == 1  # ByteStreamStateHandle

put("empty", b"")
put("truncated-header", GOOD[:6])
put("truncated-middle", GOOD[:len(GOOD) // 2])
put("trailing-bytes", GOOD + b"\x00\x01\x02\x03")
put("jpeg", b"\xff\xd8\xff\xe0\x00\x10JFIF\x00\x01\x01\x00\x00\x01\x00\x01\x00\x00\xff\xdb\x00\x43\x00" + bytes(range(1, 65)) * 4)
patch("bad-magic", 0, b"\x49\x60\x67\x2e")
patch("version-1", 4, i32(1))
patch("version-7", 4, i32(7))
patch("negative-checkpoint-id", 8, i64(-1))
patch("huge-count", 20, i32(2**31 - 1))
patch("huge-length", coordinator, i32(2**31 - 1))
patch("negative-length", coordinator, i32(-1))
patch("bad-utf", after(b"\x00\x03", 24), b"\xff")
patch("unknown-stream-tag", operator_state, b"\x63")
(HERE / "metadata-is-a-directory/_metadata").mkdir(parents=True, exist_ok=True)
(HERE / "metadata-is-a-directory/_metadata/part-0").write_bytes(b"")  # git holds no empty directory
