"""Finding a model by what somebody types, where a page could never list them all."""

from dataclasses import dataclass

from penstock.catalogue.search import Catalogue
from penstock.web.models.index import Entry, Index
from penstock.web.models.search import Measured, ModelSearch, found

MOST = 8
"""Models shown at once."""
LONGEST = 100
"""Letters of what is typed that are looked at."""

_NOT_ASKED = Measured(lambda entry: None, lambda entry: None)


@dataclass(frozen=True, slots=True)
class Choices:
    """The first models that fit what was typed."""

    text: str
    found: tuple[Entry, ...] = ()
    more: int = 0
    """How many fit beside these."""


def choices(text: str, index: Index, catalogue: Catalogue) -> Choices:
    """Models with these words in slug, name, maker or an alias, as the list of models finds them.

    Where none has them, the names that look most like the text.
    """
    text = " ".join(text[:LONGEST].split())
    if not text:
        return Choices("")
    fitting = found(index, ModelSearch(q=text), _NOT_ASKED)
    fitting = fitting or [index.entries[slug] for slug in catalogue.nearest(text, MOST)]
    return Choices(text, tuple(fitting[:MOST]), max(len(fitting) - MOST, 0))
