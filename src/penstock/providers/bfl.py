"""Black Forest Labs: a job is submitted, its state is polled at the address given, its picture fetched from a third.

`bfl_wire` has the fields each endpoint takes; this file has the addresses, the key and what every answer means. One
job makes one picture, so the pipeline submits several where several are asked for.
"""

import math
from collections.abc import Mapping
from decimal import Decimal
from typing import Any, ClassVar, TypeVar
from urllib.parse import quote, urlsplit

import msgspec

from penstock.core.answer import ImageAnswer, Output, Pending, Submitted
from penstock.core.call import Call, ImageCall
from penstock.core.errors import (
    JOB_FAILED,
    BadCredentials,
    BadRequest,
    Moderated,
    NoCredit,
    PenstockError,
    ProviderError,
    RateLimited,
    Rejected,
    UpstreamFailed,
)
from penstock.core.pieces import split
from penstock.core.target import Account, Offer, Provider
from penstock.providers.base import Reader, Shown, UpstreamReply, UpstreamRequest
from penstock.providers.bfl_wire import WIRES, Accepted, Result, State, fields

POLL_TRANSIENT = "poll_transient"
"""Code of an error that says nothing about the job: poll again until the deadline."""
TASK_NOT_FOUND = "task_not_found"
"""Code for a job its provider does not know. Just after submission that can pass: poll up to three times more."""

_WORKING = {"pending", "reasoning", "generating"}
_REFUSED = {"request moderated": "input", "content moderated": "output"}
_ABOUT_THE_ASKER = {401, 402, 403, 429}
"""HTTP statuses that are never about the job, whatever their body says."""
_FIRST_POLL = 0.5
_SLOWEST_POLL = 3.0
_LONGEST_SENTENCE = 400
_KNOWN_QUIRKS = ("poll_seconds",)

_Struct = TypeVar("_Struct", bound=msgspec.Struct)


class Bfl:
    """The adapter for providers with `adapter = "bfl"`."""

    mask_polarity: ClassVar[str] = "white"
    """White is painted, black is kept: the pipeline hands `call.mask` over converted to an 8-bit PNG of that kind."""
    wires: ClassVar[frozenset[str]] = frozenset(WIRES)
    """What an offer's `wire` may be."""

    @classmethod
    def check_quirks(cls, quirks: Mapping[str, Any]) -> None:
        """Raises ValueError for a quirk this adapter does not have, or a value it cannot use."""
        for name, value in quirks.items():
            if name not in _KNOWN_QUIRKS:
                raise ValueError(f"the bfl adapter has no quirk {name!r}; it knows {', '.join(_KNOWN_QUIRKS)}")
            if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value <= _SLOWEST_POLL:
                raise ValueError(f"{name} must be a number of seconds above 0 and up to {_SLOWEST_POLL:g}")

    def request(self, call: Call, offer: Offer, account: Account) -> UpstreamRequest:
        """The submission of one picture's job. `call.n` is the pipeline's business."""
        if not isinstance(call, ImageCall):
            raise BadRequest(f"{offer.id} makes pictures and nothing else.")
        if offer.wire not in WIRES:
            raise UpstreamFailed(
                f"The catalogue says that {offer.id} speaks {offer.wire!r}, which the bfl adapter does not know. "
                f"Correct its `wire` to one of {', '.join(WIRES)}."
            )
        body = msgspec.json.encode(fields(WIRES[offer.wire], call, offer.parameters))
        pictures = (*call.references, call.mask) if call.mask is not None else call.references
        return UpstreamRequest(
            method="POST",
            url=f"{account.provider.base_url.rstrip('/')}/v1/{offer.upstream}",
            headers={**_headers(account), "content-type": "application/json"},
            body=split(body, {picture.digest: picture for picture in pictures}),
        )

    def read(self, call: Call, offer: Offer, account: Account, reply: UpstreamReply) -> Submitted:
        """The job as accepted, with its price where stated."""
        if not 200 <= reply.status < 300:
            raise _failure(reply, account)
        accepted = _decode(reply, Accepted)
        if accepted is None or not accepted.id:
            raise _unsure(
                f"{account.provider.name} answered a submission with something that names no job. "
                "It may have started one; the account's usage page tells."
            )
        known_form = f"{account.provider.base_url.rstrip('/')}/v1/get_result?id={quote(accepted.id, safe='')}"
        return Submitted(
            upstream_id=accepted.id,
            polling_url=accepted.polling_url or known_form,
            stated_cost=_dollars(accepted.cost, account.provider),
        )

    def reader(self, call: Call, offer: Offer, account: Account) -> Reader:
        """Raises UpstreamFailed: there are no streams here and `request` never asks for one."""
        raise UpstreamFailed(f"{account.provider.name} sends no event streams.")

    def poll(self, submitted: Submitted, account: Account) -> UpstreamRequest:
        """The request for a job's state. Its redirects must not be followed: they would carry the key elsewhere."""
        if not _may_have_key(submitted.polling_url, account.provider):
            raise UpstreamFailed(
                f"{account.provider.name} named a polling address outside the hosts its key may be sent to. "
                "If it is theirs, add its host to `poll_hosts` of the provider."
            )
        return UpstreamRequest(method="GET", url=submitted.polling_url, headers=_headers(account))

    def interval(self, polls: int, account: Account) -> float:
        """Half a second, then half as long again each time, up to three; `poll_seconds` sets the first."""
        first = float(account.provider.quirks.get("poll_seconds", _FIRST_POLL))
        return min(_SLOWEST_POLL, first * 1.5 ** min(polls, 32))

    def read_poll(
        self, call: Call, offer: Offer, account: Account, submitted: Submitted, reply: UpstreamReply
    ) -> ImageAnswer | Pending:
        """A job's state, whatever HTTP status it came with. Codes of errors: `POLL_TRANSIENT`, `TASK_NOT_FOUND`."""
        state = None if reply.status in _ABOUT_THE_ASKER else _decode(reply, State)
        status = (state.status or state.state) if state else None
        if state is None or status is None:
            raise _silent_poll(reply, account)
        word = status.strip().lower()
        if word in _WORKING:
            return Pending(progress=_share(state.progress))
        if word == "ready":
            return _ready(call, account, submitted, state)
        raise _ended(word, status, state.details, account)

    def probe(self, account: Account) -> UpstreamRequest:
        """The question how much credit there is."""
        url = f"{account.provider.base_url.rstrip('/')}/v1/credits"
        return UpstreamRequest(method="GET", url=url, headers=_headers(account))

    def read_probe(self, account: Account, reply: UpstreamReply) -> Shown:
        """Raises NoCredit where none is left. Whether what is left suffices for a picture nobody can tell."""
        balance = _decode(reply, _Balance) if 200 <= reply.status < 300 else None
        if balance is None:
            raise _failure(reply, account)
        if not balance.credits > 0:
            raise NoCredit(f"The gateway's account at {account.provider.name} has no credit left.")
        return Shown.CREDIT


