"""LZ4 frames to bytes.

In: a whole frame as Kafka producers write it (https://github.com/lz4/lz4/blob/dev/doc/lz4_Frame_format.md).
Out: its content. Checksums are skipped, not verified; dictionaries are refused.
"""

import struct

_MAGIC = 0x184D2204


class Lz4Error(ValueError):
    """The bytes are not a frame that this decoder reads."""


def decompress_frame(data):
    """Returns the content of one LZ4 frame."""
    try:
        return _decompress_frame(memoryview(data))
    except (struct.error, IndexError) as error:
        raise Lz4Error("the LZ4 frame ends early") from error


def _decompress_frame(data):
    (magic,) = struct.unpack_from("<I", data, 0)
    if magic != _MAGIC:
        raise Lz4Error(f"not an LZ4 frame: magic {magic:#010x}")
    flags = data[4]
    if flags >> 6 != 1:
        raise Lz4Error(f"LZ4 frame version {flags >> 6} is unknown")
    if flags & 0x01:
        raise Lz4Error("LZ4 frames with a dictionary are not read")
    block_checksum = 4 if flags & 0x10 else 0
    at = 7 + (8 if flags & 0x08 else 0)
    out = bytearray()
    while True:
        (size,) = struct.unpack_from("<I", data, at)
        at += 4
        if size == 0:
            return bytes(out)
        stored, size = size & 0x80000000, size & 0x7FFFFFFF
        block = data[at : at + size]
        if len(block) != size:
            raise Lz4Error("the LZ4 frame ends early")
        if stored:
            out += block
        else:
            _decompress_block(block, out)
        at += size + block_checksum


def _decompress_block(block, out):
    """Appends one block's content to `out`, whose end may be what its matches point into."""
    at, end = 0, len(block)
    while at < end:
        token = block[at]
        literals, at = _length(block, at + 1, token >> 4)
        if at + literals > end:
            raise Lz4Error("an LZ4 literal runs past its block")
        out += block[at : at + literals]
        at += literals
        if at == end:
            return
        offset = block[at] | block[at + 1] << 8
        match, at = _length(block, at + 2, token & 0x0F)
        _copy_match(out, offset, match + 4)


def _length(block, at, nibble):
    if nibble < 15:
        return nibble, at
    length = 15
    while True:
        byte = block[at]
        at += 1
        length += byte
        if byte != 255:
            return length, at


def _copy_match(out, offset, length):
    start = len(out) - offset
    if offset == 0 or start < 0:
        raise Lz4Error("an LZ4 match points before its start")
    if offset >= length:
        out += out[start : start + length]
        return
    pattern = bytes(out[start:])
    out += (pattern * (length // offset + 1))[:length]
