"""OpenAI, simulated: chat, pictures, edits, embeddings; in OpenRouter's dialect also pictures by chat, with their cost.

Everything a test wants to go wrong is either a behaviour of `base` (errors, hangs, garbage on any call) or one of those
below. A stream is cut off with `BreaksOff`, not with `Truncated`.
"""

import base64
import hashlib
import json
import secrets
import struct
import time
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Literal

from aiohttp import web

from tests.simulators import openai_rules, openai_talk
from tests.simulators.base import Behaviour, Received, Simulator, respond
from tests.simulators.openai_rules import Asked, Refused, text_tokens

MODELS = (
    *("gpt-4o-mini", "gpt-4.1-mini", "gpt-5-mini", "text-embedding-3-small", "text-embedding-3-large"),
    *("gpt-image-1", "gpt-image-1-mini", "gpt-image-1.5", "chatgpt-image-latest", "gpt-image-2"),
)
"""Those it lists. It answers for every chat model whose name begins like one of OpenAI's."""

EMBEDDING_PRICE = Decimal("0.02")
"""US dollars for a million tokens."""


@dataclass(frozen=True, slots=True)
class Blocked(Behaviour):
    """The next call is refused by moderation."""


@dataclass(frozen=True, slots=True)
class NoQuota(Behaviour):
    """The next call finds the account empty: 429 `insufficient_quota`; 402 in OpenRouter's dialect."""


@dataclass(frozen=True, slots=True)
class ErrorInside(Behaviour):
    """200, and an error in the body."""

    message: str = "The server had an error while processing your request."
    code: int | str = 502


@dataclass(frozen=True, slots=True)
class BreaksOff(Behaviour):
    """The connection of the next stream is closed after so many events."""

    events: int = 1


@dataclass(frozen=True, slots=True)
class ErrorEvent(Behaviour):
    """The next stream tells of an error after so many events, and ends."""

    events: int = 1
    message: str = "The server had an error while processing your request."


@dataclass(frozen=True, slots=True)
class SlowEvents(Behaviour):
    """The next stream waits so many seconds before each event."""

    seconds: float


@dataclass(frozen=True, slots=True)
class WithoutUsage(Behaviour):
    """The next answer or stream tells no usage."""


