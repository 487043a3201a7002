"""Answers as JSON bodies. Pictures in them are placeholders until the pieces are sent."""

from collections.abc import Mapping
from typing import Any

import msgspec

from penstock.api.addresses import Addresses
from penstock.core.answer import ChatAnswer, EmbeddingAnswer, ImageAnswer, Output
from penstock.core.picture import Picture
from penstock.core.pieces import Pieces, data_url, placeholder, split
from penstock.core.usage import Usage
from penstock.pipeline.request import Life

encode = msgspec.json.Encoder(decimal_format="number").encode


def token_usage(life: Life, usage: Usage) -> dict[str, Any]:
    """Usage as chat and OpenRouter write it, with the cost in US dollars.

    Token counts are integers for clients that add them up: 0 where a provider counts pictures instead.
    """
    prompt, completion = usage.tokens_in or 0, usage.tokens_out or 0
    cached = (usage.cached_text_tokens_in or 0) + (usage.cached_image_tokens_in or 0)
    return {
        "prompt_tokens": prompt,
        "completion_tokens": completion,
        "total_tokens": prompt + completion,
        "prompt_tokens_details": {"cached_tokens": cached},
        "completion_tokens_details": {
            "reasoning_tokens": usage.reasoning_tokens or 0,
            "image_tokens": usage.image_tokens_out or 0,
        },
        **_money(life),
    }


def image_usage(life: Life, usage: Usage) -> dict[str, Any]:
    """Usage as the OpenAI images endpoints write it, with the cost in US dollars and the megapixels delivered."""
    total_in, total_out = usage.tokens_in or 0, usage.tokens_out or 0
    image_in = (usage.image_tokens_in or 0) + (usage.cached_image_tokens_in or 0)
    return {
        "input_tokens": total_in,
        "output_tokens": total_out,
        "total_tokens": total_in + total_out,
        "input_tokens_details": {"text_tokens": total_in - image_in, "image_tokens": image_in},
        "output_tokens_details": {
            "text_tokens": usage.text_tokens_out or 0,
            "image_tokens": usage.image_tokens_out or 0,
        },
        "images": len(usage.outputs),
        **_money(life),
    }


def _money(life: Life) -> dict[str, Any]:
    charge = life.charge
    return {"cost": charge.amount if charge else None, "cost_source": charge.source if charge else "none"}


def model_name(life: Life) -> str:
    return life.served_by.model.slug if life.served_by else life.asked_model or ""


def completion_id(life: Life) -> str:
    return f"chatcmpl-{life.incoming.id.removeprefix('req_')}"


def chat_body(life: Life, answer: ChatAnswer, extra: Mapping[str, Any]) -> Pieces:
    """A chat completion, its choices as the provider wrote them."""
    body = {
        "id": answer.id or completion_id(life),
        "object": "chat.completion",
        "created": answer.created or int(life.incoming.started_at),
        "model": model_name(life),
        "system_fingerprint": None,
        **answer.extra,
        "choices": answer.choices,
        "usage": token_usage(life, answer.usage),
        **extra,
    }
    encoded = encode(body)
    return split(encoded, answer.pictures) if answer.pictures else (encoded,)


def picture_message(life: Life, answer: ImageAnswer, gateway_address: Addresses) -> dict[str, Any]:
    """An assistant's message whose content is pictures."""
    return {
        "role": "assistant",
        "content": "",
        "refusal": None,
        "images": [picture_part(life, output, gateway_address) for output in answer.outputs],
    }


def picture_part(life: Life, output: Output, addresses: Addresses) -> dict[str, Any]:
    assert output.picture is not None
    address = addresses.of(output.picture) if life.wants_address else data_url(output.picture)
    return {"type": "image_url", "image_url": {"url": address}}


def picture_chat_body(life: Life, answer: ImageAnswer, addresses: Addresses, extra: Mapping[str, Any]) -> Pieces:
    """A chat completion that is pictures."""
    message = picture_message(life, answer, addresses)
    body = {
        "id": completion_id(life),
        "object": "chat.completion",
        "created": int(life.incoming.started_at),
        "model": model_name(life),
        "system_fingerprint": None,
        "choices": [{"index": 0, "message": message, "finish_reason": "stop", "logprobs": None}],
        "usage": token_usage(life, answer.usage),
        **failures(answer),
        **extra,
    }
    return split(encode(body), pictures_of(answer))


def images_body(
    life: Life, answer: ImageAnswer, addresses: Addresses, usage: Mapping[str, Any], extra: Mapping[str, Any]
) -> Pieces:
    """An answer of the images endpoints."""
    body = {
        "created": int(life.incoming.started_at),
        "data": [image_entry(life, output, addresses) for output in answer.outputs],
        **answer.echo,
        "usage": usage,
        **failures(answer),
        **extra,
    }
    return split(encode(body), pictures_of(answer))


def image_entry(life: Life, output: Output, addresses: Addresses) -> dict[str, Any]:
    """One picture of an answer: its bytes or its address, and what its header says."""
    picture = output.picture
    assert picture is not None
    address = {"url": addresses.of(picture)} if life.wants_address else {"b64_json": placeholder(picture.digest)}
    entry: dict[str, Any] = {
        **address,
        "media_type": picture.media_type,
        "width": picture.width,
        "height": picture.height,
    }
    if output.seed is not None:
        entry["seed"] = output.seed
    if output.revised_prompt is not None:
        entry["revised_prompt"] = output.revised_prompt
    return entry


def embeddings_body(life: Life, answer: EmbeddingAnswer, extra: Mapping[str, Any]) -> Pieces:
    """An answer of the embeddings endpoint."""
    usage = token_usage(life, answer.usage)
    body = {
        "object": "list",
        "data": answer.data,
        "model": model_name(life),
        "usage": {name: usage[name] for name in ("prompt_tokens", "completion_tokens", "total_tokens", "cost")},
        **extra,
    }
    return (encode(body),)


def pictures_of(answer: ImageAnswer) -> dict[str, Picture]:
    """The pictures of an answer by digest."""
    return {output.picture.digest: output.picture for output in answer.outputs if output.picture}


def failures(answer: ImageAnswer) -> dict[str, Any]:
    """Why fewer pictures came than were asked for."""
    if not answer.failures:
        return {}
    return {"errors": [{"message": failure.message, "code": failure.code} for failure in answer.failures]}
