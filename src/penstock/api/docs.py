"""What the documentation says of each endpoint beside its route: its place, its bodies, an example that works."""

from collections.abc import Mapping

from penstock.api import documents, explain, models, openrouter_models, quotes, workloads
from penstock.api.admin_docs import ADMIN_DOCS
from penstock.api.documented import Docs
from penstock.api.usage_docs import USAGE_DOCS

_MODEL = {"model": "sandbox/image", "prompt": "A lighthouse at dusk, oil on canvas"}
# Sea and sky, 64x64.
_SMALL_PICTURE = (
    "data:image/png;base64,"
    "iVBORw0KGgoAAAANSUhEUgAAAEAAAABAAQMAAACQp+OdAAAABlBMVEXmljwUWmSQZc/KAAAAFklEQVR42mNgGAV0BYz/oQwmhuHA"
    "AADiCwEtv2puSgAAAABJRU5ErkJggg=="
)
_CHAT = {"model": "sandbox/text", "messages": [{"role": "user", "content": "Say hello."}]}
_TEXT = {"model": "sandbox/embedding", "input": "A lighthouse at dusk"}
_EMBEDDINGS = Docs(tag="Embeddings", request=documents.EmbeddingRequest, response=documents.Embeddings, example=_TEXT)
_HEALTH = Docs(tag="Health", response=documents.Health)

DOCS: Mapping[str, Docs] = {
    "POST /v1/chat/completions": Docs(
        tag="Chat",
        request=documents.ChatRequest,
        response=documents.ChatCompletion,
        events=documents.ChatChunk,
        example=_CHAT,
        description="In OpenAI's dialect. A model that makes pictures answers with them in `message.images`.",
    ),
    "POST /api/v1/chat/completions": Docs(
        tag="Chat",
        request=documents.ChatRequest,
        response=documents.RouterChatCompletion,
        events=documents.ChatChunk,
        example=_CHAT,
        description="In OpenRouter's dialect. A model that makes pictures answers with them in `message.images`.",
    ),
    "POST /v1/images/generations": Docs(
        tag="Images",
        request=documents.ImageRequest,
        response=documents.Images,
        events=documents.ImageEvent,
        example=_MODEL | {"size": "1024x1024"},
    ),
    "POST /v1/images/edits": Docs(
        tag="Images",
        request=documents.ImageEditRequest,
        form=documents.ImageEditForm,
        response=documents.Images,
        events=documents.ImageEvent,
        description="As JSON, or as a form with files.",
        example=_MODEL | {"prompt": "Make it night", "images": [{"image_url": _SMALL_PICTURE}]},
    ),
    "POST /api/v1/images": Docs(
        tag="Images",
        request=documents.RouterImageRequest,
        response=documents.RouterImages,
        events=documents.RouterImageEvent,
        description="In OpenRouter's dialect: a generation, or an edit where there are `input_references`.",
        example=_MODEL | {"aspect_ratio": "16:9"},
    ),
    "POST /v1/embeddings": _EMBEDDINGS,
    "POST /api/v1/embeddings": _EMBEDDINGS,
    "POST /v1/quote": Docs(
        tag="Quotes",
        request=quotes.QuoteRequest,
        form=quotes.QuoteForm,
        response=quotes.QuoteAnswer,
        description="Takes the body of a request for any of the endpoints above, reads it as that endpoint would and "
        "calls nobody. Offers that are off or cannot do it are listed with the reason.",
        example=_MODEL | {"operation": "image_generation", "size": "2048x2048"},
    ),
    "GET /v1/explain": Docs(
        tag="Quotes",
        query=documents.ExplainQuery,
        response=explain.Explanation,
        description="The fields of a request that brings no pictures, as a query; objects and lists are written as "
        "JSON. Any field of its endpoint may stand here.",
    ),
    "POST /v1/explain": Docs(
        tag="Quotes",
        request=quotes.QuoteRequest,
        form=quotes.QuoteForm,
        response=explain.Explanation,
        description="Takes the body of a request for any of the endpoints above, routes it as that endpoint would and "
        "calls nobody.",
        example=_MODEL | {"size": "2048x2048", "provider": {"sort": "price"}},
    ),
    "POST /v1/quote/workload": Docs(
        tag="Quotes",
        request=workloads.WorkloadRequest,
        response=workloads.WorkloadAnswer,
        description="Requests described by their numbers; none is made.",
        example={
            "model": "sandbox/image",
            "operation": "image_generation",
            "requests_per_day": 1000,
            "size": "1024x1024",
            "references": [{"width": 1024, "height": 1024}],
            "edits_share": 0.25,
            "cache_hit_share": 0.2,
        },
    ),
    "GET /v1/assets/{digest}": Docs(
        tag="Images",
        media_type="image/*",
        query=documents.AssetQuery,
        description="Needs the signed address that an answer gave, or a key that made or sent the picture. With ETag "
        "and byte ranges.",
    ),
    "DELETE /v1/assets/{digest}": Docs(
        tag="Images",
        empty=True,
        description="By a key that made or sent the picture, where no other key did, or by an administrator. The "
        "ledger keeps what it cost and which requests it belonged to.",
    ),
    "GET /healthz": _HEALTH,
    "GET /health": _HEALTH,
    "GET /v1/health": _HEALTH,
    "GET /v1/healthz": _HEALTH,
    "GET /readyz": _HEALTH,
    "GET /v1/models": Docs(tag="Models", response=models.ModelList),
    "GET /v1/models/{model...}": Docs(tag="Models", response=models.ModelCard, description="By slug or alias."),
    "GET /api/v1/models": Docs(
        tag="Models",
        query=openrouter_models.ModelQuery,
        response=openrouter_models.RouterModelList,
        description="Models that put out text, unless `output_modalities` asks for others. By OpenRouter's contract "
        "prices are strings per token; `price_lines` has the whole price.",
    ),
    "GET /api/v1/model/{author}/{slug}": Docs(
        tag="Models", response=openrouter_models.RouterModelAnswer, description="By slug or alias."
    ),
    "GET /api/v1/models/{author}/{slug}/endpoints": Docs(tag="Models", response=openrouter_models.ModelEndpointsAnswer),
    "GET /api/v1/images/models": Docs(tag="Models", response=openrouter_models.ImageModelList),
    "GET /api/v1/images/models/{author}/{slug}/endpoints": Docs(
        tag="Models",
        response=openrouter_models.ImageModelEndpoints,
        description="What each provider takes of a request, and what it costs there line by line.",
    ),
    "GET /openapi.json": Docs(tag="Documentation", media_type="application/vnd.oai.openapi+json"),
    **ADMIN_DOCS,
    **USAGE_DOCS,
}
"""By method and path, as in the table of routes; a test compares the two."""
