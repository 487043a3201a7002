"""The bodies of requests and answers as documentation: what the OpenAPI document and the page at /docs are made of.

Requests and pictures never pass through these types (they are read field by field and sent in pieces); tests compare
them with what the endpoints really read and write. The lists of models are made of their own types in `models`,
`openrouter_models` and `price_lines`.
"""

from decimal import Decimal
from typing import Annotated, Any, Literal

import msgspec
from msgspec import UNSET, Meta, UnsetType

Dollars = Annotated[Decimal | None, Meta(description="US dollars, exact; null where unpriced.")]
CostSource = Annotated[
    Literal["stated", "usage", "delivered", "requested", "none"],
    Meta(
        description="How the cost is known: the provider stated it, or our price on the tokens it counted, on the "
        "pictures it delivered or on those asked for; `none` where it is not known."
    ),
]
Extra = dict[str, Any]


Models = Annotated[
    Annotated[list[str], Meta(max_length=8)] | UnsetType,
    Meta(description="Models to be asked, in this order, where `model` fails or nobody can serve it."),
]
Preset = Annotated[
    str | UnsetType,
    Meta(description="A preset of this installation, by name; `MODEL@preset/NAME` in `model` says the same."),
]
Percentile = float | UnsetType
Amount = Annotated[float, Meta(ge=0)] | str | UnsetType


class Sort(msgspec.Struct, kw_only=True):
    """By what providers are put in order, and whether across models."""

    by: Annotated[Literal["price", "throughput", "latency"] | UnsetType, Meta(description="What is best first.")] = (
        UNSET
    )
    partition: Annotated[
        Literal["model", "none"] | UnsetType,
        Meta(
            description="`model`, the default, keeps the order of the models asked for; `none` sorts the offers of all "
            "of them together."
        ),
    ] = UNSET


class MaxPrice(msgspec.Struct, kw_only=True):
    """US dollars at most, as numbers or decimal strings. An offer whose price is not known is above every cap."""

    prompt: Annotated[Amount, Meta(description="For a million tokens of the prompt.")] = UNSET
    completion: Annotated[Amount, Meta(description="For a million tokens of the answer.")] = UNSET
    request: Annotated[Amount, Meta(description="For a request by itself, where that is charged.")] = UNSET
    image: Annotated[Amount, Meta(description="For one picture of this very request, all that it costs.")] = UNSET
    megapixel: Annotated[Amount, Meta(description="The same for each of its megapixels, of 2^20 pixels.")] = UNSET


class Cutoffs(msgspec.Struct, kw_only=True):
    """Values at percentiles of what was measured in the last five minutes."""

    p50: Percentile = UNSET
    p75: Percentile = UNSET
    p90: Percentile = UNSET
    p99: Percentile = UNSET


class ProviderChoice(msgspec.Struct, kw_only=True):
    """Which providers may serve the request, and in what order; for pictures as for text."""

    order: Annotated[
        list[str] | UnsetType, Meta(description="Providers to try first, in this order: slugs, names or offers.")
    ] = UNSET
    only: Annotated[list[str] | UnsetType, Meta(description="No other providers than these.")] = UNSET
    ignore: Annotated[list[str] | UnsetType, Meta(description="Not these providers.")] = UNSET
    allow_fallbacks: Annotated[
        bool | UnsetType, Meta(description="Whether another provider is asked when the first fails; true by default.")
    ] = UNSET
    require_parameters: Annotated[
        bool | UnsetType, Meta(description="Only offers that take every field of the request; false by default.")
    ] = UNSET
    data_collection: Annotated[
        Literal["allow", "deny"] | UnsetType,
        Meta(description="`deny`: only providers known to learn nothing from what they are sent."),
    ] = UNSET
    zdr: Annotated[
        bool | UnsetType, Meta(description="Only providers known to keep nothing of what they are sent.")
    ] = UNSET
    quantizations: Annotated[
        list[Literal["int4", "int8", "fp4", "mxfp4", "nvfp4", "fp6", "fp8", "mxfp8", "fp16", "bf16", "fp32", "unknown"]]
        | UnsetType,
        Meta(description="Only offers known to run the model in one of these; `unknown` allows the others."),
    ] = UNSET
    sort: Annotated[
        Literal["price", "throughput", "latency"] | Sort | UnsetType, Meta(description="What is best first.")
    ] = UNSET
    max_price: Annotated[MaxPrice | UnsetType, Meta(description="US dollars at most.")] = UNSET
    preferred_min_throughput: Annotated[
        float | Cutoffs | UnsetType,
        Meta(description="Tokens, or megapixels, a second; slower offers come last. A number is meant of p50."),
    ] = UNSET
    preferred_max_latency: Annotated[
        float | Cutoffs | UnsetType,
        Meta(
            description="Seconds until the first byte of text, or until the result of pictures; slower offers come "
            "last. A number is meant of p50."
        ),
    ] = UNSET
    options: Annotated[
        dict[str, Extra] | UnsetType, Meta(description="Further request fields for one provider, by its slug.")
    ] = UNSET