class _Balance(msgspec.Struct):
    """The answer of /v1/credits."""

    credits: float


def _headers(account: Account) -> dict[str, str]:
    headers = {"accept": "application/json"}
    return headers | {"x-key": str(account.key)} if account.key else headers


def _decode(reply: UpstreamReply, shape: type[_Struct]) -> _Struct | None:
    try:
        return msgspec.json.decode(reply.body, type=shape)
    except ValueError:  # malformed JSON, wrong types and bytes that are no UTF-8 alike
        return None


def _dollars(cost: Decimal | None, provider: Provider) -> Decimal | None:
    if cost is None or provider.cost_unit_usd is None or not cost.is_finite() or cost < 0:
        return None
    return cost * provider.cost_unit_usd


def _share(progress: float | None) -> float | None:
    return progress if progress is not None and 0 <= progress <= 1 else None


def _may_have_key(url: str, provider: Provider) -> bool:
    """Whether the key may travel there: https to a host on the list, or the very origin jobs are submitted to."""
    # Clients disagree on what these characters mean in an address, and a signed polling address has none of them.
    if any(character in url for character in "\\@") or not url.isascii() or not url.isprintable():
        return False
    try:
        there, home = urlsplit(url), urlsplit(provider.base_url)
        there_port, home_port = there.port, home.port
    except ValueError:
        return False
    if not there.hostname or there.scheme not in ("https", "http"):
        return False
    default = {"https": 443, "http": 80}
    if (there.scheme, there.hostname, there_port or default[there.scheme]) == (
        home.scheme,
        home.hostname,
        home_port or default.get(home.scheme),
    ):
        return True
    return (
        there.scheme == "https"
        and there_port in (None, 443)
        and any(_matches(there.hostname, allowed.lower()) for allowed in provider.poll_hosts)
    )


def _matches(host: str, allowed: str) -> bool:
    return host.endswith(allowed) if allowed.startswith(".") else host == allowed


def _ready(call: Call, account: Account, submitted: Submitted, state: State) -> ImageAnswer:
    try:
        result = msgspec.json.decode(state.result, type=Result)
    except ValueError as error:
        raise UpstreamFailed(
            f"{account.provider.name} finished the job without saying where its picture is."
        ) from error
    if not result.sample.startswith(("https://", "http://")):
        raise UpstreamFailed(f"{account.provider.name} finished the job with an address that is none.")
    asked = call.prompt if isinstance(call, ImageCall) else None
    settled = _dollars(state.cost, account.provider)
    output = Output(
        url=result.sample,
        seed=result.seed if isinstance(result.seed, int) else None,
        revised_prompt=result.prompt if result.prompt and result.prompt != asked else None,
    )
    return ImageAnswer(outputs=(output,), stated_cost=submitted.stated_cost if settled is None else settled)


