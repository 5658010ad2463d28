"""Floor 0: every exception of the package, in one tree.

::

    AudioCacheError
    ├─ InvalidParameterError (ValueError)      a number, a name or an option outside its range
    ├─ InvalidTypeError (TypeError)            an object of a kind that cannot be used here
    ├─ SessionClosedError (RuntimeError)       work was asked of a closed session
    ├─ WaitTimeoutError (TimeoutError)         the work goes on; only the waiting ended
    ├─ UnknownTrackError (KeyError)
    ├─ UnknownFeatureError (KeyError)
    ├─ IngestError
    │  ├─ UnsupportedFormatError (ValueError)
    │  ├─ TruncatedAudioError (EOFError)
    │  ├─ NonFiniteAudioError (ValueError)
    │  ├─ AudioLimitError (ValueError)
    │  ├─ SourceMissingError (FileNotFoundError)
    │  ├─ DecoderCrashedError (RuntimeError)   the decoder ended, in a process of its own
    │  └─ SourceChangedError
    ├─ CalculatorError (RuntimeError)          a calculator raised; ``__cause__`` is the original
    │  ├─ CalculatorContractError              it returned something else than it declared
    │  └─ UnknownCalculatorError (KeyError)
    ├─ CacheError (OSError)
    │  ├─ CacheCorruptionError                 a stored feature is damaged; it has been set aside
    │  └─ CacheVersionError                    it was written by a later version of this package
    ├─ BundleError (ValueError)                nothing was imported
    │  ├─ BundleFormatError                    damaged, or an archive that could be read in two ways
    │  ├─ BundleLimitError                     bigger than the import's limits
    │  └─ BundleIntegrityError                 its content is not what its manifest says
    ├─ DocumentError (ValueError)
    │  ├─ DocumentVersionError                 written by a newer version
    │  └─ DocumentValidationError              ``pointers`` name the places
    ├─ MissingPackageError (ImportError)       an optional package is not installed
    ├─ WidgetError (RuntimeError)              a widget cannot be made or shown
    └─ JobCancelledError (concurrent.futures.CancelledError)

    Cancelled (BaseException)                  raised inside a calculator by ``ctx.checkpoint()``

Every error carries a stable ``code``, a ``hint`` (what to do now) and a JSON-safe ``context``.
"""

from __future__ import annotations

import concurrent.futures
from typing import Any, ClassVar


class AudioCacheError(Exception):
    """Base of all errors of this package.

    Parameters
    ----------
    message : str
        What happened, and to which thing.
    hint : str
        What the reader can do about it.
    **context
        JSON-safe facts (counts, limits, names) for programs that handle the error.
    """

    code: ClassVar[str] = "ACN-ERROR"

    def __init__(self, message: str, *, hint: str = "", **context: Any) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.context: dict[str, Any] = context

    def __str__(self) -> str:  # KeyError would print the repr of its argument
        return f"{self.message} ({self.code})" + (f" {self.hint}" if self.hint else "")

    def __reduce__(self) -> tuple[Any, ...]:
        return (_rebuild, (type(self), self.message, self.hint, self.context))


def _rebuild(kind: type[AudioCacheError], message: str, hint: str, context: dict[str, Any]) -> AudioCacheError:
    return kind(message, hint=hint, **context)


def again(error: BaseException) -> BaseException:
    """The same error as a new object with the same cause, so that whoever raises it leaves no trace in the first."""
    if not isinstance(error, AudioCacheError):
        return error
    copy = _rebuild(type(error), error.message, error.hint, error.context)
    copy.__cause__ = error.__cause__
    return copy


def said(error: BaseException) -> str:
    """What an error says to people: without its code, and without the hint for those who see a traceback."""
    if isinstance(error, AudioCacheError):
        return error.message
    return f"{type(error).__name__}: {error}"[:400]


class InvalidParameterError(AudioCacheError, ValueError):
    """A parameter lies outside its allowed range; nothing was changed."""

    code = "ACN-PARAMETER"


class InvalidTypeError(AudioCacheError, TypeError):
    """An object of a kind that cannot be used here; nothing was changed."""

    code = "ACN-TYPE"


class SessionClosedError(AudioCacheError, RuntimeError):
    """Work was asked of a session that has been closed."""

    code = "ACN-CLOSED"


class WaitTimeoutError(AudioCacheError, TimeoutError):
    """The time to wait ran out; the work itself goes on."""

    code = "ACN-TIMEOUT"


