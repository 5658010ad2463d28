"""CRC-32 of pieces put together, without looking at the pieces again.

A CRC is a remainder of polynomials over GF(2): that of A followed by B is that of A times x^(8 len(B)),
plus that of B. The bits of a CRC-32 stand in reverse, the highest power of x in the lowest bit.
"""

from __future__ import annotations

import collections
import functools
from collections.abc import Callable, Iterable

_POLYNOMIAL = 0xEDB88320
_ONE = 1 << 31
MANY = 64  # pieces of one length, from which on tables are worth making


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
    pieces = list(parts)
    lengths = collections.Counter(nbytes for _, nbytes in pieces)
    usual, count = lengths.most_common(1)[0] if pieces else (0, 0)
    times = _multiplier(_power(8 * usual)) if count >= MANY else None
    total = 0
    for crc, nbytes in pieces:
        if times is not None and nbytes == usual:
            total = times(total) ^ crc
        else:
            total = _product(_power(8 * nbytes), total) ^ crc
    return total


def _multiplier(factor: int) -> Callable[[int], int]:
    """What multiplies by one polynomial: by tables of what each byte contributes, for who does it again and again."""
    bits = [factor]
    for _ in range(31):
        bits.append(bits[-1] >> 1 ^ _POLYNOMIAL if bits[-1] & 1 else bits[-1] >> 1)
    tables = []
    for low in (0, 8, 16, 24):
        table = [0]
        for bit in range(low, low + 8):  # the lowest bit is the highest power
            table += [known ^ bits[31 - bit] for known in table]
        tables.append(table)
    first, second, third, fourth = tables

    def times(value: int) -> int:
        return first[value & 255] ^ second[value >> 8 & 255] ^ third[value >> 16 & 255] ^ fourth[value >> 24]

    return times


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
