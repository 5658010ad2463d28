"""Plans: requests become the smallest set of shared steps."""

from __future__ import annotations

import dataclasses
import functools
import math
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any

from audiocache_nb.analysis.program import Program
from audiocache_nb.audio.resampled import at_rate
from audiocache_nb.errors import InvalidParameterError
from audiocache_nb.features.calculator import Calculator, Layout
from audiocache_nb.features.descriptor import Descriptor
from audiocache_nb.features.framing import Framing
from audiocache_nb.features.keys import KEY_FORMAT, feature_key
from audiocache_nb.features.steps import Channels, Mono, Spectrum, Step, framing_of
from audiocache_nb.features.storage import Storage
from audiocache_nb.features.track import FeatureTrack

if TYPE_CHECKING:
    from audiocache_nb.audio.source import AudioSource
    from audiocache_nb.features.fingerprint import Fingerprint
    from audiocache_nb.features.registry import Registry


@dataclasses.dataclass(frozen=True, eq=False)
class Item:
    """One feature to compute: a resolved descriptor with everything that its key follows from.

    Attributes
    ----------
    used : mapping
        The effective parameters: of the profile those that matter, and the calculator's own.
    version : str
        The calculator's version when the key was made.
    code : Fingerprint or None
        What its code was then; None where an explicit version says that.
    audio : str
        Digest of the audio.
    recipe : mapping
        How it was decoded.
    """

    descriptor: Descriptor
    calculator: Calculator
    params: Mapping[str, Any]
    used: Mapping[str, Any]
    key: str
    tempo: Any = None
    dependencies: tuple[Item, ...] = ()
    storage: Storage | None = None  # how its values are rounded; None: not at all
    version: str = ""
    code: Fingerprint | None = None
    audio: str = ""
    recipe: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    salt: str = ""

    @property
    def uncacheable_reason(self) -> str:
        """Why the result is worth something in this session only; empty if it can be kept."""
        reasons = [self.calculator.uncacheable_reason, *(item.uncacheable_reason for item in self.dependencies)]
        return next(filter(None, reasons), "")

    @property
    def is_true(self) -> bool:
        """Whether what runs at this moment is still what the key was made of, down to every helper."""
        if self.code is not None and not self.code.is_current(thorough=True):
            return self.calculator.version_text == self.version
        return all(item.is_true for item in self.dependencies)

    @property
    def facts(self) -> dict[str, Any]:
        """Everything that the key was made of, in plain values, to be kept with the result."""
        found: dict[str, Any] = {
            "key_format": KEY_FORMAT,
            "audio": self.audio,
            "decode": dict(self.recipe),
            "calculator": self.calculator.id,
            "version": self.version,
            "parameters": dict(self.used),
            "dependencies": self.needs,
        }
        if self.dependencies:
            found["suppliers"] = {str(item.descriptor): item.facts for item in self.dependencies}
        code = self.calculator.fingerprint if self.code is None else self.code
        if code is not None:
            found["code"] = {"digest": code.digest, "parts": dict(code.parts)}
        if self.calculator.depends_on_tempo and self.tempo is not None:
            found["tempo"] = _tempo_text(self.tempo)
        if self.salt:
            found["salt"] = self.salt
        if self.uncacheable_reason:
            found["uncacheable"] = self.uncacheable_reason
        return found

    @property
    def needs(self) -> dict[str, str]:
        """Keys of what it is computed from, by what that is."""
        return {str(item.descriptor): item.key for item in self.dependencies}

    @property
    def title(self) -> str:
        """What progress shows."""
        return self.calculator.title


