"""Strict bodies and queries: what is wrong is said with its place, and what is unknown with the nearest name."""

from collections.abc import Mapping
from decimal import Decimal
from enum import StrEnum
from types import SimpleNamespace
from typing import Annotated, Any, Literal

import msgspec
import pytest

from penstock.api.bodies import MOST_BYTES, read_body, read_query
from penstock.core.errors import BadRequest, TooLarge


class Shape(StrEnum):
    ROUND = "round"
    SQUARE = "square"


class Part(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    amount: Decimal
    shape: Shape = Shape.ROUND


class Whole(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    name: str
    count: Annotated[int, msgspec.Meta(ge=1)] = 1
    part: Part | None = None
    parts: list[Part] = []
    kind: Literal["big", "small"] | None = None


class Narrowed(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    count: int = 0
    ended: bool = False
    kind: Literal["big", "small"] | None = None
    name: str | None = None


def sent(*chunks: bytes, query: str = "", breaks_off: bool = False) -> Any:
    messages: list[Mapping[str, Any]] = [{"type": "http.request", "body": chunk, "more_body": True} for chunk in chunks]
    messages.append({"type": "http.disconnect"} if breaks_off else {"type": "http.request", "more_body": False})

    async def receive() -> Mapping[str, Any]:
        return messages.pop(0)

    return SimpleNamespace(headers={}, query=query, receive=receive)


async def test_a_body_is_read_with_its_decimals_exact() -> None:
    body = b'{"name": "x", "part": {"amount": 0.1000000000000000000000000001, "shape": "square"}}'
    read = await read_body(sent(body[:10], body[10:]), Whole)
    assert read == Whole(name="x", part=Part(amount=Decimal("0.1000000000000000000000000001"), shape=Shape.SQUARE))


@pytest.mark.parametrize(
    ("body", "says", "param", "code"),
    [
        (b"", "`name` is missing.", "name", "missing_required_parameter"),
        (b" \n", "`name` is missing.", "name", "missing_required_parameter"),
        (b'{"name": "x", "part": {}}', "`part.amount` is missing.", "part.amount", "missing_required_parameter"),
        (b'{"nam": "x"}', "There is no field `nam`; did you mean `name`?", "nam", "invalid_request"),
        (b'{"zzz": "x"}', "There is no field `zzz`; known here: name, count, part, parts, kind.", "zzz", ""),
        (b'{"name": "x", "part": {"amuont": 1}}', "`part.amuont`; did you mean `amount`?", "part.amuont", ""),
        (b'{"name": "x", "parts": [{"shap": 1}]}', "`parts[0].shap`; did you mean `shape`?", "parts[0].shap", ""),
        (b'{"' + b"y" * 500 + b'": 1}', "There is no field `" + "y" * 60 + "`;", "y" * 60, ""),
        (b'{"name": 7}', "`name` is wrong: expected `str`, got `int`.", "name", ""),
        (b'{"name": null}', "`name` is wrong: expected `str`, got `null`.", "name", ""),
        (b'{"name": "x", "count": 0}', "`count` is wrong: expected `int` >= 1.", "count", ""),
        (b'{"name": "x", "kind": "bigger"}', "`kind` must be one of big, small.", "kind", ""),
        (
            b'{"name": "x", "part": {"amount": 1, "shape": "flat"}}',
            "`part.shape` must be one of round, square.",
            "part.shape",
            "",
        ),
        (
            b'{"name": "x", "parts": [{"amount": "1,5"}]}',
            "`parts[0].amount` is wrong: invalid decimal string.",
            "parts[0].amount",
            "",
        ),
        (b"[1]", "The body must be a JSON object.", None, ""),
        (b"null", "The body must be a JSON object.", None, ""),
        (b"name=x", "The body is not JSON: ", None, "invalid_json"),
        (b'{"name": "x"', "The body is not JSON: ", None, "invalid_json"),
        (b'{"name": "\xff"}', "The body is not JSON: ", None, "invalid_json"),
        (b'{"parts":' + b"[" * 5000, "`parts[0]` is wrong: expected `object`, got `array`.", "parts[0]", ""),
    ],
)
async def test_a_wrong_body_is_refused_in_a_sentence(body: bytes, says: str, param: str | None, code: str) -> None:
    with pytest.raises(BadRequest) as refused:
        await read_body(sent(body), Whole)
    assert says in refused.value.message
    assert refused.value.param == param
    assert refused.value.code == (code or "invalid_request")


async def test_a_body_that_breaks_off_or_is_too_large_is_refused() -> None:
    with pytest.raises(BadRequest, match="broke off"):
        await read_body(sent(b'{"name":', breaks_off=True), Whole)
    body = b'{"name": "%s"}' % (b"x" * MOST_BYTES)
    with pytest.raises(TooLarge, match="larger than the 1 MB"):
        await read_body(sent(body), Whole)


def test_a_query_is_read_into_its_types() -> None:
    read = read_query(sent(query="count=3&ended=true&kind=big&name=a%20b+c"), Narrowed)
    assert read == Narrowed(count=3, ended=True, kind="big", name="a b c")
    assert read_query(sent(), Narrowed) == Narrowed()


@pytest.mark.parametrize(
    ("query", "says", "param"),
    [
        ("endet=true", "There is no parameter `endet`; did you mean `ended`?", "endet"),
        ("ended=perhaps", "`ended` is wrong: expected `bool`, got `str`.", "ended"),
        ("kind=", "`kind` must be one of big, small.", "kind"),
        ("count=a", "`count` is wrong: expected `int`, got `str`.", "count"),
        ("name=a&name=b", "`name` is given twice.", "name"),
    ],
)
def test_a_wrong_query_is_refused_in_a_sentence(query: str, says: str, param: str) -> None:
    with pytest.raises(BadRequest) as refused:
        read_query(sent(query=query), Narrowed)
    assert (refused.value.message, refused.value.param) == (says, param)


def test_an_empty_filter_is_a_filter() -> None:
    """A script whose variable is empty must not get everybody's."""
    assert read_query(sent(query="name="), Narrowed).name == ""
