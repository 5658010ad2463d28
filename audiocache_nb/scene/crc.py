"""CRC-32 of pieces put together, without looking at the pieces again.

A CRC is a remainder of polynomials over GF(2): that of A followed by B is that of A times x^(8 len(B)),
plus that of B. The bits of a CRC-32 stand in reverse, the highest power of x in the lowest bit.
"""

from __future__ import annotations

import functools
from collections.abc import Iterable

_POLYNOMIAL = 0xEDB88320
_ONE = 1 << 31


def combined(parts: Iterable[tuple[int, int]]) -> int:
    """CRC-32 of pieces that follow each other.

    Parameters
    ----------
    parts : iterable of (int, int)
        CRC-32 and length [bytes] of each.

    Examples
    --------
    >>> import zlib
    >>> combined([(zlib.crc32(b"audio"), 5), (zlib.crc32(b"cache"), 5)]) == zlib.crc32(b"audiocache")
    True
    """
    total = 0
    for crc, nbytes in parts:
        total = _product(_power(8 * nbytes), total) ^ crc
    return total


def _product(a: int, b: int) -> int:
    """Product of two polynomials modulo that of the CRC."""
    found = 0
    bit = _ONE
    while bit and b:
        if a & bit:
            found ^= b
        bit >>= 1
        b = b >> 1 ^ _POLYNOMIAL if b & 1 else b >> 1
    return found


@functools.lru_cache(256)
def _power(n: int) -> int:
    """x^n modulo the polynomial."""
    found, square = _ONE, _ONE >> 1
    while n:
        if n & 1:
            found = _product(square, found)
        square = _product(square, square)
        n >>= 1
    return found
