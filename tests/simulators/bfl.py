"""Black Forest Labs, simulated: submissions are checked and priced, jobs take a few polls, pictures are delivered.

Everything a test wants to go wrong is either a behaviour of `base` (errors, hangs, garbage on any call) or an
`Outcome` (how the next job that is submitted ends).
"""

import secrets
import time
from collections import Counter
from dataclasses import dataclass
from decimal import Decimal

from aiohttp import web
from PIL import Image

from tests.simulators.base import Behaviour, Received, Simulator, draw, encoded, respond
from tests.simulators.bfl_rules import MEGAPIXEL, Asked, Refused, ask


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome(Behaviour):
    """How the next job ends. As it stands: well."""

    status: str = "Ready"
    """Or `Request Moderated`, `Content Moderated`, `Error`, or any word at all."""
    http_status: int = 200
    """Of the poll that tells the outcome; the real one may use 503."""
    reasons: tuple[str, ...] = ()
    """Listed under `Moderation Reasons`."""
    pending_polls: int | None = None
    """Polls before it, where other than the simulator's."""
    unknown_polls: int = 0
    """Polls answered `Task not found` before the job is known at all."""
    state_field: str = "status"
    """Or `state`, as some answers have it."""
    settled: Decimal | None = None
    """Credits stated once more, and charged, when it is ready."""
    delivery: str = "picture"
    """Or `forbidden` and `gone` (an address that has expired), `page` (a web page) or `truncated`."""
    polling_url: str | None = None
    """Where the submission says to poll, where other than here."""


@dataclass(slots=True)
class Job:
    """A job that was accepted."""

    id: str
    key: str
    asked: Asked
    outcome: Outcome
    pending: int
    unknown: int
    seed: int
    token: str
    ended: float | None = None
    """When its outcome was first told, on the monotonic clock."""
    downloads: int = 0


