"""Which of thousands of names look most like one that is not among them, in a millisecond or two.

`difflib` compares well and slowly, so it is shown only the names that share the most runs of three letters.
"""

from collections import Counter
from collections.abc import Iterable
from difflib import get_close_matches

_COMPARED = 24
"""Names that are compared letter by letter."""
_LONGEST = 100
"""Letters of a name that are looked at."""
_LIKENESS = 0.5


class Names:
    """An index of names by their runs of three letters; making it takes some milliseconds."""

    def __init__(self, names: Iterable[str]) -> None:
        self._names = list(names)
        self._with: dict[str, list[int]] = {}
        for number, name in enumerate(self._names):
            for run in _runs(name):
                self._with.setdefault(run, []).append(number)

    def nearest(self, name: str, count: int) -> list[str]:
        """At most `count` names that look like this one, best first."""
        wanted = name[:_LONGEST]
        shared: Counter[int] = Counter()
        for run in _runs(wanted):
            shared.update(self._with.get(run, ()))
        # Of names that share as much the shorter is nearer: it has less that is not shared.
        best = sorted(shared, key=lambda number: (-shared[number], len(self._names[number]), number))[:_COMPARED]
        return get_close_matches(wanted, [self._names[number] for number in best], n=count, cutoff=_LIKENESS)


def _runs(name: str) -> set[str]:
    padded = f" {name[:_LONGEST]} "
    return {padded[start : start + 3] for start in range(len(padded) - 2)}
