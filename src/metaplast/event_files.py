"""TensorBoard event files: scalars, written whole, so that the same numbers give the same bytes.

The format is a sequence of records: length (uint64), masked CRC-32C of the length, an `Event` message, masked CRC-32C
of the message. The libraries that write it only ever append, so a run that goes on would hold its last epochs
twice, and they bring protobuf; scalars need six fields of it.

Reference: tensorflow/core/lib/io/record_writer.h and tensorflow/core/util/event.proto.
"""

import struct
from collections.abc import Iterable
from typing import NamedTuple

VERSION = b"brain.Event:2"
POLYNOMIAL = 0x82F63B78
"""Of CRC-32C (Castagnoli), reflected."""


class Scalar(NamedTuple):
    """One point of one curve."""

    tag: str
    step: int
    value: float


def event_file(scalars: Iterable[Scalar]) -> bytes:
    """Content of an `events.out.tfevents.*` file; wall times are left at zero, for the numbers are not about them."""
    records = [_record(_field(3, VERSION))]
    records += [_record(_integer(2, scalar.step) + _field(5, _summary(scalar))) for scalar in scalars]
    return b"".join(records)


def _summary(scalar: Scalar) -> bytes:
    """Summary { repeated Value value = 1 }, Value { string tag = 1; float simple_value = 2 }."""
    value = _field(1, scalar.tag.encode()) + bytes([2 << 3 | 5]) + struct.pack("<f", scalar.value)
    return _field(1, value)


def _field(number: int, content: bytes) -> bytes:
    return bytes([number << 3 | 2]) + _varint(len(content)) + content


def _integer(number: int, value: int) -> bytes:
    return bytes([number << 3]) + _varint(value)


def _varint(value: int) -> bytes:
    found = bytearray()
    while value > 0x7F:
        found.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*found, value])


def _record(content: bytes) -> bytes:
    length = struct.pack("<Q", len(content))
    return length + _masked(length) + content + _masked(content)


def _masked(content: bytes) -> bytes:
    crc = checksum(content)
    return struct.pack("<I", ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF)


def _table() -> tuple[int, ...]:
    found = []
    for byte in range(256):
        for _ in range(8):
            byte = byte >> 1 ^ (POLYNOMIAL if byte & 1 else 0)
        found.append(byte)
    return tuple(found)


TABLE = _table()


def checksum(content: bytes) -> int:
    """CRC-32C."""
    crc = 0xFFFFFFFF
    for byte in content:
        crc = crc >> 8 ^ TABLE[(crc ^ byte) & 0xFF]
    return crc ^ 0xFFFFFFFF