class ImageAddress(msgspec.Struct, kw_only=True):
    """Where a picture is."""

    url: Annotated[str, Meta(description="A data URL (`data:image/png;base64,...`) or an https address.")]


class TextPart(msgspec.Struct, kw_only=True, tag_field="type", tag="text"):
    """Words of a message."""

    text: str


class PicturePart(msgspec.Struct, kw_only=True, tag_field="type", tag="image_url"):
    """A picture of a message."""

    image_url: ImageAddress


class Message(msgspec.Struct, kw_only=True):
    """A message of a chat. Further fields go to the provider as they are."""

    role: Annotated[str, Meta(description="system, developer, user, assistant or tool.")]
    content: str | list[TextPart | PicturePart] | None = None


class ImageConfig(msgspec.Struct, kw_only=True):
    """How a picture made in a chat is to be. Any field of the images endpoint may stand here."""

    aspect_ratio: Annotated[str | UnsetType, Meta(description="Such as `16:9`.")] = UNSET
    image_size: Annotated[str | UnsetType, Meta(description="A size class: `1K`, `2K` or `4K`.")] = UNSET


class ChatRequest(msgspec.Struct, kw_only=True):
    """A chat completion. Fields that are not listed go to the provider as they are.

    A model that only makes pictures makes one of the last user message; pictures in that message are edited.
    """

    model: Annotated[str, Meta(description="Slug or alias of a model.")]
    messages: list[Message]
    stream: Annotated[bool | UnsetType, Meta(description="Answer with server-sent events.")] = UNSET
    modalities: Annotated[
        list[Literal["text", "image", "audio"]] | UnsetType, Meta(description="What the answer may be made of.")
    ] = UNSET
    image_config: ImageConfig | UnsetType = UNSET
    models: Models = UNSET
    preset: Preset = UNSET
    provider: ProviderChoice | UnsetType = UNSET


class ImageBase(msgspec.Struct, kw_only=True):
    """What every request for pictures can say."""

    model: Annotated[str, Meta(description="Slug or alias of a model.")]
    prompt: Annotated[str, Meta(description="What the picture shows, or what to change.")]
    n: Annotated[
        Annotated[int, Meta(ge=1, le=10)] | UnsetType, Meta(description="How many pictures; 1 by default.")
    ] = UNSET
    size: Annotated[
        str | UnsetType, Meta(description="Pixels such as `1024x768`, a size class such as `2K`, or `auto`.")
    ] = UNSET
    aspect_ratio: Annotated[str | UnsetType, Meta(description="Such as `16:9`, or `auto`.")] = UNSET
    resolution: Annotated[
        str | UnsetType, Meta(description="A size class: `512`, `768`, `1K`, `1.5K`, `2K` or `4K`.")
    ] = UNSET
    quality: Annotated[str | UnsetType, Meta(description="Such as `low`, `medium`, `high` or `auto`.")] = UNSET
    background: Annotated[str | UnsetType, Meta(description="`transparent`, `opaque` or `auto`.")] = UNSET
    output_format: Annotated[
        str | UnsetType, Meta(description="`png`, `jpeg` or `webp`; the provider's own choice by default.")
    ] = UNSET
    output_compression: Annotated[
        Annotated[int, Meta(ge=0, le=100)] | UnsetType, Meta(description="For jpeg and webp.")
    ] = UNSET
    seed: Annotated[int | UnsetType, Meta(description="The same seed and request make a like picture again.")] = UNSET
    stream: Annotated[bool | UnsetType, Meta(description="Answer with server-sent events.")] = UNSET
    partial_images: Annotated[
        Annotated[int, Meta(ge=0, le=3)] | UnsetType,
        Meta(description="How many previews a stream brings, where the model can."),
    ] = UNSET
    user: Annotated[str | UnsetType, Meta(description="Your own name for the end user.")] = UNSET
    response_format: Annotated[
        Literal["b64_json", "url"] | UnsetType,
        Meta(description="Pictures as base64, the default, or as signed addresses on this gateway."),
    ] = UNSET
    models: Models = UNSET
    preset: Preset = UNSET
    provider: ProviderChoice | UnsetType = UNSET