class BflSimulator(Simulator):
    """api.bfl.ai and its delivery host, at one address."""

    keys = ("bfl-test-key",)

    def __init__(
        self,
        port: int = 0,
        *,
        pending_polls: int = 1,
        concurrency: int = 24,
        credits: Decimal = Decimal(10_000),
        result_seconds: float = 600,
    ) -> None:
        super().__init__(port)
        self.pending_polls = pending_polls
        """Polls a job takes before its outcome."""
        self.concurrency = concurrency
        """Jobs at once per key; 6 at most for flux-kontext-max."""
        self.starting_credits = credits
        self.credits = credits
        self.result_seconds = result_seconds
        """How long a picture can be fetched."""
        self.jobs: dict[str, Job] = {}
        self.billed: list[Decimal] = []
        """Credits charged, one entry for each job that was told to be ready and has a price."""
        self.ignored: Counter[str] = Counter()
        """Fields sent that an endpoint passed over in silence, as `endpoint.field`."""

    def reset(self) -> None:
        with self.lock:
            super().reset()
            self.jobs.clear()
            self.billed.clear()
            self.ignored.clear()
            self.credits = self.starting_credits

    @property
    def active(self) -> int:
        """Jobs whose outcome has not been told."""
        with self.lock:
            return sum(job.ended is None for job in self.jobs.values())

    def applies(self, behaviour: Behaviour, call: Received) -> bool:
        if isinstance(behaviour, Outcome):
            return call.method == "POST" and call.path.startswith("/v1/")
        return super().applies(behaviour, call)

    async def answer(self, request: web.Request, call: Received, behaviour: Behaviour | None) -> web.StreamResponse:
        if call.path.startswith("/delivery/"):
            return await self._deliver(request, call)
        if call.headers.get("x-key") not in self.keys:
            return self.refuse(403, "Not authenticated")
        with self.lock:
            match call.method, call.path:
                case "GET", "/v1/credits":
                    return respond(200, {"credits": float(self.credits)})
                case "GET", "/v1/get_result":
                    return self._poll(call)
                case "POST", path if path.startswith("/v1/"):
                    return self._submit(call, behaviour if isinstance(behaviour, Outcome) else Outcome())
        return self.refuse(404, "Not Found")

    def _submit(self, call: Received, outcome: Outcome) -> web.Response:
        endpoint = call.path.removeprefix("/v1/")
        key = call.headers["x-key"]
        try:
            asked = ask(endpoint, call.body)
        except Refused as refused:
            return respond(refused.code, {"detail": refused.detail})
        if self._busy(key, endpoint):
            return self.refuse(429, "Too many active tasks")
        if (asked.credits or 0) > self.credits:
            return self.refuse(402, "Insufficient credits")
        self.ignored.update(f"{endpoint}.{name}" for name in asked.ignored)
        job = self._accept(key, asked, outcome)
        return respond(
            200,
            {
                "id": job.id,
                "polling_url": outcome.polling_url or f"{self.url}/v1/get_result?id={job.id}",
                "cost": _number(asked.credits),
                "input_mp": round(sum(asked.input_pixels) / MEGAPIXEL, 2),
                "output_mp": round(asked.width * asked.height / MEGAPIXEL, 2),
            },
        )

    def _busy(self, key: str, endpoint: str) -> bool:
        active = [job for job in self.jobs.values() if job.ended is None and job.key == key]
        same = sum(job.asked.endpoint == endpoint for job in active)
        return len(active) >= self.concurrency or (endpoint == "flux-kontext-max" and same >= 6)

    def _accept(self, key: str, asked: Asked, outcome: Outcome) -> Job:
        seed = asked.body.get("seed")
        job = Job(
            id=secrets.token_hex(16),
            key=key,
            asked=asked,
            outcome=outcome,
            pending=self.pending_polls if outcome.pending_polls is None else outcome.pending_polls,
            unknown=outcome.unknown_polls,
            seed=secrets.randbits(31) if seed is None else seed,
            token=secrets.token_hex(8),
        )
        self.jobs[job.id] = job
        return job

    def _poll(self, call: Received) -> web.Response:
        job = self.jobs.get(call.query.get("id", ""))
        if job is not None and job.key != call.headers["x-key"]:
            job = None
        if job is None or job.unknown > 0:
            if job is not None:
                job.unknown -= 1
            return respond(200, _state(call.query.get("id", ""), "Task not found"))
        if job.pending > 0:
            job.pending -= 1
            return respond(200, _state(job.id, _working(job), field_name=job.outcome.state_field))
        if job.ended is None:
            self._end(job)
        return respond(job.outcome.http_status, self._outcome(job))

    def _end(self, job: Job) -> None:
        job.ended = time.monotonic()
        charged = job.asked.credits if job.outcome.settled is None else job.outcome.settled
        if job.outcome.status == "Ready" and charged is not None:
            self.billed.append(charged)
            self.credits -= charged

    def _outcome(self, job: Job) -> dict[str, object]:
        outcome = job.outcome
        state = _state(job.id, outcome.status, field_name=outcome.state_field)
        if outcome.reasons:
            state["details"] = {"Moderation Reasons": list(outcome.reasons)}
        if outcome.settled is not None:
            state["cost"] = _number(outcome.settled)
        if outcome.status == "Ready":
            strict = job.asked.schema == "flux3"  # its answers have no seed, and its prompts are always expanded
            prompt = job.asked.body.get("prompt") or ""
            state["result"] = {
                "sample": f"{self.url}/delivery/{job.id}.{job.asked.form}?sig={job.token}",
                "prompt": f"{prompt}, in fine detail" if strict else prompt,
                "duration": 0.5,
            } | ({} if strict else {"seed": job.seed})
        return state

    async def _deliver(self, request: web.Request, call: Received) -> web.StreamResponse:
        """The picture. Like the real storage it refuses a request that brings a key, a bad signature or comes late."""
        secrets_sent = [name for name in ("x-key", "authorization") if name in call.headers]
        if secrets_sent:
            self.violations.append(f"{', '.join(secrets_sent)} was sent to the delivery host")
            return respond(400, "<Error><Code>InvalidArgument</Code></Error>")
        job = self.jobs.get(call.path.removeprefix("/delivery/").partition(".")[0])
        if job is None or job.ended is None or call.query.get("sig") != job.token:
            return respond(403, "<Error><Code>AuthenticationFailed</Code></Error>")
        job.downloads += 1
        if job.outcome.delivery == "gone":
            return respond(404, "<Error><Code>ResourceNotFound</Code></Error>")
        if job.outcome.delivery == "forbidden" or time.monotonic() - job.ended > self.result_seconds:
            return respond(403, "<Error><Code>AuthenticationFailed</Code></Error>")
        if job.outcome.delivery == "page":
            return web.Response(body=b"<html>Please sign in</html>", content_type="text/html")
        picture = web.Response(body=_picture(job), content_type=f"image/{job.asked.form}")
        return await self.cut_off(request, picture) if job.outcome.delivery == "truncated" else picture


def _number(credits: Decimal | None) -> float | None:
    return None if credits is None else float(credits)


def _state(id: str, status: str, *, field_name: str = "status") -> dict[str, object]:
    return {"id": id, field_name: status, "result": None, "progress": None, "details": None, "preview": None}


def _working(job: Job) -> str:
    """Pending at first and generating at last; the newest endpoints reason in between."""
    if job.pending == 0:
        return "Generating"
    return "Reasoning" if job.pending == 1 and job.asked.schema == "flux3" else "Pending"


def _picture(job: Job) -> bytes:
    """Drawn from prompt and seed; a fill paints what its mask has white and keeps the rest."""
    asked = job.asked
    words = f"{asked.body.get('prompt')}|{job.seed}"
    mask = asked.pictures.get("mask")
    if mask is None:
        return draw(asked.width, asked.height, asked.form, words)
    paint = Image.new("RGB", (asked.width, asked.height), "magenta")
    return encoded(Image.composite(paint, asked.pictures["image"].convert("RGB"), mask.convert("L")), asked.form)
