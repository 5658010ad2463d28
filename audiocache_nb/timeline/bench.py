"""The bench: what would be computed now, and how what is there compares with it."""

from __future__ import annotations

import contextlib
import dataclasses
import weakref
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from audiocache_nb.errors import AudioCacheError, CalculatorError, UnknownCalculatorError, said
from audiocache_nb.features.calculator import Calculator
from audiocache_nb.features.descriptor import Descriptor
from audiocache_nb.features.registry import Registry
from audiocache_nb.timeline.freshness import judge
from audiocache_nb.timeline.state import FeatureEntry, FeatureState, Slot, SourceState
from audiocache_nb.timeline.work import Work

if TYPE_CHECKING:
    from audiocache_nb.analysis.plan import Item
    from audiocache_nb.audio.source import AudioSource

MAX_ITEMS = 4096


class Bench:
    """Judges features by the calculators, the tempo and the work there are at this moment.

    Parameters
    ----------
    registry : Registry
    tempo : Tempo or None
        Only calculators that depend on it ever see it.
    work : Work
    salt : str
        Part of every key.
    """

    def __init__(self, registry: Registry, tempo: Any, work: Work, salt: str = "") -> None:
        self._registry = registry
        self._tempo = tempo
        self._work = work
        self.salt = salt
        self._items: weakref.WeakKeyDictionary[AudioSource, dict[Descriptor, Item]] = weakref.WeakKeyDictionary()
        self._codes: dict[str, str] = {}  # what calculators without a version were when they were first judged by
        self._warned: dict[str, str] = {}  # the code under explicit versions, as results were last compared with it

    def edited(self) -> list[str]:
        """Calculators whose code is not what features were judged by any more."""
        found = []
        for calculator_id, version in list(self._codes.items()):
            calculator = self._find(calculator_id)
            if calculator is not None and calculator.version_text != version:
                found.append(calculator_id)
        for calculator_id, digest in list(self._warned.items()):
            calculator = self._find(calculator_id)
            code = None if calculator is None or calculator.version is None else calculator.fingerprint
            if code is not None and code.digest != digest:
                found.append(calculator_id)
        return found

    def forget(self, calculator_id: str) -> None:
        """From now on features are judged by the calculator as it is now."""
        self._codes.pop(calculator_id, None)
        self._warned.pop(calculator_id, None)

    def item(self, source: AudioSource, descriptor: Descriptor) -> Item:
        item = self.item_or_problem(source, descriptor)
        if isinstance(item, AudioCacheError):
            raise item
        return item

    def items(self, source: AudioSource, descriptors: Iterable[Descriptor]) -> list[Item]:
        """What would be computed now; what cannot be said is left out."""
        found = [self.item_or_problem(source, descriptor) for descriptor in descriptors]
        return [item for item in found if not isinstance(item, AudioCacheError)]

    def item_or_problem(self, source: AudioSource, descriptor: Descriptor) -> Item | AudioCacheError:
        """What would be computed now, or why that cannot be said."""
        from audiocache_nb.analysis.plan import make_item  # the steps come with the first request

        assert descriptor.calculator is not None
        try:
            calculator = self._registry.get(descriptor.calculator)
            tempo = self._tempo.snapshot() if self._tempo is not None else None
            known = self._known(source, descriptor, calculator, tempo)
            if known is not None:
                return known
            item = make_item(source, descriptor, calculator, tempo=tempo, salt=self.salt, registry=self._registry)
            self._note(item)
            self._keep(source, item)
        except AudioCacheError as error:
            return error
        except Exception as error:  # a user's calculator may raise anything here too
            problem = CalculatorError(
                f"Calculator {descriptor.calculator!r:.80} cannot be used: {type(error).__name__}: {str(error)[:200]}.",
                hint="Mend the calculator and register it again.",
                calculator=descriptor.calculator,
            )
            problem.__cause__ = error
            return problem
        return item

    def _known(self, source: AudioSource, descriptor: Descriptor, calculator: Calculator, tempo: Any) -> Item | None:
        """The item that was made the last time, if it would be the same now: its key is not cheap."""
        try:
            item = self._items.get(source, {}).get(descriptor)
        except TypeError:  # a parameter that cannot be hashed
            return None
        if item is None or item.calculator is not calculator or item.tempo is not tempo:
            return None
        if calculator.version is None:
            return item if calculator.fingerprint is item.code else None
        return item if calculator.version_text == item.version else None

    def _keep(self, source: AudioSource, item: Item) -> None:
        if not item.dependencies:  # which calculator makes those is another question every time
            with contextlib.suppress(TypeError):
                items = self._items.setdefault(source, {})
                if len(items) >= MAX_ITEMS:  # somebody moves a slider
                    items.clear()
                items[item.descriptor] = item

    def _note(self, item: Item) -> None:
        if item.calculator.version is None:
            self._codes.setdefault(item.calculator.id, item.version)
        for needed in item.dependencies:
            self._note(needed)

    def label(self, slot: Slot) -> str:
        calculator = self._calculator(slot)
        return slot.feature if calculator is None else calculator.title

    def blank(self, state: SourceState, slot: Slot, descriptor: Descriptor) -> FeatureEntry:
        entry = state.entries.get(slot)
        if entry is None:
            return FeatureEntry(slot, descriptor, self.label(slot))
        return entry if entry.descriptor == descriptor else dataclasses.replace(entry, descriptor=descriptor)

    def judged(self, state: SourceState, slot: Slot, descriptor: Descriptor | None = None) -> FeatureEntry:
        entry = state.entries[slot] if descriptor is None else self.blank(state, slot, descriptor)
        item = self.item_or_problem(state.source, entry.descriptor)
        if isinstance(item, AudioCacheError):
            return judge(entry, None, None, said(item))
        job = self._work.computing(state.source.id, item.key)
        active: FeatureState | None = None
        if job is not None:
            active = "queued" if job.state == "queued" else "running"
        found = judge(entry, item, active, changed=state.changed)
        self._note_warning(item, found)
        return found

    def _note_warning(self, item: Item, entry: FeatureEntry) -> None:
        """Remember which code a result under an explicit version was compared with: another one is to be told."""
        track, calculator = entry.track, item.calculator
        if calculator.version is None or track is None or track.key != item.key or "code" not in track.provenance:
            return
        code = calculator.fingerprint
        if code is not None:
            self._warned[calculator.id] = code.digest

    def wanted_key(self, source: AudioSource, entry: FeatureEntry) -> str | None:
        item = self.item_or_problem(source, entry.descriptor)
        return None if isinstance(item, AudioCacheError) else item.key

    def on_tempo(self, slot: Slot) -> bool:
        """Whether a feature may depend on the tempo, by itself or through another feature."""
        calculator = self._calculator(slot)
        return calculator is not None and (calculator.depends_on_tempo or calculator.is_derived)

    def is_derived(self, slot: Slot) -> bool:
        """Whether a feature is computed from other features."""
        calculator = self._calculator(slot)
        return calculator is not None and calculator.is_derived

    def _calculator(self, slot: Slot) -> Calculator | None:
        return self._find(slot.calculator_id)

    def _find(self, calculator_id: str) -> Calculator | None:
        try:
            return self._registry.get(calculator_id)
        except UnknownCalculatorError:  # asking first would not do: it may go in between
            return None