class ImageRequest(ImageBase, kw_only=True):
    """Pictures from a prompt. A field the model's provider cannot honour is refused before anything is paid for."""


class EditedPicture(msgspec.Struct, kw_only=True):
    """A picture to start from."""

    image_url: Annotated[str, Meta(description="A data URL (`data:image/png;base64,...`) or an https address.")]


class ImageEditRequest(ImageBase, kw_only=True):
    """Pictures from pictures, as JSON."""

    images: Annotated[list[EditedPicture], Meta(description="The pictures to start from, 16 at most.")]
    mask: Annotated[
        EditedPicture | UnsetType,
        Meta(description="Of the size of the first picture, transparent where it is to be painted anew."),
    ] = UNSET


class ImageEditForm(ImageBase, kw_only=True):
    """Pictures from pictures, as a form with files; the other fields are the same."""

    image: Annotated[list[bytes], Meta(description="The pictures to start from; the field may be repeated.")]
    mask: Annotated[
        bytes | UnsetType, Meta(description="Transparent where the first picture is to be painted anew.")
    ] = UNSET


class Reference(msgspec.Struct, kw_only=True, tag_field="type", tag="image_url"):
    """A picture to start from."""

    image_url: ImageAddress


class RouterImageRequest(ImageBase, kw_only=True):
    """Pictures from a prompt, and from pictures where there are references."""

    input_references: Annotated[
        list[Reference] | UnsetType, Meta(description="The pictures to start from, 16 at most.")
    ] = UNSET


class EmbeddingRequest(msgspec.Struct, kw_only=True):
    """Text to embed. Fields that are not listed go to the provider as they are."""

    model: Annotated[str, Meta(description="Slug or alias of a model.")]
    input: Annotated[str | list[str], Meta(description="A text, or several.")]
    models: Models = UNSET
    preset: Preset = UNSET
    provider: ProviderChoice | UnsetType = UNSET


class PromptDetails(msgspec.Struct, kw_only=True):
    """Of the tokens in."""

    cached_tokens: int


class CompletionDetails(msgspec.Struct, kw_only=True):
    """Of the tokens out."""

    reasoning_tokens: int
    image_tokens: int


class TokenUsage(msgspec.Struct, kw_only=True):
    """What a call used. Counts are 0 where the provider counts pictures and not tokens."""

    prompt_tokens: int
    completion_tokens: int
    total_tokens: int
    prompt_tokens_details: PromptDetails
    completion_tokens_details: CompletionDetails
    cost: Dollars
    cost_source: CostSource


class TokenUsageWithKey(TokenUsage, kw_only=True):
    """What a call used, and on whose key."""

    is_byok: Annotated[bool, Meta(description="Always false.")]


class TokenKinds(msgspec.Struct, kw_only=True):
    """Tokens by kind."""

    text_tokens: int
    image_tokens: int


