"""What runs in the child process that decodes audio nobody vouches for: standard input to standard output.

The encoded file is standard input, raw float32 samples go to standard output, and one line of JSON
says on standard error how it went.
"""

from __future__ import annotations

import contextlib
import json
import os
import sys
from typing import Any

READ_FRAMES = 1 << 16
MEMORY_BYTES = 4 << 30


def run() -> None:
    """Decode what the command line names."""
    label, output_bytes, cpu_s = sys.argv[1:]
    main(label, int(output_bytes), int(cpu_s))


def main(label: str, output_bytes: int, cpu_s: int) -> None:
    """Decode, within limits that the system enforces."""
    import soundfile  # noqa: F401 - before the limits: loading a library takes address space

    from audiocache_nb.audio.decode import SoundFileReader
    from audiocache_nb.errors import AudioCacheError

    _limit(output_bytes, cpu_s)
    try:
        reader = SoundFileReader(os.dup(0), label)
        frames = 0
        while len(block := reader.read(READ_FRAMES)):
            _write(block.tobytes())
            frames += len(block)
        said: dict[str, Any] = {
            "sample_rate": reader.sample_rate,
            "channels": reader.channels,
            "frames": frames,
            "bits": reader.bits,
            "promised_frames": reader.promised_frames,
            "broke_off": reader.broke_off,
            "recipe": reader.recipe,
            "notes": list(reader.notes),
        }
    except AudioCacheError as error:
        said = {"error": type(error).__name__, "message": error.message, "hint": error.hint}
    except OSError as error:
        said = {"error": "OSError", "message": error.strerror or "", "hint": ""}
    except MemoryError:
        said = {"error": "MemoryError", "message": "it wanted too much memory", "hint": ""}
    sys.stderr.write("\n" + json.dumps(said) + "\n")


def _write(data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(1, view) :]


def _limit(output_bytes: int, cpu_s: int) -> None:
    with contextlib.suppress(ImportError):  # not on Windows
        import resource

        wanted = {
            resource.RLIMIT_AS: MEMORY_BYTES,
            resource.RLIMIT_FSIZE: output_bytes,
            resource.RLIMIT_CPU: cpu_s,
            resource.RLIMIT_CORE: 0,
        }
        for kind, limit in wanted.items():
            with contextlib.suppress(OSError, ValueError):  # macOS refuses some of them
                resource.setrlimit(kind, (limit, limit))