def make_item(
    source: AudioSource,
    descriptor: Descriptor,
    calculator: Calculator,
    *,
    tempo: Any = None,
    salt: str = "",
    registry: Registry | None = None,
    within: tuple[str, ...] = (),
) -> Item:
    """Bind a resolved descriptor to a source, and what it depends on as well.

    Parameters
    ----------
    registry : Registry, optional
        Resolves the calculators of dependencies.
    within : tuple of str
        The calculators whose dependency this is.
    tempo : Tempo or None
        Its digest enters the key only if the calculator depends on it.

    Raises
    ------
    UnknownFeatureError, UnknownCalculatorError
        Also for dependencies.
    InvalidParameterError
        If calculators depend on one another in a circle.
    """
    if calculator.id in within:
        raise InvalidParameterError(
            f"{' needs '.join((*within, calculator.id))}: that is a circle.",
            hint="Let one of them be computed from the audio.",
        )
    params = calculator.parameters.effective(dict(descriptor.params))
    profile = descriptor.used_profile
    heard = at_rate(source, profile.sample_rate)
    used = {**calculator.used_profile(profile), **params}
    if heard is not source:  # at the recording's own rate the key is that of all who did not ask for one
        used["sample_rate"] = heard.sample_rate
    levels_db = calculator.stored_range(descriptor.used_profile, params)
    storage = None if levels_db is None else Storage.of(descriptor.used_profile.storage, *levels_db)
    if storage is not None:  # those that are stored as they are share their key with all that are
        used["storage"] = storage.format
    needed = []
    for one in calculator.dependencies(descriptor.used_profile, params):
        assert registry is not None, f"{calculator.id} depends on other features"
        resolved = registry.resolve(one)
        assert resolved.calculator is not None
        chain = (*within, calculator.id)
        supplier = registry.get(resolved.calculator)
        if resolved.used_profile.sample_rate is None and profile.sample_rate is not None:
            at_same = resolved.used_profile.replace(sample_rate=profile.sample_rate)
            resolved = dataclasses.replace(resolved, profile=at_same)  # what it is made of heard the same
        needed.append(make_item(source, resolved, supplier, tempo=tempo, salt=salt, registry=registry, within=chain))
    # The code first: if it changes now, `is_true` compares with a version that is newer, never older.
    # Under an explicit version it only matters for a warning, which takes the time to look when it is asked for.
    code = calculator.fingerprint if calculator.version is None else None
    version, recipe = calculator.version_text, _recipe(heard)
    key = feature_key(
        audio=source.digest,
        decode=recipe,
        calculator=calculator.id,
        version=version,
        parameters=used,
        dependencies={f"{n} {item.calculator.feature}": item.key for n, item in enumerate(needed)},
        tempo=tempo.digest if calculator.depends_on_tempo and tempo is not None else None,
        salt=salt,
    )
    return Item(
        descriptor,
        calculator,
        params,
        used,
        key,
        tempo,
        tuple(needed),
        storage,
        version=version,
        code=code,
        audio=source.digest,
        recipe=recipe,
        salt=salt,
    )


def _recipe(source: AudioSource) -> dict[str, Any]:
    """How a recording became samples, as far as equal samples do not say it: not what file they came in."""
    recipe = {name: value for name, value in source.decode.items() if name not in ("format", "subtype")}
    return {**recipe, "channels": source.channels, "sample_rate": source.sample_rate}


def _tempo_text(tempo: Any) -> str:
    """A tempo map in words, with something that tells two of the same words apart."""
    entries = tempo.entries
    words = f"{entries[0].bpm:g} BPM" if len(entries) == 1 else f"map of {len(entries)} tempi"
    return f"{words} ({tempo.digest[:8]})"


@dataclasses.dataclass(eq=False)
class LocalTask:
    """A local calculator at work; it receives frames `before` and `after` those it writes."""

    item: Item
    layout: Layout
    steps: tuple[Step, ...]
    state: Any
    before: int
    after: int
    frame_count: int


@dataclasses.dataclass(eq=False)
class Group:
    """The tasks of one framing; they share frames and transforms."""

    framing: Framing
    tasks: list[LocalTask]

    @property
    def before(self) -> int:
        """Frames that some task needs before those it writes."""
        return max(task.before for task in self.tasks)

    @property
    def after(self) -> int:
        """Frames that some task needs after those it writes."""
        return max(task.after for task in self.tasks)

    @functools.cached_property
    def program(self) -> Program:
        """Their steps, made ready; to be asked for when the tasks are complete."""
        return Program(self.tasks)