class ImageUsage(msgspec.Struct, kw_only=True):
    """What a call for pictures used. Counts are 0 where the provider counts pictures and not tokens."""

    input_tokens: int
    output_tokens: int
    total_tokens: int
    input_tokens_details: TokenKinds
    output_tokens_details: TokenKinds
    images: Annotated[int, Meta(description="Pictures delivered.")]
    cost: Dollars
    cost_source: CostSource


class EndpointThere(msgspec.Struct, kw_only=True):
    """An offer that could be asked."""

    provider: Annotated[str, Meta(description="The provider's name.")]
    model: str
    selected: Annotated[bool, Meta(description="Whether the answer is from there.")]


class EndpointNotThere(msgspec.Struct, kw_only=True):
    """An offer that could not be asked."""

    provider: Annotated[str, Meta(description="The provider's slug.")]
    model: str
    reason: Annotated[str, Meta(description="Why, in a sentence.")]


class EndpointsSeen(msgspec.Struct, kw_only=True):
    """The offers of the models asked for."""

    total: int
    available: Annotated[list[EndpointThere], Meta(description="In the order in which they were to be asked.")]
    excluded: list[EndpointNotThere]


class EndpointAsked(msgspec.Struct, kw_only=True):
    """One attempt."""

    provider: Annotated[str, Meta(description="The provider's name.")]
    model: str
    status: Annotated[int | None, Meta(description="200, or the HTTP status of its failure; null: it had none.")]


class RouterMetadata(msgspec.Struct, kw_only=True):
    """How a request was routed, in OpenRouter's shape; there where `x-openrouter-metadata: enabled` was sent."""

    requested: Annotated[str | None, Meta(description="The model as it was asked for.")]
    strategy: Annotated[
        Literal["direct", "fallback"], Meta(description="`fallback`: the answer is another model's than the first's.")
    ]
    region: None
    summary: Annotated[str, Meta(description="The decision in a sentence.")]
    attempt: Annotated[int, Meta(description="How many there were.")]
    is_byok: Annotated[bool, Meta(description="Always false.")]
    endpoints: EndpointsSeen
    attempts: list[EndpointAsked]
    routing_strategy: Annotated[str, Meta(description="Who decided the order, by our names.")]


class MadePicture(msgspec.Struct, kw_only=True):
    """One picture. Either `b64_json` or `url` is there."""

    b64_json: Annotated[str | UnsetType, Meta(description="The picture as base64.")] = UNSET
    url: Annotated[str | UnsetType, Meta(description="A signed address on this gateway that works for a while.")] = (
        UNSET
    )
    media_type: str
    width: Annotated[int, Meta(description="Pixels, measured in the picture itself.")]
    height: int
    seed: int | UnsetType = UNSET
    revised_prompt: str | UnsetType = UNSET


class Shortfall(msgspec.Struct, kw_only=True):
    """Why one of the pictures asked for did not come."""

    message: str
    code: str


class Echo(msgspec.Struct, kw_only=True):
    """What the provider says it used, where it does."""

    size: str | UnsetType = UNSET
    quality: str | UnsetType = UNSET
    background: str | UnsetType = UNSET
    output_format: str | UnsetType = UNSET


class Images(Echo, kw_only=True):
    """The pictures that were made."""

    created: Annotated[int, Meta(description="Unix seconds.")]
    data: list[MadePicture]
    usage: ImageUsage
    errors: Annotated[
        list[Shortfall] | UnsetType, Meta(description="One for each picture that was asked for and did not come.")
    ] = UNSET
    openrouter_metadata: RouterMetadata | UnsetType = UNSET


class RouterImages(Echo, kw_only=True):
    """The pictures that were made."""

    created: Annotated[int, Meta(description="Unix seconds.")]
    data: list[MadePicture]
    usage: TokenUsageWithKey
    errors: list[Shortfall] | UnsetType = UNSET
    openrouter_metadata: RouterMetadata | UnsetType = UNSET


class AssistantMessage(msgspec.Struct, kw_only=True):
    """The answer of a chat. Fields that are not listed are as the provider sent them."""

    role: str
    content: str | None
    refusal: str | UnsetType | None = UNSET
    images: Annotated[list[PicturePart] | UnsetType, Meta(description="Pictures that were made, as data URLs.")] = UNSET


