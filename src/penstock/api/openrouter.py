"""The OpenRouter endpoints under /api/v1: chat completions, images and embeddings, with that dialect's errors."""

from typing import Any, ClassVar

from penstock.api.answers import images_body, token_usage
from penstock.api.errors import openrouter_failure
from penstock.api.openai import ChatCompletions, Embeddings, ImagesSurface, decoded
from penstock.core.answer import Answer, ImageAnswer
from penstock.core.call import Call
from penstock.core.errors import BadRequest, PenstockError
from penstock.pipeline.gateway import Gateway
from penstock.pipeline.ingress import Fields, picture_from
from penstock.pipeline.request import Life, Reply


class OpenRouterErrors:
    """The dialect's name and its errors."""

    dialect: ClassVar[str] = "openrouter"

    def failure(self, life: Life | None, error: PenstockError) -> Reply:
        return openrouter_failure(error, life)


class OpenRouterChat(OpenRouterErrors, ChatCompletions):
    """`POST /api/v1/chat/completions`."""

    def extra(self, life: Life) -> dict[str, Any]:
        provider = {"provider": life.served_by.account.provider.name} if life.served_by else {}
        return {**super().extra(life), **provider}


class OpenRouterEmbeddings(OpenRouterErrors, Embeddings):
    """`POST /api/v1/embeddings`."""


class OpenRouterImages(OpenRouterErrors, ImagesSurface):
    """`POST /api/v1/images`: generations, and edits by `input_references`."""

    async def from_json(self, life: Life, fields: Fields, gateway: Gateway) -> Call:
        given, pictures = decoded(fields), life.incoming.pictures
        entries = given.pop("input_references", None) or []
        if not isinstance(entries, list) or len(entries) > 16:
            raise BadRequest("`input_references` must be a list of at most 16 pictures.", param="input_references")
        references = [await picture_from(_reference(entry), "input_references", pictures, gateway) for entry in entries]
        call = self.call(life, given, tuple(references))
        if call.size and (call.resolution or call.aspect_ratio):
            raise BadRequest(
                "A `size` in pixels says everything; leave out `resolution` and `aspect_ratio`.", param="size"
            )
        return call

    def reply(self, life: Life, answer: Answer) -> Reply:
        assert isinstance(answer, ImageAnswer)
        usage = {**token_usage(life, answer.usage), "is_byok": False}
        return Reply(pieces=images_body(life, answer, self.addresses(life), usage, self.extra(life)))


def _reference(entry: Any) -> Any:
    """The address in `{"type": "image_url", "image_url": {"url"}}`, or a bare one."""
    if isinstance(entry, dict):
        image = entry.get("image_url")
        return image.get("url") if isinstance(image, dict) else image
    return entry
