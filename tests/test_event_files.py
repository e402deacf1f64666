"""Event files: the checksum, and what a reader of the format finds in them."""

import struct

from metaplast.event_files import Scalar, checksum, event_file


def test_the_checksum_is_crc32c():
    """Check value of the catalogue, and an example of RFC 3720, B.4."""
    assert checksum(b"123456789") == 0xE3069283
    assert checksum(bytes(32)) == 0x8A9136AA


def records(content: bytes) -> list[bytes]:
    found, at = [], 0
    while at < len(content):
        length, _ = struct.unpack_from("<QI", content, at)
        found.append(content[at + 12 : at + 12 + length])
        at += 16 + length
    return found


def test_scalars_are_where_a_reader_looks_for_them():
    first, second, third = records(event_file([Scalar("gain/output/sbp", 3, 0.5), Scalar("loss", 300, -1.0)]))
    assert first == b"\x1a\x0dbrain.Event:2"
    value = b"\x0a\x0fgain/output/sbp\x15" + struct.pack("<f", 0.5)
    summary = b"\x0a" + bytes([len(value)]) + value
    assert second == b"\x10\x03" + b"\x2a" + bytes([len(summary)]) + summary
    assert third.startswith(b"\x10\xac\x02")
    assert event_file([]) == event_file([])