class OpenAISimulator(Simulator):
    """api.openai.com and where it keeps results, at one address; the API is below `/v1`, or `/api/v1` in OpenRouter's
    dialect."""

    keys = ("openai-test-key",)

    def __init__(
        self,
        port: int = 0,
        *,
        dialect: Literal["openai", "openrouter"] = "openai",
        results: Literal["b64", "url"] = "b64",
        result_seconds: float = 3600,
    ) -> None:
        super().__init__(port)
        self.dialect = dialect
        self.results = results
        """How pictures are answered. GPT image models only know `b64`; DALL-E and imitators answer addresses."""
        self.result_seconds = result_seconds
        """How long an address can be fetched."""
        self.billed: list[Decimal] = []
        """US dollars charged, one entry for each call answered to its end."""
        self._kept: dict[str, tuple[bytes, str, float]] = {}

    @property
    def base_url(self) -> str:
        """What a client is configured with."""
        return f"{self.url}/api/v1" if self.dialect == "openrouter" else f"{self.url}/v1"

    def reset(self) -> None:
        with self.lock:
            super().reset()
            self.billed.clear()
            self._kept.clear()

    def applies(self, behaviour: Behaviour, call: Received) -> bool:
        if isinstance(behaviour, BreaksOff | ErrorEvent | SlowEvents):
            return call.method == "POST" and _streamed(call.body)
        if isinstance(behaviour, Blocked | NoQuota | ErrorInside | WithoutUsage):
            return call.method == "POST"
        return super().applies(behaviour, call)

    def error_body(self, code: int, message: str) -> object:
        return self._error(message, status=code)

    def _error(self, message: str, *, status: int, param: str | None = None, code: str | None = None) -> object:
        if self.dialect == "openrouter":
            return {"error": {"code": status, "message": message}, "user_id": "user_1"}
        types = {401: "authentication_error", 429: "requests", 500: "server_error", 503: "server_error"}
        codes = {401: "invalid_api_key", 429: "rate_limit_exceeded"}
        kind = types.get(status, "invalid_request_error")
        return {"error": {"message": message, "type": kind, "param": param, "code": code or codes.get(status)}}

    async def answer(self, request: web.Request, call: Received, behaviour: Behaviour | None) -> web.StreamResponse:
        if call.path.startswith("/results/"):
            return self._deliver(call)
        if call.headers.get("authorization", "").removeprefix("Bearer ") not in self.keys:
            return self.refuse(401, "Incorrect API key provided: sk-no****pe.")
        match behaviour:
            case Blocked():
                return self._blocked()
            case NoQuota():
                return self._no_quota()
            case ErrorInside(message, code):
                return respond(200, {"error": {"message": message, "code": code}})
        try:
            return await self._route(request, call, behaviour)
        except Refused as refused:
            body = self._error(refused.message, status=refused.status, param=refused.param, code=refused.code)
            return respond(refused.status, body)

    async def _route(self, request: web.Request, call: Received, behaviour: Behaviour | None) -> web.StreamResponse:
        prefix = self.base_url.removeprefix(self.url)
        match call.method, call.path.removeprefix(prefix) if call.path.startswith(prefix) else None:
            case "GET", "/models":
                models = [{"id": name, "object": "model", "created": 0, "owned_by": "openai"} for name in MODELS]
                return respond(200, {"object": "list", "data": models})
            case "POST", "/chat/completions":
                return await self._chat(request, call.body, behaviour)
            case "POST", "/embeddings":
                return self._embeddings(call.body, behaviour)
            case "POST", "/images/generations" if self.dialect == "openai":
                return await self._images(request, openai_rules.ask(call.body, edit=False), "generation", behaviour)
            case "POST", "/images/edits" if self.dialect == "openai":
                return await self._images(request, openai_rules.ask(call.body, edit=True), "edit", behaviour)
        return self.refuse(404, f"Invalid URL ({call.method} {call.path})")

    async def _chat(self, request: web.Request, body: Any, behaviour: Behaviour | None) -> web.StreamResponse:
        strict = self.dialect == "openai"
        said = openai_talk.answer(body, strict=strict)
        self._check_model(said.model, body)
        head = {"id": f"chatcmpl-{secrets.token_hex(12)}", "created": int(time.time()), "model": said.model}
        usage: dict[str, Any] = said.usage
        if not strict:
            head["provider"] = "Simulated"
            usage["cost"] = float(said.dollars)
        if body.get("stream"):
            told = not strict or bool((body.get("stream_options") or {}).get("include_usage"))
            told = told and not isinstance(behaviour, WithoutUsage)
            return await self._stream(
                request, self._chunks(said, head, usage if told else None), said.dollars, behaviour
            )
        choices = [{"index": i, "message": said.message, "finish_reason": said.finish_reason} for i in range(said.n)]
        self._charge(said.dollars)
        answer = {**head, "object": "chat.completion", "choices": choices, "usage": usage}
        if isinstance(behaviour, WithoutUsage):
            del answer["usage"]
        return respond(200, answer)

    def _check_model(self, model: str, body: Any) -> None:
        if self.dialect == "openai":
            if not model.startswith(("gpt-", "chatgpt-", "o1", "o3", "o4")) or openai_rules.known(model):
                raise Refused(f"The model `{model}` does not exist.", None, "model_not_found", 404)
        elif "/" not in model:
            raise Refused(f"{model} is not a valid model ID")
        elif "flux" in model and body.get("modalities") != ["image"]:
            asked = ", ".join(sorted(body.get("modalities") or ["text"]))
            raise Refused(f"No endpoints found that support the requested output modalities: {asked}", status=404)

    def _chunks(self, said: openai_talk.Completion, head: dict[str, Any], usage: Any) -> list[tuple[str, Any]]:
        chunk = {**head, "object": "chat.completion.chunk"}
        events: list[tuple[str, Any]] = []
        for delta, finish in said.deltas():
            for index in range(said.n):
                choices = [{"index": index, "delta": delta, "finish_reason": finish}]
                events.append(("", {**chunk, "choices": choices}))
        if usage is not None:
            events.append(("", {**chunk, "choices": [], "usage": usage}))
        return [*events, ("", "[DONE]")]

    async def _images(
        self, request: web.Request, asked: Asked, kind: str, behaviour: Behaviour | None
    ) -> web.StreamResponse:
        told = {
            "size": f"{asked.width}x{asked.height}",
            "quality": asked.quality,
            "background": asked.background,
            "output_format": asked.form,
        }
        usage = {} if isinstance(behaviour, WithoutUsage) else {"usage": asked.usage}
        if asked.stream:
            events = self._frames(asked, f"image_{kind}", told, usage)
            return await self._stream(request, events, asked.dollars, behaviour)
        data = [self._result(asked.picture(index), asked.form) for index in range(asked.n)]
        self._charge(asked.dollars)
        return respond(200, {"created": int(time.time()), "data": data, **told, **usage})

    def _frames(
        self, asked: Asked, kind: str, told: dict[str, str], usage: dict[str, Any]
    ) -> list[tuple[str, dict[str, Any]]]:
        """Events of a stream; the last picture's has the usage of all."""
        head = {"created_at": int(time.time()), **told}
        frames: list[tuple[str, dict[str, Any]]] = []
        for index in range(asked.n):
            for step in range(asked.partials):
                text = _text(asked.picture(index, f"step {step}"))
                frames.append((f"{kind}.partial_image", {**head, "b64_json": text, "partial_image_index": step}))
            last = usage if index == asked.n - 1 else {}
            frames.append((f"{kind}.completed", {**head, "b64_json": _text(asked.picture(index)), **last}))
        return [(name, {"type": name, **frame}) for name, frame in frames]

    def _result(self, data: bytes, form: str) -> dict[str, str]:
        if self.results == "b64":
            return {"b64_json": _text(data)}
        name = f"{secrets.token_hex(8)}.{form}"
        with self.lock:
            self._kept[name] = (data, form, time.monotonic() + self.result_seconds)
        return {"url": f"{self.url}/results/{name}?sig={hashlib.sha256(name.encode()).hexdigest()[:16]}"}

    def _deliver(self, call: Received) -> web.Response:
        """A picture at its address. Like the real storage it refuses a request that brings a key, or comes late."""
        if "authorization" in call.headers:
            self.violations.append("authorization was sent to where results are kept")
            return respond(400, "<Error><Code>InvalidAuthenticationInfo</Code></Error>")
        data, form, until = self._kept.get(call.path.removeprefix("/results/"), (b"", "", 0.0))
        if time.monotonic() > until:
            return respond(403, "<Error><Code>AuthenticationFailed</Code></Error>")
        return web.Response(body=data, content_type=f"image/{form}")

    def _embeddings(self, body: Any, behaviour: Behaviour | None) -> web.Response:
        if not isinstance(body, dict) or not isinstance(body.get("model"), str) or not body.get("input"):
            raise Refused("'input' and 'model' are required.", "input", "missing_required_parameter")
        if "embedding" not in body["model"]:
            raise Refused(f"The model `{body['model']}` does not exist.", None, "model_not_found", 404)
        given = body["input"]
        many = isinstance(given, list) and not isinstance(given[0], int)
        inputs = given if many else [given]
        tokens = sum(text_tokens(each) if isinstance(each, str) else len(each) for each in inputs)
        data = [
            {"object": "embedding", "index": index, "embedding": _vector(each, body)}
            for index, each in enumerate(inputs)
        ]
        cost = tokens * EMBEDDING_PRICE / openai_rules.MILLION
        self._charge(cost)
        usage: dict[str, Any] = {"prompt_tokens": tokens, "total_tokens": tokens}
        if self.dialect == "openrouter":
            usage["cost"] = float(cost)
        answer = {"object": "list", "data": data, "model": body["model"], "usage": usage}
        if isinstance(behaviour, WithoutUsage):
            del answer["usage"]
        return respond(200, answer)

    async def _stream(
        self, request: web.Request, events: list[Any], dollars: Decimal, behaviour: Behaviour | None
    ) -> web.StreamResponse:
        response = web.StreamResponse(headers={"content-type": "text/event-stream; charset=utf-8"})
        await response.prepare(request)
        if self.dialect == "openrouter":
            await response.write(b": OPENROUTER PROCESSING\n\n")
        for index, (name, data) in enumerate(events):
            if isinstance(behaviour, BreaksOff) and index == behaviour.events:
                await self.sleep(0.02)  # lets what was written leave before the connection goes
                if request.transport is not None:
                    request.transport.close()
                return response
            if isinstance(behaviour, ErrorEvent) and index == behaviour.events:
                error = {"message": behaviour.message, "type": "server_error", "code": "server_error", "param": None}
                await response.write(_event("error" if name else "", {"type": "error", "error": error}))
                return response
            if isinstance(behaviour, SlowEvents):
                await self.sleep(behaviour.seconds)
            await response.write(_event(name, data))
        self._charge(dollars)
        await response.write_eof()
        return response

    def _charge(self, dollars: Decimal) -> None:
        with self.lock:
            self.billed.append(dollars)

    def _blocked(self) -> web.Response:
        sentence = "Your request was rejected by the safety system."
        if self.dialect == "openrouter":
            metadata = {"reasons": ["violence"], "flagged_input": "...", "provider_name": "Simulated"}
            return respond(403, {"error": {"code": 403, "message": sentence, "metadata": metadata}})
        error = {
            "message": sentence,
            "type": "image_generation_user_error",
            "param": None,
            "code": "moderation_blocked",
        }
        return respond(400, {"error": error})

    def _no_quota(self) -> web.Response:
        sentence = "You exceeded your current quota, please check your plan and billing details."
        if self.dialect == "openrouter":
            return self.refuse(402, "Insufficient credits.")
        error = {"message": sentence, "type": "insufficient_quota", "param": None, "code": "insufficient_quota"}
        return respond(429, {"error": error})


def _streamed(body: Any) -> bool:
    asked = body.get("stream") if isinstance(body, dict) else None
    return asked is True or asked == ["true"]


def _event(name: str, data: Any) -> bytes:
    text = data if isinstance(data, str) else json.dumps(data, separators=(",", ":"))
    return (f"event: {name}\n" if name else "").encode() + f"data: {text}\n\n".encode()


def _text(data: bytes) -> str:
    return base64.b64encode(data).decode()


def _vector(given: Any, body: dict[str, Any]) -> list[float] | str:
    """Numbers between -1 and 1 from the input's digest; as many as asked for, or eight."""
    numbers: list[float] = []
    seed = json.dumps(given).encode()
    while len(numbers) < (body.get("dimensions") or 8):
        seed = hashlib.sha256(seed).digest()
        numbers += [byte / 127.5 - 1 for byte in seed]
    numbers = numbers[: body.get("dimensions") or 8]
    if body.get("encoding_format") == "base64":
        return _text(struct.pack(f"<{len(numbers)}f", *numbers))
    return numbers
