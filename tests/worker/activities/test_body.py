"""How much memory a compressed response may take, which no answer alone would show."""

from __future__ import annotations

import gzip
import tracemalloc
import zlib
from collections.abc import AsyncIterator

import pytest

from worker.http_body import BodyInvalid, BodyTooLarge, read_body


async def in_pieces(data: bytes, size: int) -> AsyncIterator[bytes]:
    for start in range(0, len(data), size):
        yield data[start : start + size]


async def test_bomb_is_never_unpacked_beyond_its_bound() -> None:
    bomb = gzip.compress(b"\0" * 100_000_000)
    tracemalloc.start()
    try:
        with pytest.raises(BodyTooLarge):
            await read_body(in_pieces(bomb, 65536), "gzip", 100_000)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 2_000_000


@pytest.mark.parametrize("size", [1, 7, 65536])
@pytest.mark.parametrize(
    ("encoding", "packed"),
    [
        ("gzip", gzip.compress(b"abc" * 1000, mtime=0)),
        ("GZIP", gzip.compress(b"abc" * 1000, mtime=0)),
        ("deflate", zlib.compress(b"abc" * 1000)),
        ("identity", b"abc" * 1000),
        ("", b"abc" * 1000),
    ],
)
async def test_exactly_as_much_as_is_allowed(size: int, encoding: str, packed: bytes) -> None:
    assert await read_body(in_pieces(packed, size), encoding, 3000) == b"abc" * 1000
    with pytest.raises(BodyTooLarge):
        await read_body(in_pieces(packed, size), encoding, 2999)


async def test_deflate_without_a_header() -> None:
    packer = zlib.compressobj(wbits=-15)
    packed = packer.compress(b"abc" * 1000) + packer.flush()
    assert await read_body(in_pieces(packed, 65536), "deflate", 3000) == b"abc" * 1000


async def test_damage_in_the_middle() -> None:
    packed = bytearray(gzip.compress(bytes(range(256)) * 50))
    packed[40:60] = bytes(20)
    with pytest.raises(BodyInvalid):
        await read_body(in_pieces(bytes(packed), 30), "gzip", 100_000)