class Choice(msgspec.Struct, kw_only=True):
    """One answer."""

    index: int
    message: AssistantMessage
    finish_reason: str | None
    logprobs: Extra | UnsetType | None = UNSET


class ChatCompletion(msgspec.Struct, kw_only=True):
    """A chat completion; its choices are as the provider wrote them."""

    id: str
    object: Literal["chat.completion"] = "chat.completion"
    created: Annotated[int, Meta(description="Unix seconds.")]
    model: str
    system_fingerprint: str | None
    choices: list[Choice]
    usage: TokenUsage
    errors: list[Shortfall] | UnsetType = UNSET
    openrouter_metadata: RouterMetadata | UnsetType = UNSET


class RouterChatCompletion(ChatCompletion, kw_only=True):
    """A chat completion, with the name of the provider."""

    provider: str | UnsetType = UNSET


class ChunkChoice(msgspec.Struct, kw_only=True):
    """A part of one answer."""

    index: int
    delta: Extra
    finish_reason: str | UnsetType | None = UNSET


class ChatChunk(msgspec.Struct, kw_only=True):
    """One event of a streamed chat; `data: [DONE]` ends the stream. The last chunk has no choices but the usage."""

    id: str
    object: Literal["chat.completion.chunk"] = "chat.completion.chunk"
    created: int
    model: str
    system_fingerprint: str | UnsetType | None = UNSET
    provider: str | UnsetType = UNSET
    choices: list[ChunkChoice]
    usage: TokenUsage | UnsetType = UNSET
    errors: list[Shortfall] | UnsetType = UNSET
    openrouter_metadata: RouterMetadata | UnsetType = UNSET


class ErrorFields(msgspec.Struct, kw_only=True):
    """What went wrong, in a sentence, and what to do about it."""

    message: str
    type: str
    code: Annotated[str | None, Meta(description="One word for programs, such as `model_not_found`.")]
    param: Annotated[str | None, Meta(description="The request field it is about.")]


class ErrorAnswer(msgspec.Struct, kw_only=True):
    """An error. The id in the header `x-request-id` finds it in the log."""

    error: ErrorFields
    message: Annotated[str, Meta(description="The sentence again.")]
    openrouter_metadata: RouterMetadata | UnsetType = UNSET


class PictureEvent(Echo, kw_only=True):
    """What the events of both dialects share."""

    type: Annotated[
        str,
        Meta(
            description="`image_generation.partial_image` for a preview and `image_generation.completed` for a "
            "picture (`image_edit.*` for edits under `/v1`), or `error`."
        ),
    ]
    b64_json: str | UnsetType = UNSET
    url: str | UnsetType = UNSET
    media_type: str | UnsetType = UNSET
    width: int | UnsetType = UNSET
    height: int | UnsetType = UNSET
    seed: int | UnsetType = UNSET
    revised_prompt: str | UnsetType = UNSET
    partial_image_index: Annotated[int | UnsetType, Meta(description="Of a preview, from 0.")] = UNSET
    created_at: Annotated[int | UnsetType, Meta(description="Unix seconds.")] = UNSET
    created: int | UnsetType = UNSET
    errors: Annotated[
        list[Shortfall] | UnsetType, Meta(description="One for each picture that was asked for and did not come.")
    ] = UNSET
    openrouter_metadata: RouterMetadata | UnsetType = UNSET


class ImageEvent(PictureEvent, kw_only=True):
    """One event of streamed pictures; `data: [DONE]` ends the stream. The last picture brings the usage."""

    usage: ImageUsage | UnsetType | None = UNSET
    error: ErrorFields | UnsetType = UNSET
    message: str | UnsetType = UNSET


class RouterEventError(msgspec.Struct, kw_only=True):
    """What went wrong after the stream began."""

    message: str
    code: str


class RouterImageEvent(PictureEvent, kw_only=True):
    """One event of streamed pictures; `data: [DONE]` ends the stream. The last picture brings the usage."""

    usage: TokenUsage | UnsetType | None = UNSET
    error: RouterEventError | UnsetType = UNSET


