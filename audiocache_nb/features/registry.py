"""The registry: which calculators there are, and which one is the default of a feature."""

from __future__ import annotations

import logging
import threading
import warnings
from collections.abc import Callable, Iterator
from typing import Any, TypeVar, overload

from audiocache_nb.errors import InvalidTypeError, UnknownCalculatorError, UnknownFeatureError
from audiocache_nb.features.builtin import all_builtin
from audiocache_nb.features.calculator import Calculator, Locality
from audiocache_nb.features.descriptor import Descriptor
from audiocache_nb.features.function import FunctionCalculator
from audiocache_nb.features.profile import AnalysisProfile

ENTRY_POINT_GROUP = "audiocache_nb.calculators"
log = logging.getLogger("audiocache_nb")
Function = TypeVar("Function", bound=Callable[..., Any])


class Registry:
    """Calculators by id. Built-ins are always there; a user's calculator of the same id goes before.

    All methods may be called from any thread.
    """

    def __init__(self, *, entry_points: bool = True) -> None:
        self._lock = threading.RLock()
        self._builtin = {calculator.id: calculator for calculator in all_builtin()}
        self._own: dict[str, Calculator] = {}
        self._listeners: list[Callable[[str], None]] = []
        self._entry_points_wanted = entry_points

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
            if calculator.id in self._builtin and calculator.id not in self._own:
                warnings.warn(
                    f"{calculator.id!r} now stands for your calculator instead of the built-in one; "
                    f"acn.calculators.unregister({calculator.id!r}) brings that back.",
                    stacklevel=3,
                )
            self._own.pop(calculator.id, None)  # so that it is the newest of its feature
            self._own[calculator.id] = calculator
        self._changed(calculator.id)
        return calculator

    def unregister(self, id: str) -> None:
        """Remove a calculator; built-ins come back when what replaced them goes, and stay otherwise.

        Raises
        ------
        UnknownCalculatorError
        """
        with self._lock:
            if id not in self._own:
                if id in self._builtin:
                    raise UnknownCalculatorError(f"{id!r} is built in.", hint="Built-in calculators stay.")
                raise self._unknown(id)
            del self._own[id]
        self._changed(id)

    def get(self, id: str) -> Calculator:
        """The calculator of this id.

        Raises
        ------
        UnknownCalculatorError
        """
        self._load_entry_points()
        with self._lock:
            found = self._own.get(id) or self._builtin.get(id)
        if found is None:
            raise self._unknown(id)
        return found

    def list(self) -> list[Calculator]:
        """All calculators: built-ins first, then others in the order of registration."""
        self._load_entry_points()
        with self._lock:
            return list({**self._builtin, **self._own}.values())

    def __iter__(self) -> Iterator[Calculator]:
        return iter(self.list())

    def __contains__(self, wanted: object) -> bool:
        return any(calculator.id == wanted for calculator in self.list())

    def default_for(self, feature: str) -> Calculator:
        """The default calculator of a feature: the one registered last.

        Raises
        ------
        UnknownFeatureError
        """
        self._load_entry_points()
        with self._lock:
            for calculator in [*reversed(self._own.values()), *reversed(self._builtin.values())]:
                if calculator.feature == feature and self._own.get(calculator.id, calculator) is calculator:
                    return calculator
            known = sorted({calculator.feature for calculator in {**self._builtin, **self._own}.values()})
        raise UnknownFeatureError(
            f"No calculator makes {feature!r:.80}.", hint=f"Known features: {', '.join(known)}.", feature=feature
        )

    def resolve(self, wanted: str | Descriptor, profile: AnalysisProfile | None = None) -> Descriptor:
        """The descriptor with feature, calculator and profile filled in.

        Parameters
        ----------
        wanted : str or Descriptor
            A feature's key, a calculator's id, or a descriptor.
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
                        f"{calculator.id!r} makes {calculator.feature!r}, not {wanted.feature!r:.80}."
                    )
            params = calculator.parameters.effective(dict(wanted.params))
            changed = {k: v for k, v in params.items() if v != calculator.parameters[k].default}
            return Descriptor(calculator.feature, calculator.id, wanted.profile, changed)
        if not isinstance(wanted, str):
            raise InvalidTypeError(f"A feature is named by a text or an acn.Descriptor, not {type(wanted).__name__}.")
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
        known = ", ".join(sorted({**self._builtin, **self._own}))
        return UnknownCalculatorError(
            f"There is no calculator {id!r:.80}.", hint=f"Known: {known}.", calculator=str(id)
        )

    def _load_entry_points(self) -> None:
        with self._lock:
            if not self._entry_points_wanted:
                return
            self._entry_points_wanted = False
            by_hand = dict(self._own)
        from importlib.metadata import entry_points

        for point in entry_points(group=ENTRY_POINT_GROUP):
            try:
                found = point.load()
                made = found() if callable(found) and not isinstance(found, Calculator) else found
                for calculator in made if isinstance(made, (list, tuple)) else [made]:
                    self.register(calculator)
            except (Exception, SystemExit) as error:  # one broken plug-in must not take the others along
                warnings.warn(f"The calculator plug-in {point.name!r} could not be loaded: {error}", stacklevel=4)
        with self._lock:  # what the user registered by hand goes before a plug-in
            plugins = {name: made for name, made in self._own.items() if name not in by_hand}
            self._own = {**plugins, **by_hand}


calculators = Registry()


@overload
def calculator(function: Function, /) -> FunctionCalculator: ...
@overload
def calculator(
    *,
    feature: str | None = ...,
    unit: str = ...,
    version: int | None = ...,
    inputs: str = ...,
    id: str | None = ...,
    label: str = ...,
    locality: Locality | None = ...,
    depends_on_tempo: bool = ...,
    fill_value: float | None = ...,
    axes: tuple[str, ...] | None = ...,
) -> Callable[[Callable[..., Any]], FunctionCalculator]: ...


def calculator(function: Any = None, /, *, feature: str | None = None, **options: Any) -> Any:
    """Make a calculator of a function and register it.

    Parameters
    ----------
    feature : str, optional
        Key of the feature; default: the function's name.
    unit, label : str
        For axes and tables.
    version : int or None
        None: the code is the version, an edit makes the results stale.
    inputs : {"frames", "spectrum", "samples", "channels"}
        What the first argument receives: frames [shape=(n, window)], magnitudes [shape=(n, bins)],
        the mono mix [shape=(m,)] or all channels [shape=(m, channels)].
    id : str, optional
        Default: the feature.
    locality : acn.local(halo_frames) or acn.whole, optional
        Default: local for frames and spectrum, whole for samples and channels.
    depends_on_tempo : bool
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

    def make(function: Callable[..., Any]) -> FunctionCalculator:
        made = FunctionCalculator(function, feature=feature or function.__name__, **options)
        calculators.register(made)
        return made

    return make if function is None else make(function)
