"""The registry: which calculators there are, and which one is the default of a feature."""

from __future__ import annotations

import functools
import logging
import threading
import warnings
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, TypeVar, overload

from audiocache_nb.errors import InvalidTypeError, UnknownCalculatorError, UnknownFeatureError
from audiocache_nb.features.calculator import Calculator, Locality
from audiocache_nb.features.descriptor import Descriptor
from audiocache_nb.features.profile import AnalysisProfile

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

    import pandas as pd

    from audiocache_nb.features.function import FunctionCalculator

SHORT_NAMES = {"mel": "melspectrogram"}
ENTRY_POINT_GROUP = "audiocache_nb.calculators"
log = logging.getLogger("audiocache_nb")
Function = TypeVar("Function", bound=Callable[..., Any])


class Registry:
    """Calculators by id. Built-ins are always there; a user's calculator of the same id goes before.

    Plug-ins are installed packages that name calculators under the entry point group
    ``audiocache_nb.calculators``: a calculator, a list of them, or a function that returns either.
    They are loaded when somebody asks for the first time, and add to what there is: installing a
    package neither replaces a built-in calculator nor becomes the default of a feature that a
    built-in one makes.

    All methods may be called from any thread.
    """

    def __init__(self, *, entry_points: bool = True) -> None:
        self._lock = threading.RLock()
        self._loading = threading.RLock()  # held while plug-ins are loaded, whose code may take long
        self._plugins: dict[str, Calculator] = {}
        self._own: dict[str, Calculator] = {}
        self._brought: dict[int, list[Calculator]] = {}  # what a plug-in's module registers, by thread
        self._listeners: list[Callable[[str], None]] = []
        self._entry_points_wanted = entry_points
        self._entry_points_loaded = not entry_points

    @functools.cached_property
    def _builtin(self) -> dict[str, Calculator]:
        """Made when somebody asks for the first time: thirty modules are much for a start."""
        from audiocache_nb.features.builtin import all_builtin

        with self._lock:
            made: dict[str, Calculator] | None = self.__dict__.get("_builtin")  # by another thread, meanwhile
            if made is None:
                made = self.__dict__["_builtin"] = {calculator.id: calculator for calculator in all_builtin()}
            return made

    def register(self, calculator: Calculator) -> Calculator:
        """Add a calculator, or replace the one of the same id; it becomes its feature's default.

        Parameters
        ----------
        calculator : Calculator
            Made with ``@acn.calculator`` or a subclass instance.

        Raises
        ------
        InvalidTypeError
        """
        if not isinstance(calculator, Calculator):
            raise InvalidTypeError(
                f"A {type(calculator).__name__} is not a calculator.", hint="Decorate a function with @acn.calculator."
            )
        Descriptor(feature=calculator.feature, calculator=calculator.id)  # refuses empty and endless names
        with self._lock:
            brought = self._brought.get(threading.get_ident())
            if brought is not None:
                brought.append(calculator)
                return calculator
            itself = self._builtin.get(calculator.id) is calculator
            if calculator.id in self._builtin and calculator.id not in self._own and not itself:
                warnings.warn(
                    f"{calculator.id!r} now stands for your calculator instead of the built-in one; "
                    f"acn.calculators.unregister({calculator.id!r}) brings that back.",
                    stacklevel=3,
                )
            self._own.pop(calculator.id, None)  # so that it is the newest of its feature
            if not itself:  # a built-in one is there anyway
                self._own[calculator.id] = calculator
        self._changed(calculator.id)
        return calculator

    def unregister(self, id: str) -> None:
        """Remove a calculator; what it had replaced comes back, and built-ins stay.

        Raises
        ------
        UnknownCalculatorError
        """
        with self._lock:
            if id in self._own:
                del self._own[id]
            elif id in self._plugins:
                del self._plugins[id]
            elif id in self._builtin:
                raise UnknownCalculatorError(f"{id!r} is built in.", hint="Built-in calculators stay.")
            else:
                raise self._unknown(id)
        self._changed(id)

    def get(self, id: str) -> Calculator:
        """The calculator of this id.

        Raises
        ------
        UnknownCalculatorError
        """
        self._load_entry_points()
        with self._lock:
            found = self._own.get(id) or self._plugins.get(id) or self._builtin.get(id)
        if found is None:
            raise self._unknown(id)
        return found

    def list(self) -> list[Calculator]:
        """All calculators: built-ins first, then those of plug-ins, then others in the order of registration."""
        self._load_entry_points()
        with self._lock:
            return list(self._all().values())

    def _all(self) -> dict[str, Calculator]:
        return {**self._builtin, **self._plugins, **self._own}

    def to_pandas(self) -> pd.DataFrame:
        """All calculators as a table, one row each, indexed by id (needs pandas).

        The columns are the feature, label, unit, version, inputs, locality (``local(halo_frames)`` or ``whole``) and
        names of the parameters.
        """
        from audiocache_nb.features.export import calculators_to_pandas

        return calculators_to_pandas(self.list())

    def __repr__(self) -> str:
        return f"<{len(self.list())} calculators; .list() and .to_pandas() show them>"

    def __iter__(self) -> Iterator[Calculator]:
        return iter(self.list())

    def __contains__(self, wanted: object) -> bool:
        return any(calculator.id == wanted for calculator in self.list())

    def default_for(self, feature: str) -> Calculator:
        """The default calculator of a feature: the one registered last, else a built-in one, else a plug-in's.

        Raises
        ------
        UnknownFeatureError
        """
        self._load_entry_points()
        with self._lock:
            for calculator in [
                *reversed(self._own.values()),
                *reversed(self._builtin.values()),
                *reversed(self._plugins.values()),
            ]:
                if calculator.feature == feature and self._own.get(calculator.id, calculator) is calculator:
                    return calculator
            known = sorted({calculator.feature for calculator in self._all().values()})
        if feature in SHORT_NAMES:
            return self.default_for(SHORT_NAMES[feature])
        import difflib  # only where something goes wrong

        close = difflib.get_close_matches(str(feature)[:80].lower(), known, n=1)
        meant = f"Did you mean {close[0]!r}? " if close else ""
        raise UnknownFeatureError(
            f"No calculator makes {feature!r:.80}.", hint=f"{meant}Known features: {', '.join(known)}.", feature=feature
        )

    def resolve(self, wanted: str | Descriptor, profile: AnalysisProfile | None = None) -> Descriptor:
        """The descriptor with feature, calculator and profile filled in.

        Parameters
        ----------
        wanted : str or Descriptor
            A feature's key, a calculator's id, or a descriptor. ``"mel"`` is short for ``"melspectrogram"``, unless
            somebody's calculator is called so.
        profile : AnalysisProfile, optional
            Used where `wanted` is a name.

        Raises
        ------
        UnknownFeatureError, UnknownCalculatorError, InvalidParameterError
        """
        if isinstance(wanted, Descriptor):
            if wanted.calculator is None:
                calculator = self.default_for(wanted.feature)
            else:
                calculator = self.get(wanted.calculator)
                if calculator.feature != wanted.feature:
                    raise UnknownCalculatorError(
                        f"{calculator.id!r} makes {calculator.feature!r}, not {wanted.feature!r:.80}.",
                        hint="Leave the feature or the calculator out.",
                    )
            params = calculator.parameters.effective(dict(wanted.params))
            changed = {k: v for k, v in params.items() if v != calculator.parameters[k].default}
            return Descriptor(calculator.feature, calculator.id, wanted.profile, changed)
        if not isinstance(wanted, str):
            raise InvalidTypeError(
                f"A feature is named by a text or an acn.Descriptor, not {type(wanted).__name__}.",
                hint='Write its key in quotes: "rms".',
            )
        wanted = wanted.strip()  # as descriptors do
        try:
            calculator = self.default_for(wanted)
        except UnknownFeatureError:
            try:
                calculator = self.get(wanted)
            except UnknownCalculatorError:
                calculator = self.default_for(wanted)  # its message lists the features
        return Descriptor(calculator.feature, calculator.id, profile)

    def subscribe(self, listener: Callable[[str], None]) -> Callable[[], None]:
        """Call `listener(calculator_id)` after every change; returns the function that ends it."""
        with self._lock:
            self._listeners.append(listener)

        def unsubscribe() -> None:
            with self._lock:
                if listener in self._listeners:
                    self._listeners.remove(listener)

        return unsubscribe

    def _changed(self, id: str) -> None:
        with self._lock:
            listeners = list(self._listeners)
        for listener in listeners:
            try:
                listener(id)
            except Exception:
                log.exception("a listener to the calculator registry failed")

    def _unknown(self, id: str) -> UnknownCalculatorError:
        known = ", ".join(sorted(self._all()))
        return UnknownCalculatorError(
            f"There is no calculator {id!r:.80}.", hint=f"Known: {known}.", calculator=str(id)
        )

    def _load_entry_points(self) -> None:
        if self._entry_points_loaded:
            return
        added: list[str] = []
        with self._loading:  # other threads wait here until all plug-ins are there
            if not self._entry_points_wanted:
                return
            self._entry_points_wanted = False  # already here: plug-ins may ask for calculators themselves
            from importlib.metadata import entry_points

            for point in entry_points(group=ENTRY_POINT_GROUP):
                name = f"{point.name!r}" + (f" of {point.dist.name}" if point.dist else "")
                try:
                    added += self._add_plugin(name, self._load(point))
                except (Exception, SystemExit) as error:  # one broken plug-in must not take the others along
                    warnings.warn(f"The calculator plug-in {name} could not be loaded: {error}", stacklevel=4)
            self._entry_points_loaded = True
        for name in added:
            self._changed(name)

    def _load(self, point: EntryPoint) -> Sequence[Calculator]:
        """What an entry point names, and what its module registers while it is imported."""
        thread = threading.get_ident()
        brought: list[Calculator] = []
        with self._lock:
            self._brought[thread] = brought
        try:
            found = point.load()
            made = found() if callable(found) and not isinstance(found, Calculator) else found
        finally:
            with self._lock:
                del self._brought[thread]
        named = list(made) if isinstance(made, (list, tuple)) else [made]
        for one in named:
            if not isinstance(one, Calculator):
                raise InvalidTypeError(
                    f"it names a {type(one).__name__}, which is no calculator.",
                    hint="An entry point names a calculator, a list of them, or a function that returns these.",
                )
            Descriptor(feature=one.feature, calculator=one.id)
        return [*{id(one): one for one in [*brought, *named]}.values()]

    def _add_plugin(self, name: str, brought: Sequence[Calculator]) -> Sequence[str]:
        added = []
        for calculator in brought:
            with self._lock:
                known = self._builtin.get(calculator.id) or self._plugins.get(calculator.id)
                if known is None:
                    self._plugins[calculator.id] = calculator
                    added.append(calculator.id)
            if known is not None and known is not calculator:
                whose = "the built-in one" if calculator.id in self._builtin else "that of another plug-in"
                warnings.warn(
                    f"The calculator plug-in {name} brings another {calculator.id!r}; {whose} stays. "
                    "acn.calculators.register(...) puts a calculator in the place of another.",
                    stacklevel=5,
                )
        return added


