"""Programs: the row steps of a group of calculators, found once for all runs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from audiocache_nb.features.scratch import Scratch
from audiocache_nb.features.steps import RowStep, Step

if TYPE_CHECKING:
    from audiocache_nb.analysis.plan import LocalTask


class Node:
    """A row step; equal steps are one node, which is looked up by its number instead of its value.

    Attributes
    ----------
    inputs : tuple of Node or Step
        Its inputs, nodes where they are row steps.
    kept : int
        How many rows some calculator still needs from batches before.
    passing : bool
        Whether its rows are bulky and one other step alone takes them, so that a few at a time are enough.
    over : Node or None
        The input in whose place its rows are written, since nobody reads that one afterwards.
    """

    __slots__ = ("inputs", "kept", "number", "over", "passing", "step")

    def __init__(self, number: int, step: RowStep, inputs: tuple[Node | Step, ...]) -> None:
        self.number = number
        self.step = step
        self.inputs = inputs
        self.kept = 0
        self.passing = False
        self.over: Node | None = None

    @property
    def in_pieces(self) -> bool:
        """Whether some of its inputs are made a few rows at a time."""
        return any(isinstance(of, Node) and of.passing for of in self.inputs)


class Program:
    """The nodes of a group, and for each task what it receives.

    Attributes
    ----------
    nodes : list of Node
    tasks : list of LocalTask
        In the order in which they are worked on: who reads what is later written over comes first.
    bulky : int
        How many arrays of bulky rows there are at a time.
    """

    def __init__(self, tasks: Iterable[LocalTask]) -> None:
        tasks = list(tasks)
        self.nodes: list[Node] = []
        self._known: dict[Step, Node] = {}
        self._inputs: dict[int, tuple[Node | Step, ...]] = {}
        for task in tasks:
            inputs = tuple(map(self._node, task.steps))
            for node in inputs:
                if isinstance(node, Node):
                    node.kept = max(node.kept, task.before + task.after)
            self._inputs[id(task)] = inputs
        wanted = {id(node) for inputs in self._inputs.values() for node in inputs}
        uses = Counter(id(of) for node in self.nodes for of in node.inputs)
        for node in self.nodes:
            node.passing = node.step.passes and id(node) not in wanted and uses[id(node)] == 1
        self.tasks = sorted(tasks, key=self._order)
        self._write_over()
        self.bulky = sum(node.step.bulky and not node.passing and node.over is None for node in self.nodes)

    def _order(self, task: LocalTask) -> tuple[int, int]:
        """By the stage of what it reads, and of those of one stage first who reads more of the stage before."""
        stages = sorted(map(_stage, self._inputs[id(task)]), reverse=True)
        last = stages[0] if stages else 0
        return last, -max((stage for stage in stages if stage < last), default=-1)

    def _write_over(self) -> None:
        """Find the steps that are made after everybody else has read their input."""
        reads: list[tuple[Node | None, Node]] = []  # who reads what, in the order of work; None: a calculator
        made: set[Node] = set()

        def make(node: Node) -> None:
            if node not in made:
                made.add(node)
                inputs = [of for of in node.inputs if isinstance(of, Node)]
                for of in inputs:
                    make(of)
                reads.extend((node, of) for of in inputs)

        for task in self.tasks:
            taken = [of for of in self._inputs[id(task)] if isinstance(of, Node)]
            for of in taken:
                make(of)
            reads.extend((None, of) for of in taken)
        last = {read: reader for reader, read in reads}
        for node in self.nodes:
            if node.step.in_place and not (node.kept or node.passing):
                first = node.inputs[0]
                if isinstance(first, Node) and not first.passing and last[first] is node:
                    node.over = first

    def inputs_of(self, task: LocalTask) -> tuple[Node | Step, ...]:
        """The task's steps, nodes where they are row steps."""
        return self._inputs[id(task)]

    def _node(self, step: Step) -> Node | Step:
        if not isinstance(step, RowStep):
            return step
        node = self._known.get(step)
        if node is None:
            inputs = tuple(map(self._node, step.inputs))
            node = self._known[step] = Node(len(self.nodes), step, inputs)
            self.nodes.append(node)
        return node


def _stage(of: Node | Step) -> int:
    """How many times something may have been written over before this is made."""
    if not isinstance(of, Node):
        return 0
    return max(map(_stage, of.inputs), default=0) + of.step.in_place


class NodeScratch(Scratch):
    """The memory of one node and one thread; rows kept from the batch before fit in front of its result."""

    def __init__(self, node: Node) -> None:
        super().__init__()
        self._node = node
        self._rows = np.zeros(0, np.float32)
        self._result: NDArray[Any] | None = None
        self._first, self._total = 0, 0
        self._lent: NDArray[Any] | None = None

    def written_over(self, rows: NDArray[Any], inputs: tuple[NDArray[Any], ...]) -> NDArray[Any]:
        """The node's result, in `rows`, which its input lies in."""
        self._lent = rows
        try:
            return self._node.step.compute(inputs, self)
        finally:
            self._lent = None

    def array(self, name: Any, shape: tuple[int, ...], dtype: DTypeLike = np.float32) -> NDArray[Any]:
        """As of any scratch, but a step's own result has room in front of it."""
        if name is not self._node.step or dtype is not np.float32:
            return super().array(name, shape, dtype)
        if self._lent is not None and self._lent.shape == shape and self._lent.dtype == np.float32:
            return self._lent
        width = 1
        for length in shape[1:]:
            width *= length
        front = (self._node.kept + self._first) * width
        size = (self._node.kept + max(self._total, shape[0])) * width
        if self._rows.size < size:
            self._rows = np.zeros(size, np.float32)
        self._result = self._rows[front : front + shape[0] * width].reshape(shape)
        return self._result

    def gathered(self, pieces: Iterable[tuple[NDArray[Any], ...]], total: int) -> NDArray[Any]:
        """The node's result of `total` rows from its inputs, piece after piece."""
        step, done, in_place = self._node.step, 0, False
        whole: NDArray[Any] | None = None
        self._total = total
        for inputs in pieces:
            self._first = done
            made = step.compute(inputs, self)
            if whole is None:  # the first piece tells how wide rows are
                shape, in_place = (total, *made.shape[1:]), made is self._result
                whole = self.array(step, shape) if in_place else np.empty(shape, made.dtype)
            if not (in_place and made is self._result):
                whole[done : done + len(made)] = made
            done += len(made)
        self._first = self._total = 0
        assert whole is not None
        self._result = whole if in_place else None
        return whole

    def joined(self, tail: NDArray[Any], rows: NDArray[Any]) -> NDArray[Any]:
        """The rows `tail`, then `rows`; where the latter lie in this memory they stay where they are."""
        if rows is not self._result:
            return np.concatenate([tail, rows])
        width = rows.size // max(1, len(rows))
        front = self._node.kept * width
        both = self._rows[front - tail.size : front + rows.size].reshape(-1, *rows.shape[1:])
        both[: len(tail)] = tail
        return both


class Memory:
    """All memory of one thread: that of the nodes, and one for whatever else."""

    def __init__(self) -> None:
        self.common = Scratch()
        self._nodes: dict[int, NodeScratch] = {}

    def of(self, node: Node) -> NodeScratch:
        """The memory of a node."""
        found = self._nodes.get(id(node))
        if found is None:
            found = self._nodes[id(node)] = NodeScratch(node)
        return found
