"""The folder of the cache: whether it may be used, and where what lies in it."""

from __future__ import annotations

import contextlib
import hashlib
import time
from typing import Literal

from audiocache_nb.cache.files import Files, is_folder, join, parent_of
from audiocache_nb.cache.notes import Notes

VERSION = "v1"
LOOK_AGAIN_S = 60.0
SUFFIX = ".safetensors"
TAG = (
    b"Signature: 8a477f597d28d172789f06886806bc55\n"
    b"# This folder holds results that audiocache_nb can compute again. It may be deleted at any time.\n"
)
Access = Literal["absent", "refused", "read", "write"]


class Place:
    """A cache directory, with one folder for each version of its layout.

    ::

        <root>/CACHEDIR.TAG, .gitignore
        <root>/v1/a/bc/<sha256 of the key>.safetensors    an entry
        <root>/v1/tmp/                                    entries being written
        <root>/v1/quarantine/                             entries that failed a check

    Names are digests, so that nothing a user wrote becomes a part of a path. Whatever lies beside
    ``v1`` belongs to others, for example to a later version, and is left alone.
    """

    def __init__(self, root: str, files: Files, notes: Notes) -> None:
        self.root = root
        self.files = files
        self._notes = notes
        self._access: Access | None = None
        self._look_again_s = 0.0
        self.base = self.temporary = self.quarantine = ""
        self._settle(root)

    def _settle(self, root: str) -> None:
        self.root = root
        self.base = join(root, VERSION)
        self.temporary = join(self.base, "tmp")
        self.quarantine = join(self.base, "quarantine")

    @staticmethod
    def name_of(key: str) -> str:
        """The name of a key's entry."""
        return hashlib.sha256(key.encode("utf-8", "surrogatepass")).hexdigest() + SUFFIX

    def folder_of(self, name: str) -> tuple[str, str]:
        """The two folders, one in the other, that an entry lies in."""
        outer = join(self.base, name[:1])
        return outer, join(outer, name[1:3])

    def path_of(self, name: str) -> str:
        """Where an entry lies."""
        return join(self.folder_of(name)[1], name)

    @property
    def access(self) -> Access:
        """Whether the folder can be used: found out once, or again and again as long as it cannot."""
        known = self._access
        if known == "write" or (known in ("read", "refused") and time.monotonic() < self._look_again_s):
            return known
        found = self._access = self._look()
        self._look_again_s = time.monotonic() + LOOK_AGAIN_S
        return found

    def forget(self) -> None:
        """Look at the folder again at the next opportunity."""
        self._access = None

    def prepare(self) -> None:
        """Make the folders that are not there.

        Raises
        ------
        OSError
        """
        self.forget()
        if self.access == "absent":
            self._make_parents(self.root)
            self._settle(self.files.real(self.root))
        for folder in (self.root, self.base, self.temporary):
            self._make(folder)
        for name, content in (("CACHEDIR.TAG", TAG), (".gitignore", b"*\n")):
            with contextlib.suppress(FileExistsError):
                descriptor = self.files.create(join(self.root, name))
                try:
                    self.files.write(descriptor, content)
                finally:
                    self.files.close(descriptor)
        self.forget()

    def make_folders(self, name: str) -> None:
        """Make the two folders of an entry.

        Raises
        ------
        OSError
        """
        for folder in self.folder_of(name):
            self._make(folder)

    def is_straight(self, name: str) -> bool:
        """Whether no folder on the way to an entry is a link."""
        return all(is_folder(self.files.look(folder)) for folder in self.folder_of(name))

    def _make_parents(self, path: str) -> None:
        missing = []
        while True:
            try:
                self.files.look(path, follow=True)
                break
            except FileNotFoundError:
                missing.append(path)
                parent = parent_of(path)
                if parent == path:
                    raise
                path = parent
        for folder in reversed(missing):
            with contextlib.suppress(FileExistsError):
                self.files.make_folder(folder)

    def _make(self, folder: str) -> None:
        try:
            self.files.make_folder(folder)
        except FileExistsError:
            if not is_folder(self.files.look(folder)):
                raise NotADirectoryError(f"{folder!r} is no folder") from None

    def _look(self) -> Access:
        try:
            self._settle(self.files.real(self.root))
            return self._judge()
        except FileNotFoundError:
            return "absent"
        except OSError as error:
            return self._refuse(f"it cannot be looked at: {error.strerror or error}")

    def _judge(self) -> Access:
        files, user = self.files, self.files.user()
        root = files.look(self.root)
        if not is_folder(root):
            return self._refuse("it is no folder")
        if user is not None and root.st_uid != user and root.st_mode & 0o002:
            return self._refuse("it belongs to somebody else, and everybody can write there")
        folders = [self.root]
        with contextlib.suppress(FileNotFoundError):
            inner = files.look(self.base)
            folders.append(self.base)
            if not is_folder(inner):
                return self._refuse(f"{VERSION} in it is no folder")
            if user is not None and inner.st_uid not in (user, root.st_uid):
                return self._refuse(f"{VERSION} in it belongs to somebody else")
            if user is not None and inner.st_uid == user and inner.st_mode & 0o022:
                with contextlib.suppress(OSError):
                    files.make_private(self.base)
        if user is not None and root.st_uid != user:
            self._notes.add("foreign", f"The cache directory {self.root!r} belongs to somebody else: it is only read.")
            return "read"
        for folder in folders:
            if not files.writable(folder):
                files.look(folder)  # or has it gone since?
                self._notes.add("read-only", f"The cache directory {self.root!r} is read-only: nothing is kept there.")
                return "read"
        return "write"

    def _refuse(self, why: str) -> Access:
        self._notes.add("refused", f"The cache directory {self.root!r} is not used: {why}. Results stay in memory.")
        return "refused"


def is_entry(name: str) -> bool:
    """Whether a name is one of an entry."""
    digits = name.removesuffix(SUFFIX)
    return len(digits) == 64 and name.endswith(SUFFIX) and all(digit in "0123456789abcdef" for digit in digits)
