"""The bytes that are sent and answered, and the check that comes before the measuring."""

import base64
import io
import json
from collections.abc import Callable

import pytest
from PIL import Image

from benchmarks import payloads
from benchmarks.cases import Case, cases
from benchmarks.check import CheckFailed, Reply, check

_CASES = {case.name: case for case in cases()}
_PRICED = {"x-penstock-cost": "0.01"}


def test_a_chat_answer_is_one_kilobyte() -> None:
    assert len(_CASES["chat"].reply) == 1024


def test_every_event_of_the_stream_has_the_length_of_one_write() -> None:
    events = _CASES["stream"].reply.split(b"\n\n")[: payloads.EVENTS]
    assert {len(event) + 2 for event in events} == {payloads.EVENT_BYTES}


@pytest.mark.parametrize(("name", "megabytes"), [("image-2mb", 2), ("image-6mb", 6)])
def test_an_image_answer_has_the_size_it_is_named_after(name: str, megabytes: int) -> None:
    assert len(_CASES[name].reply) == pytest.approx(megabytes * payloads.MEGABYTE, rel=0.01)


def test_pictures_are_real_and_do_not_compress() -> None:
    data = payloads.noise_png(64, 32, seed=1)
    with Image.open(io.BytesIO(data)) as picture:
        picture.load()
        assert picture.size == (64, 32)
    assert len(data) >= 64 * 32 * 3


def test_an_edit_carries_four_references() -> None:
    assert _CASES["edit-form"].body.count(b'name="image[]"') == 4
    assert len(json.loads(_CASES["edit-json"].body)["images"]) == 4


@pytest.mark.parametrize("name", _CASES)
def test_the_mocks_own_answer_passes_the_check(name: str) -> None:
    check(_CASES[name], Reply(200, _PRICED, _CASES[name].reply), "Penstock", priced=True)


def test_an_error_status_fails_the_check_with_what_was_said() -> None:
    with pytest.raises(CheckFailed, match="answered 401 to the case `chat`: no key"):
        check(_CASES["chat"], Reply(401, _PRICED, b"no key"), "Penstock", priced=True)


def test_an_answer_without_a_cost_fails_the_check_of_the_gateway_only() -> None:
    reply = Reply(200, {}, _CASES["chat"].reply)
    check(_CASES["chat"], reply, "nginx", priced=False)
    with pytest.raises(CheckFailed, match="without a cost"):
        check(_CASES["chat"], reply, "Penstock", priced=True)


def _other_picture(case: Case) -> bytes:
    return json.dumps({"data": [{"b64_json": base64.b64encode(b"another").decode()}]}).encode()


def _cut(case: Case) -> bytes:
    return case.reply.replace(b"data: [DONE]\n\n", b"")


@pytest.mark.parametrize(("name", "spoil"), [("image-2mb", _other_picture), ("stream", _cut)])
def test_an_answer_with_other_content_fails_the_check(name: str, spoil: Callable[[Case], bytes]) -> None:
    case = _CASES[name]
    with pytest.raises(CheckFailed, match="something else"):
        check(case, Reply(200, _PRICED, spoil(case)), "Penstock", priced=True)


def test_an_answer_may_hold_more_than_the_mocks_did() -> None:
    case = _CASES["chat"]
    more = json.dumps(json.loads(case.reply) | {"provider": "bench-chat"}).encode()
    check(case, Reply(200, _PRICED, more), "Penstock", priced=True)