calculators = Registry()


@overload
def calculator(function: Function, /) -> FunctionCalculator: ...
@overload
def calculator(
    *,
    feature: str | None = ...,
    unit: str = ...,
    version: int | None = ...,
    inputs: str | Sequence[str] = ...,
    id: str | None = ...,
    label: str = ...,
    locality: Locality | None = ...,
    depends_on_tempo: bool = ...,
    fill_value: float | None = ...,
    axes: tuple[str, ...] | None = ...,
) -> Callable[[Callable[..., Any]], FunctionCalculator]: ...


def calculator(
    function: Any = None,
    /,
    *,
    feature: str | None = None,
    unit: str = "",
    version: int | None = None,
    inputs: str | Sequence[str] = "frames",
    id: str | None = None,
    label: str = "",
    locality: Locality | None = None,
    depends_on_tempo: bool = False,
    fill_value: float | None = None,
    axes: tuple[str, ...] | None = None,
) -> Any:
    """Make a calculator of a function and register it.

    Parameters
    ----------
    feature : str, optional
        Key of the feature; default: the function's name.
    unit, label : str
        For axes and tables.
    version : int or None
        None: the code is the version, an edit makes the results stale.
    inputs : {"frames", "spectrum", "samples", "channels"}, or names of features
        What the first argument receives: frames [shape=(n, window)], magnitudes [shape=(n, bins)],
        the mono mix [shape=(m,)], all channels [shape=(m, channels)], or the rows of a
        feature [shape=(n, ...)]; of several features, given as a tuple of names, a tuple of arrays.
    id : str, optional
        Default: the feature.
    locality : acn.local(halo_frames) or acn.whole, optional
        Default: local for frames, spectrum and features, whole for samples and channels. What returns
        `Events`, a `Global` or a `Matrix` is whole. What declares that it is local is called for some frames at a
        time, with so many neighbours on either side, and returns as many rows as it received, or those without
        the neighbours. Beyond the ends of the recording frames are silent; of features there are no rows there.
        A function of features that declares nothing receives all rows at once.
    depends_on_tempo : bool
        Whether ``ctx.tempo`` is read; only then does the tempo map enter the key.
    fill_value : float, optional
        What silence is; default 0.
    axes : tuple of str, optional
        Names of the axes; default ``("frame", "value")``.

    Returns
    -------
    FunctionCalculator
        Registered at once under its id.

    Examples
    --------
    >>> import numpy as np
    >>> @calculator(feature="loudest", unit="")
    ... def loudest(frames):
    ...     return np.abs(frames).max(axis=1)
    >>> calculators.get("loudest").unit
    ''
    >>> calculators.unregister("loudest")
    """
    from audiocache_nb.features.function import FunctionCalculator  # reads signatures

    def make(function: Callable[..., Any]) -> FunctionCalculator:
        if not callable(function):
            raise InvalidTypeError(
                f"A {type(function).__name__} is not a function.", hint="Write @acn.calculator(...) above a def."
            )
        made = FunctionCalculator(
            function,
            feature=getattr(function, "__name__", "") if feature is None else feature,
            unit=unit,
            version=version,
            inputs=inputs,  # type: ignore[arg-type]  # looked at there
            id=id,
            label=label,
            locality=locality,
            depends_on_tempo=depends_on_tempo,
            fill_value=fill_value,
            axes=axes,
        )
        calculators.register(made)
        return made

    return make if function is None else make(function)