class UnknownTrackError(AudioCacheError, KeyError):
    """No track of this id is on the timeline."""

    code = "ACN-TRACK"


class UnknownFeatureError(AudioCacheError, KeyError):
    """No registered calculator makes this feature."""

    code = "ACN-FEATURE"


class IngestError(AudioCacheError):
    """Audio could not be taken in; no track was added."""

    code = "ACN-INGEST"


class UnsupportedFormatError(IngestError, ValueError):
    """Not audio, or audio of a kind that is not read."""

    code = "ACN-INGEST-FORMAT"


class TruncatedAudioError(IngestError, EOFError):
    """The stream broke off; ``context`` has ``decoded_frames`` and ``claimed_frames``."""

    code = "ACN-INGEST-TRUNCATED"


class NonFiniteAudioError(IngestError, ValueError):
    """NaN or infinite samples; ``context`` has ``count`` and ``first_index``."""

    code = "ACN-INGEST-NONFINITE"


class AudioLimitError(IngestError, ValueError):
    """More channels, a stranger rate or a bigger file than is accepted."""

    code = "ACN-INGEST-LIMIT"


class SourceMissingError(IngestError, FileNotFoundError):
    """The audio file is not there, or cannot be read."""

    code = "ACN-SOURCE-MISSING"


class DecoderCrashedError(IngestError, RuntimeError):
    """Decoding ended in a crash, took too long or wanted too much; ``context`` may have ``signal``."""

    code = "ACN-INGEST-CRASH"


class SourceChangedError(IngestError):
    """The audio file is no longer the one that was taken in."""

    code = "ACN-SOURCE-CHANGED"


class CalculatorError(AudioCacheError, RuntimeError):
    """A calculator failed; the original exception is the ``__cause__``."""

    code = "ACN-CALCULATOR"


class CalculatorContractError(CalculatorError):
    """A calculator returned something else than it declared."""

    code = "ACN-CALCULATOR-CONTRACT"


class UnknownCalculatorError(CalculatorError, KeyError):
    """No calculator is registered under this id."""

    code = "ACN-CALCULATOR-UNKNOWN"


class CacheError(AudioCacheError, OSError):
    """The cache directory cannot be used as asked."""

    code = "ACN-CACHE"


class CacheCorruptionError(CacheError):
    """A stored feature is damaged: it has been set aside, and whoever asks again gets it computed again."""

    code = "ACN-CACHE-DAMAGED"


class CacheVersionError(CacheError):
    """A stored feature was written by a later version of this package."""

    code = "ACN-CACHE-VERSION"


class BundleError(AudioCacheError, ValueError):
    """A bundle cannot be read; nothing was imported."""

    code = "ACN-BUNDLE"


class BundleFormatError(BundleError):
    """Damaged, or an archive that different programs could read differently; ``context`` may have ``offset``."""

    code = "ACN-BUNDLE-FORMAT"


class BundleLimitError(BundleError):
    """More than an import accepts; ``context`` has ``limit`` (its name), ``value`` and ``allowed``."""

    code = "ACN-BUNDLE-LIMIT"


class BundleIntegrityError(BundleError):
    """A part of the bundle is not what the manifest says; ``context`` has ``entry``."""

    code = "ACN-BUNDLE-INTEGRITY"


class DocumentError(AudioCacheError, ValueError):
    """A scene document cannot be read or written; nothing was changed."""

    code = "ACN-DOCUMENT"


class DocumentVersionError(DocumentError):
    """The document was written by a newer version; ``context`` has ``found`` and ``supported``."""

    code = "ACN-DOCUMENT-VERSION"


class DocumentValidationError(DocumentError):
    """Places in the document that are not as they have to be; ``context`` has ``pointers`` (JSON pointers)."""

    code = "ACN-DOCUMENT-INVALID"


class MissingPackageError(AudioCacheError, ImportError):
    """A package that only this needs is not installed; the hint says how to get it."""

    code = "ACN-PACKAGE"


class WidgetError(AudioCacheError, RuntimeError):
    """A widget cannot be made or shown; analysis and plotting do not need one."""

    code = "ACN-WIDGET"


class JobCancelledError(AudioCacheError, concurrent.futures.CancelledError):
    """The work that was waited for was cancelled."""

    code = "ACN-CANCELLED"


class Cancelled(BaseException):
    """Raised inside a calculator when its job was cancelled.

    It is a ``BaseException`` so that a calculator's own ``except Exception`` does not swallow it.
    """
