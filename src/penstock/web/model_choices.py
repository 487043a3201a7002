"""Finding a model by what somebody types, among more than a page could list: every word must be in its names."""

from collections.abc import Collection
from dataclasses import dataclass

from penstock.catalogue.search import Catalogue
from penstock.core.target import Model

MOST = 8
"""Models shown at once."""
LONGEST = 100
"""Letters of what is typed that are looked at."""


@dataclass(frozen=True, slots=True)
class Choice:
    """A model that fits."""

    model: Model
    on: bool
    """Whether it can be called here."""


@dataclass(frozen=True, slots=True)
class Choices:
    """The first models that fit what was typed."""

    text: str
    found: tuple[Choice, ...]
    more: int
    """How many fit beside these."""


def choices(text: str, catalogue: Catalogue, on: Collection[str]) -> Choices:
    """Models with these words in slug, name, maker or an alias; those that can be called (`on`) first.

    Where none has them, the names that look most like the text.
    """
    text = " ".join(text[:LONGEST].split())
    words = text.lower().split()
    if not words:
        return Choices(text, (), 0)
    fitting = [model for model in catalogue.models.values() if _fits(model, words)]
    fitting.sort(key=lambda model: (model.slug not in on, not _begins(model, words[0]), len(model.slug), model.slug))
    fitting = fitting or [catalogue.models[slug] for slug in catalogue.nearest(text, MOST)]
    found = tuple(Choice(model, model.slug in on) for model in fitting[:MOST])
    return Choices(text, found, len(fitting) - len(found))


def _fits(model: Model, words: list[str]) -> bool:
    names = f"{model.slug} {model.name} {model.maker} {' '.join(model.aliases)}".lower()
    return all(word in names for word in words)


def _begins(model: Model, word: str) -> bool:
    """Whether the model's own name begins with the word, rather than having it somewhere."""
    return model.slug.partition("/")[2].lower().startswith(word) or model.name.lower().startswith(word)