def _ended(word: str, status: str, details: Any, account: Account) -> PenstockError:
    """What a job that made nothing ended in. A status nobody has seen before is an end too."""
    name = account.provider.name
    if word in _REFUSED:
        return _moderated(_REFUSED[word], details, account)
    if word == "task not found":
        return _unsure(f"{name} does not know the job.", code=TASK_NOT_FOUND)
    said = details if isinstance(details, str) else _detail(details)
    return UpstreamFailed(
        f"{name} ended the job as {_plain(status, account)!r}{_because(said, account)}", code=JOB_FAILED
    )


def _moderated(stage: str, details: Any, account: Account) -> Moderated:
    listed = details.get("Moderation Reasons") if isinstance(details, dict) else None
    reasons = tuple(_plain(str(reason), account) for reason in listed) if isinstance(listed, list) else ()
    what = "the prompt or a reference picture" if stage == "input" else "the picture it had made"
    because = _because(", ".join(reasons), account)
    return Moderated(f"{account.provider.name} refused {what}{because}", stage=stage, reasons=reasons)


def _silent_poll(reply: UpstreamReply, account: Account) -> ProviderError:
    """What a reply without a state means. Polling again is free and the job is paid for, so most of them may pass."""
    error = _failure(reply, account)
    if reply.status == 404:
        return _unsure(error.message, code=TASK_NOT_FOUND)
    if reply.status in (408, 429) or not 400 <= reply.status < 500:
        error.code = POLL_TRANSIENT
    return error


def _failure(reply: UpstreamReply, account: Account) -> ProviderError:
    """The error that an HTTP status stands for, with the provider's own sentence where it sent one."""
    name = account.provider.name
    body = _body(reply)
    because = _because(_detail(body), account)
    match reply.status:
        case 401 | 403:
            variable = account.provider.key_variable
            check = f" Check {variable}." if variable else ""
            return BadCredentials(f"{name} refused the gateway's key ({reply.status}){because}{check}")
        case 402:
            return NoCredit(f"The gateway's account at {name} has too little credit{because}")
        case 404:
            gone = UpstreamFailed(f"{name} has nothing at that address (404){because}", code="provider_not_found")
            gone.upstream_status = 404
            return gone
        case 429:
            return RateLimited(f"{name} accepts no further work for now{because}", retry_after=_wait(reply, body))
        case 408 | 504:
            return _unsure(f"{name} did not answer in time ({reply.status}){because}")
        case status if 400 <= status < 500 and status != 409:
            return Rejected(f"{name} refused the request{because}")
        case status if 200 <= status < 300:
            return UpstreamFailed(f"{name} answered with something that says nothing about the job{because}")
    return UpstreamFailed(f"{name} answered {reply.status}{because}")


def _unsure(message: str, code: str | None = None) -> UpstreamFailed:
    """A failure after which the picture may be made, and charged for, all the same."""
    error = UpstreamFailed(message, code=code)
    error.ambiguous = True
    return error


def _because(said: str | None, account: Account) -> str:
    """The end of a sentence: a full stop, with the provider's reason before it where there is one."""
    reason = _plain(said or "", account).rstrip(".")
    return f": {reason}." if reason else "."


def _body(reply: UpstreamReply) -> Any:
    try:
        return msgspec.json.decode(reply.body)
    except ValueError:
        return None


def _detail(body: Any) -> str | None:
    """The sentence in an error's body: `detail` as text or as a list of `{loc, msg}`, else `message` or `error`."""
    if not isinstance(body, dict):
        return None
    detail = body.get("detail")
    if isinstance(detail, list):
        return "; ".join(_complaint(item) for item in detail if isinstance(item, dict))
    for said in (detail, body.get("message"), body.get("error")):
        if isinstance(said, str) and said:
            return said
    return None


def _complaint(item: Mapping[str, Any]) -> str:
    place = item.get("loc")
    where = ".".join(str(part) for part in place if part != "body") if isinstance(place, list) else ""
    return f"{where}: {item.get('msg', 'not valid')}" if where else str(item.get("msg", "not valid"))


def _plain(text: str, account: Account) -> str:
    """A provider's words on one line, of bounded length, without the key should it have been echoed."""
    if account.key:
        text = text.replace(str(account.key), "***")
    text = " ".join(text.split())
    return text if len(text) <= _LONGEST_SENTENCE else text[: _LONGEST_SENTENCE - 1] + "…"


def _wait(reply: UpstreamReply, body: Any) -> float | None:
    """Seconds to wait, from the header or the body. A date in the header is not read: there is no clock here."""
    for said in (reply.headers.get("retry-after"), body.get("retry_after") if isinstance(body, dict) else None):
        try:
            seconds = float(str(said))
        except ValueError:
            continue
        if math.isfinite(seconds) and seconds >= 0:
            return seconds
    return None