@dataclasses.dataclass(eq=False)
class Plan:
    """What one pass over a source does.

    Attributes
    ----------
    groups : list of Group
        Local calculators, by framing.
    whole : list of Item
        Calculators that need the whole signal or other features; they follow the pass, one by one,
        each after what it depends on.
    given : dict of str to FeatureTrack
        Dependencies that are there already, by key.
    broken : list of (Item, BaseException)
        Calculators whose own layout or preparation failed.
    resampled : list of Plan
        The local calculators that want another sample rate, of which each has a pass of its own.
    """

    source: AudioSource
    groups: list[Group]
    whole: list[Item]
    broken: list[tuple[Item, BaseException]]
    given: dict[str, FeatureTrack] = dataclasses.field(default_factory=dict)
    resampled: list[Plan] = dataclasses.field(default_factory=list)

    @property
    def passes(self) -> list[Plan]:
        """The passes over the audio: one at each sample rate that something is wanted at."""
        return [plan for plan in (self, *self.resampled) if plan.groups]

    @property
    def steps(self) -> set[Step]:
        """All distinct steps of the pass."""
        found: set[Step] = set()
        todo = [step for group in self.groups for task in group.tasks for step in task.steps]
        while todo:
            step = todo.pop()
            if step not in found:
                found.add(step)
                todo.extend(step.inputs)
        return found

    @property
    def needs_mono(self) -> bool:
        """Whether any step starts from the mono mix."""
        return Mono() in self.steps

    @property
    def reach_samples(self) -> tuple[int, int]:
        """How far frames reach before and after their anchors, halos included."""
        left = right = 0
        for group in self.groups:
            framing = group.framing
            left = max(left, framing.left_samples + math.ceil(group.before * framing.hop_samples))
            right = max(right, framing.right_samples + math.ceil(group.after * framing.hop_samples))
        return left, right

    @property
    def title(self) -> str:
        """Labels of the pass's calculators."""
        return " · ".join(dict.fromkeys(task.item.title for group in self.groups for task in group.tasks))


def make_plan(
    source: AudioSource, items: Iterable[Item], find: Callable[[str], FeatureTrack | None] = lambda _key: None
) -> Plan:
    """Group the items by what they share, after what they depend on.

    A calculator that fails here fails alone.

    Parameters
    ----------
    find : callable
        Gives a dependency by its key if it is there already; then it is not computed again.
    """
    plan = Plan(source, [], [], [])
    at: dict[int, Plan] = {source.sample_rate: plan}
    groups: dict[tuple[int, Framing], Group] = {}
    for item in _with_dependencies(list(items), find, plan.given):
        calculator = item.calculator
        if not calculator.is_in_pass:
            plan.whole.append(item)
            continue
        try:
            heard = heard_by(source, item)
            task = local_task(heard, item, calculator.layout(heard, item.descriptor.used_profile, item.params))
        except BaseException as problem:  # a user's calculator may raise anything
            plan.broken.append((item, problem))
            continue
        place = (heard.sample_rate, task.layout.framing)
        group = groups.get(place)
        if group is None:
            group = groups[place] = Group(task.layout.framing, [])
            at.setdefault(heard.sample_rate, Plan(heard, [], [], [])).groups.append(group)
        group.tasks.append(task)
    plan.resampled = [one for one in at.values() if one is not plan]
    if any(isinstance(step, Spectrum) for one in plan.passes for step in one.steps):
        import scipy.fft  # noqa: F401 - now, lest its first import counts as a calculator's time
    return plan


def _with_dependencies(
    items: list[Item], find: Callable[[str], FeatureTrack | None], given: dict[str, FeatureTrack]
) -> list[Item]:
    """The items and what they depend on, each once, dependencies first."""
    ordered: dict[str, Item] = {}
    asked = {item.key for item in items}

    def add(item: Item) -> None:
        if item.key in ordered:
            return
        for needed in item.dependencies:
            there = None if needed.key in asked else find(needed.key)
            if there is None:
                add(needed)
            else:
                given[needed.key] = there
        ordered[item.key] = item

    for item in items:
        add(item)
    return list(ordered.values())


def heard_by(source: AudioSource, item: Item) -> AudioSource:
    """The recording at the sample rate that an item's profile wants."""
    return at_rate(source, item.descriptor.used_profile.sample_rate)


def layout_of(source: AudioSource, item: Item) -> Layout:
    """The layout of an item's result; that of a derived feature follows from what it is derived from."""
    profile, heard = item.descriptor.used_profile, heard_by(source, item)
    if item.dependencies:
        return item.calculator.layout_like(layout_of(source, item.dependencies[0]), heard, profile, item.params)
    return item.calculator.layout(heard, profile, item.params)


def local_task(source: AudioSource, item: Item, layout: Layout) -> LocalTask:
    """The task of a local calculator on a recording at the sample rate that it wants."""
    calculator, profile = item.calculator, item.descriptor.used_profile
    steps = calculator.steps(source, profile, item.params)
    for step in steps:
        if framing_of(step) != layout.framing or isinstance(step, (Mono, Channels)):
            raise ValueError(f"{calculator.id}: step {step} does not lie on the frames of the result")
    before, after = calculator.halo(profile, item.params)
    return LocalTask(
        item,
        layout,
        steps,
        calculator.prepare(source, profile, item.params),
        before,
        after,
        layout.framing.frame_count(source.frames),
    )
