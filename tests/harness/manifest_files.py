# SPDX-License-Identifier: Apache-2.0
"""The manifest's files as a test may read and rewrite them: docs/formats/manifest.md."""
import json

_TABLE = []
for _byte in range(256):
    for _ in range(8):
        _byte = (_byte >> 1) ^ (0x82F63B78 if _byte & 1 else 0)
    _TABLE.append(_byte)


def crc32c(data):
    """CRC-32C of bytes."""
    value = 0xFFFFFFFF
    for byte in data:
        value = (value >> 8) ^ _TABLE[(value ^ byte) & 255]
    return value ^ 0xFFFFFFFF


def versions(data):
    """Paths of the chain, oldest first."""
    return sorted(path for path in (data / "manifest").iterdir() if path.is_file())


def read(path):
    """A version's JSON."""
    text = path.read_bytes()
    return json.loads(text[:text.rindex(b"crc32c ")])


def write(path, version):
    """Puts a version in place of one, with a checksum that is right."""
    text = json.dumps(version).encode() + b"\n"
    path.write_bytes(text + b"crc32c %08x\n" % crc32c(text))
