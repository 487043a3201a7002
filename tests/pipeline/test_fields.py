"""The fields of a request for pictures: what each value means, and how the wrong ones are refused."""

from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from penstock.core.call import ImageCall, Operation, Size
from penstock.core.errors import BadRequest
from penstock.core.picture import Picture
from penstock.pipeline.fields import ImageFields, image_call, value_of

PICTURE = Picture("a" * 64, "image/png", 64, 64, 100)


def call(**fields: Any) -> ImageCall:
    return image_call({"model": "m", "prompt": "p", **fields}, (), None)


MEANINGS: list[tuple[dict[str, Any], dict[str, Any]]] = [
    ({}, {"n": 1, "size": None, "resolution": None, "stream": False, "partial_images": 0, "seed": None}),
    ({"n": None, "size": None, "stream": None}, {"n": 1, "size": None, "stream": False}),
    ({"n": 10}, {"n": 10}),
    ({"size": "auto"}, {"size": None, "resolution": None}),
    ({"size": "AUTO"}, {"size": None}),
    ({"size": "1024x768"}, {"size": Size(1024, 768)}),
    ({"size": " 1024 X 768 "}, {"size": Size(1024, 768)}),
    ({"size": "1024×768"}, {"size": Size(1024, 768)}),
    ({"size": "2k"}, {"size": None, "resolution": "2K"}),
    ({"size": "1.5K"}, {"size": None, "resolution": "1.5K"}),
    ({"size": "512"}, {"size": None, "resolution": "512"}),
    ({"resolution": "4k"}, {"resolution": "4K"}),
    ({"size": "2K", "resolution": "2k"}, {"resolution": "2K"}),
    ({"size": "1024x1024", "resolution": "1K"}, {"size": Size(1024, 1024), "resolution": "1K"}),
    ({"aspect_ratio": "16:9"}, {"aspect_ratio": "16:9"}),
    ({"aspect_ratio": "19.5:9"}, {"aspect_ratio": "19.5:9"}),
    ({"aspect_ratio": "auto"}, {"aspect_ratio": None}),
    ({"quality": "auto", "background": "auto"}, {"quality": None, "background": None}),
    ({"quality": "high"}, {"quality": "high"}),
    ({"output_format": "JPG"}, {"output_format": "jpeg"}),
    ({"output_format": "WebP"}, {"output_format": "webp"}),
    ({"output_compression": 0}, {"output_compression": 0}),
    ({"seed": 0}, {"seed": 0}),
    ({"seed": -(2**63)}, {"seed": -(2**63)}),
    ({"stream": True, "partial_images": 3}, {"stream": True, "partial_images": 3}),
    ({"steps": 5, "sandbox": "500", "guidance": None}, {"options": {"steps": 5, "sandbox": "500"}}),
    ({"user": "u"}, {"user": "u", "options": {}}),
]


@pytest.mark.parametrize(("fields", "meant"), MEANINGS, ids=str)
def test_these_fields_mean_this(fields: dict[str, Any], meant: dict[str, Any]) -> None:
    made = call(**fields)
    assert {name: getattr(made, name) for name in meant} == meant


WRONG: list[tuple[dict[str, Any], str, str]] = [
    ({"model": None}, "model", "`model` is missing"),
    ({"prompt": None}, "prompt", "`prompt` is missing"),
    ({"prompt": "\t "}, "prompt", "is empty"),
    ({"prompt": 5}, "prompt", "expected `str`, got `int`"),
    ({"n": 0}, "n", "from 1 to 10, not 0"),
    ({"n": 11}, "n", "from 1 to 10, not 11"),
    ({"n": "3"}, "n", "got `str`"),
    ({"n": 1.5}, "n", "got `float`"),
    ({"n": True}, "n", "got `bool`"),
    ({"n": [1]}, "n", "got `array`"),
    ({"size": "x"}, "size", "must be like 1024x1024"),
    ({"size": "0x1"}, "size", "must be like 1024x1024"),
    ({"size": "100000x1"}, "size", "must be like 1024x1024"),
    ({"size": "1K", "resolution": "2K"}, "size", "contradict"),
    ({"aspect_ratio": "1:0"}, "aspect_ratio", "must be like 16:9"),
    ({"aspect_ratio": "-1:1"}, "aspect_ratio", "must be like 16:9"),
    ({"aspect_ratio": "1/1"}, "aspect_ratio", "must be like 16:9"),
    ({"seed": 2**63}, "seed", "from -9223372036854775808"),
    ({"partial_images": -1}, "partial_images", "from 0 to 3"),
    ({"output_compression": 101}, "output_compression", "from 0 to 100"),
    ({"background": "b" * 65}, "background", "longer than 64 characters"),
]


@pytest.mark.parametrize(("fields", "param", "says"), WRONG, ids=str)
def test_these_fields_are_refused_by_name(fields: dict[str, Any], param: str, says: str) -> None:
    with pytest.raises(BadRequest) as refused:
        call(**fields)
    assert refused.value.param == param
    assert says in refused.value.message


def test_a_call_with_a_picture_or_a_mask_is_an_edit() -> None:
    fields = {"model": "m", "prompt": "p"}
    assert image_call(fields, (), None).operation is Operation.IMAGE_GENERATION
    assert image_call(fields, (PICTURE,), None).operation is Operation.IMAGE_EDIT
    assert image_call(fields, (), PICTURE).operation is Operation.IMAGE_EDIT


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=80),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)


@settings(deadline=None)
@given(st.dictionaries(st.sampled_from([*ImageFields.__struct_fields__, "other"]), JSON))
def test_whatever_the_fields_hold_a_call_is_made_or_a_field_is_named(fields: dict[str, Any]) -> None:
    try:
        made = image_call(fields, (), None)
    except BadRequest as refused:
        assert refused.param in fields.keys() | {"model", "prompt"}
        assert len(refused.message) < 300
    else:
        assert 1 <= made.n <= 10


@pytest.mark.parametrize(
    ("raw", "value"), [(b"5", 5), (b"null", None), (b'"a"', "a"), (b'{"a": [1, 2]}', {"a": [1, 2]}), (b"1e300", 1e300)]
)
def test_a_value_is_decoded(raw: bytes, value: object) -> None:
    assert value_of(msgspec.Raw(raw), "x") == value


@pytest.mark.parametrize(
    "raw", [b"1e999", b"9" * 5000, b'"\xff"', b'"\\ud800"', b"[" * 5000 + b"]" * 5000, b"", b"nope", b"{}{}"]
)
def test_a_value_that_cannot_be_decoded_is_refused_by_name(raw: bytes) -> None:
    with pytest.raises(BadRequest, match="`seed` cannot be read") as refused:
        value_of(msgspec.Raw(raw), "seed")
    assert refused.value.param == "seed"