class Embedding(msgspec.Struct, kw_only=True):
    """One vector."""

    object: Literal["embedding"] = "embedding"
    index: int
    embedding: Annotated[list[float] | str, Meta(description="Numbers, or base64 where that was asked for.")]


class EmbeddingUsage(msgspec.Struct, kw_only=True):
    """What a call for embeddings used."""

    prompt_tokens: int
    completion_tokens: int
    total_tokens: int
    cost: Dollars


class Embeddings(msgspec.Struct, kw_only=True):
    """Vectors, as the provider sent them."""

    object: Literal["list"] = "list"
    data: list[Embedding]
    model: str
    usage: EmbeddingUsage
    openrouter_metadata: RouterMetadata | UnsetType = UNSET


class RouterErrorFields(msgspec.Struct, kw_only=True):
    """What went wrong, in a sentence."""

    code: Annotated[int, Meta(description="The HTTP status.")]
    message: str
    metadata: Annotated[Extra, Meta(description="`error_type`, `error_code`, and the provider where there was one.")]


class RouterErrorAnswer(msgspec.Struct, kw_only=True):
    """An error. The id in the header `x-request-id` finds it in the log."""

    error: RouterErrorFields
    openrouter_metadata: RouterMetadata | UnsetType = UNSET


class Health(msgspec.Struct, kw_only=True):
    """That it runs."""

    status: Annotated[str, Meta(description="`ok` or `ready`.")]


class AssetQuery(msgspec.Struct, kw_only=True):
    """The signature in an address of ours; without it a key is needed. It covers neither `width` nor `download`."""

    width: Annotated[
        Literal[320, 960] | UnsetType,
        Meta(
            description="A small version as WebP, no side longer than so many pixels and none longer than it was; "
            "without it the picture itself."
        ),
    ] = UNSET
    download: Annotated[
        str | UnsetType, Meta(description="The name under which a browser saves the picture instead of showing it.")
    ] = UNSET
    expires: Annotated[int | UnsetType, Meta(description="Unix seconds.")] = UNSET
    signature: str | UnsetType = UNSET


class ExplainQuery(msgspec.Struct, kw_only=True):
    """A request without pictures, field by field."""

    model: Annotated[str, Meta(description="Slug or alias of a model.")]
    operation: Annotated[
        Literal["chat", "image_generation", "embedding"] | UnsetType,
        Meta(description="May be left out where the other fields make it plain."),
    ] = UNSET
    prompt: Annotated[str | UnsetType, Meta(description="Of a request for pictures.")] = UNSET
    n: Annotated[int | UnsetType, Meta(description="How many pictures; 1 by default.")] = UNSET
    size: Annotated[str | UnsetType, Meta(description="Pixels such as `1024x768`, or a size class.")] = UNSET
    aspect_ratio: Annotated[str | UnsetType, Meta(description="Such as `16:9`.")] = UNSET
    resolution: Annotated[str | UnsetType, Meta(description="A size class: `1K`, `2K` or `4K`.")] = UNSET
    quality: Annotated[str | UnsetType, Meta(description="Such as `low`, `medium` or `high`.")] = UNSET
    seed: int | UnsetType = UNSET
    messages: Annotated[str | UnsetType, Meta(description="Of a chat, a JSON list.")] = UNSET
    max_tokens: Annotated[int | UnsetType, Meta(description="Of a chat: the longest answer.")] = UNSET
    input: Annotated[str | UnsetType, Meta(description="Of a request for vectors.")] = UNSET
    user: Annotated[str | UnsetType, Meta(description="Your own name for the end user.")] = UNSET
    stream: bool | UnsetType = UNSET
    models: Annotated[str | UnsetType, Meta(description="Fallbacks, a JSON list of models.")] = UNSET
    preset: Annotated[str | UnsetType, Meta(description="A preset of this installation, by name.")] = UNSET
    provider: Annotated[str | UnsetType, Meta(description="The choice of providers, a JSON object.")] = UNSET
