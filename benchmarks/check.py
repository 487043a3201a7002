"""One request of each kind, looked at closely, before any is counted: a fast error is not a figure."""

import base64
import json
import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass
from email.message import Message

from benchmarks.cases import Case


class CheckFailed(RuntimeError):
    """A subject does not answer a case as it should; the message says how."""


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer, read to its end."""

    status: int
    headers: Mapping[str, str]
    """Lower-case names."""
    body: bytes


def ask(case: Case, url: str, key: str) -> Reply:
    """Send the case's request once, over the network."""
    headers = {"content-type": case.content_type, "authorization": f"Bearer {key}"}
    request = urllib.request.Request(url, data=case.body, headers=headers)
    try:
        with urllib.request.urlopen(request, timeout=60) as response:
            return Reply(response.status, _lower(response.headers), response.read())
    except urllib.error.HTTPError as error:
        return Reply(error.code, _lower(error.headers), error.read())


def check(case: Case, reply: Reply, subject: str, *, priced: bool) -> None:
    """Raises CheckFailed where the reply is not the mock's answer, or, if `priced`, has no cost."""
    if reply.status != 200:
        said = reply.body[:500].decode(errors="replace")
        raise CheckFailed(f"{subject} answered {reply.status} to the case `{case.name}`: {said}")
    # A stream's cost is not known before its end, so it is in no header.
    if priced and not case.streams and not reply.headers.get("x-penstock-cost"):
        raise CheckFailed(f"{subject} answered the case `{case.name}` without a cost; is its offer priced?")
    if _content(case, reply.body) != _content(case, case.reply):
        raise CheckFailed(f"{subject} answered the case `{case.name}` with something else than the mock's answer.")


def _content(case: Case, body: bytes) -> str | bytes:
    """What the caller is after: the picture, or the text."""
    if case.streams:
        return _streamed(body)
    document = json.loads(body)
    if case.picture is not None:
        return base64.b64decode(document["data"][0]["b64_json"])
    text: str = document["choices"][0]["message"]["content"]
    return text


def _streamed(body: bytes) -> str:
    events = [line.removeprefix("data: ") for line in body.decode().splitlines() if line.startswith("data: ")]
    if events[-1:] != ["[DONE]"]:
        return ""
    chunks = [json.loads(event) for event in events[:-1]]
    return "".join(choice["delta"].get("content") or "" for chunk in chunks for choice in chunk["choices"])


def _lower(headers: Message) -> dict[str, str]:
    return {name.lower(): value for name, value in headers.items()}
