"""Row B12: JSON texts that have no meaning, more than one, or no end."""

from __future__ import annotations

from collections.abc import Iterator


def texts() -> Iterator[tuple[str, bytes]]:
    """By what is wrong with them."""
    yield "a key twice", b'{"format": "audiocache_nb.scene", "format": "audiocache_nb.scene"}'
    yield "a key twice, once escaped", b'{"a": 1, "\\u0061": 2}'
    for number in (b"NaN", b"Infinity", b"-Infinity", b"1e999", b"-1e999"):
        yield number.decode(), b'{"version": [' + number + b"]}"
    yield "10 MB of one text", b'{"created_with": "' + b"x" * 10_000_000 + b'"}'
    yield "200,000 lists in each other", b"[" * 200_000 + b"]" * 200_000
    yield "200,000 objects in each other", b'{"a":' * 200_000 + b"1" + b"}" * 200_000
    yield "200,000 lists that do not end", b"[" * 200_000
    yield "half a character", b'{"created_with": "\\ud800"}'
    yield "the other half", b'{"\\udfff": 1}'
    yield "a number of 100,000 digits", b'{"version": [' + b"9" * 100_000 + b"]}"
    yield "a byte that is no UTF-8", b'{"created_with": "\xff"}'
    yield "an overlong slash", b'{"created_with": "\xc0\xaf"}'
    yield "UTF-16", '{"format": "audiocache_nb.scene"}'.encode("utf-16")
    yield "a byte order mark", b'\xef\xbb\xbf{"format": "audiocache_nb.scene"}'
    yield "two values", b"{}{}"
    yield "a comma at the end", b'{"a": 1,}'
    yield "a comment", b"{} // fine"
    yield "nothing", b""
    yield "a list", b"[]"
    yield "null", b"null"
