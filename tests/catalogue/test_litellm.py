"""LiteLLM's rows as ours: names, prices digit by digit, and each trap of the file."""

import json
from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from penstock.catalogue.imported import (
    ImportedMeter,
    ImportedModel,
    ImportedOffer,
    Layer,
    files,
    read_layer,
    write_layer,
)
from penstock.catalogue.litellm import read_file
from penstock.catalogue.load import DATA
from penstock.catalogue.schema import CatalogueError
from penstock.core.call import Operation
from penstock.core.price import BINARY_MEGAPIXEL, Unit

DAY = date(2026, 11, 21)
CHAT = {"mode": "chat", "input_cost_per_token": 1e-06, "output_cost_per_token": 4e-06}
PICTURE = {"mode": "image_generation"}
SHIPPED = read_layer(files(DATA)[0])


def layer(**rows: dict[str, Any]) -> Layer:
    return read_file(json.dumps({"sample_spec": {"mode": "chat"}, **rows}).encode(), "1.109.1", DAY)


def named(rows: dict[str, dict[str, Any]]) -> Layer:
    return layer(**rows)


def only(name: str, seller: str, **row: Any) -> ImportedOffer:
    (offer,) = named({name: {"litellm_provider": seller, **row}}).offers
    return offer


def prices(offer: ImportedOffer) -> dict[str, str]:
    return {meter.unit: f"{meter.amount:f}" for meter in offer.meters}


NAMES = [
    ("gpt-4o", "openai", "openai/gpt-4o", "openai/gpt-4o"),
    ("o4-mini", "openai", "openai/o4-mini", "openai/o4-mini"),
    ("gemini/gemini-2.5-flash", "gemini", "google/gemini-2.5-flash", "google/gemini-2.5-flash"),
    ("xai/grok-4.7", "xai", "x-ai/grok-4.7", "xai/grok-4.7"),
    ("mistral/ministral-8b-latest", "mistral", "mistralai/ministral-8b-latest", "mistral/ministral-8b-latest"),
    ("together_ai/Qwen/Qwen3-32B", "together_ai", "qwen/qwen3-32b", "together/Qwen/Qwen3-32B"),
    ("command-r-plus", "cohere_chat", "cohere/command-r-plus", "cohere/command-r-plus"),
    ("amazon.nova-pro-v1:0", "bedrock_converse", "amazon/nova-pro", "bedrock/amazon.nova-pro-v1:0"),
    ("azure_ai/Phi-4", "azure_ai", "microsoft/phi-4", "azure/Phi-4"),
    ("azure_ai/FW-Kimi-K3", "azure_ai", "moonshotai/kimi-k3", "azure/FW-Kimi-K3"),
    (
        "fireworks_ai/accounts/fireworks/models/llama-v3p3-70b-instruct",
        "fireworks_ai",
        "meta-llama/llama-3.3-70b-instruct",
        "fireworks/accounts/fireworks/models/llama-v3p3-70b-instruct",
    ),
    ("wandb/OpenPipe/Qwen3-14B-Instruct", "wandb", "openpipe/qwen3-14b-instruct", "wandb/OpenPipe/Qwen3-14B-Instruct"),
    ("vertex_ai/claude-opus-4-8@default", "vertex_ai-anthropic_models", "anthropic/claude-opus-4.8", None),
    ("morph/morph-v3-fast", "morph", "morph/morph-v3-fast", "morph/morph-v3-fast"),
]


@pytest.mark.parametrize(("row", "seller", "slug", "id"), NAMES)
def test_a_name_is_read_as_maker_and_model_and_what_the_provider_calls_it(
    row: str, seller: str, slug: str, id: str | None
) -> None:
    offer = only(row, seller, **CHAT)
    assert offer.model == slug
    assert id is None or offer.id == id


SPELLINGS = {
    "anthropic/claude-sonnet-4.5": {
        "claude-sonnet-4-5": "anthropic",
        "claude-sonnet-4-5-20250929": "anthropic",
        "vertex_ai/claude-sonnet-4-5@20250929": "vertex_ai-anthropic_models",
        "anthropic.claude-sonnet-4-5-20250929-v1:0": "bedrock",
        "replicate/anthropic/claude-4.5-sonnet": "replicate",
        "databricks/databricks-claude-sonnet-4-5": "databricks",
    },
    "meta-llama/llama-3.3-70b-instruct": {
        "deepinfra/meta-llama/Llama-3.3-70B-Instruct": "deepinfra",
        "ovhcloud/Meta-Llama-3_3-70B-Instruct": "ovhcloud",
        "meta.llama3-3-70b-instruct-v1:0": "bedrock_converse",
        "vertex_ai/meta/llama-3.3-70b-instruct-maas": "vertex_ai-llama_models",
        "lambda_ai/llama3.3-70b-instruct-fp8": "lambda_ai",
    },
    "qwen/qwen3-32b": {"groq/qwen/qwen3-32b": "groq", "cerebras/qwen-3-32b": "cerebras"},
}


@pytest.mark.parametrize("slug", SPELLINGS)
def test_the_same_model_at_several_providers_is_one_with_an_offer_for_each(slug: str) -> None:
    rows = {name: {"litellm_provider": seller, **CHAT} for name, seller in SPELLINGS[slug].items()}
    found = named(rows)
    assert [model.slug for model in found.models] == [slug]
    assert len(found.offers) == len({offer.provider for offer in found.offers}) == len(set(SPELLINGS[slug].values()))


def test_snapshots_that_are_more_than_another_spelling_stay_models_of_their_own() -> None:
    rows = {name: {"litellm_provider": "openai", **CHAT} for name in ("gpt-4o", "gpt-4o-2024-08-06")}
    assert [model.slug for model in named(rows).models] == ["openai/gpt-4o", "openai/gpt-4o-2024-08-06"]


def test_a_row_for_one_region_counts_only_where_there_is_no_other() -> None:
    rows = {
        "us.anthropic.claude-opus-4-8": {"litellm_provider": "bedrock_converse", **CHAT},
        "bedrock/eu-west-1/anthropic.claude-opus-4-8": {"litellm_provider": "bedrock", **CHAT},
    }
    (regional,) = named(rows).offers
    assert regional.upstream == "anthropic.claude-opus-4-8" and "region us" in regional.note
    (everywhere,) = named(rows | {"anthropic.claude-opus-4-8": rows["us.anthropic.claude-opus-4-8"]}).offers
    assert everywhere.note == ""


def test_amounts_are_taken_digit_by_digit_and_longer_inputs_come_first() -> None:
    text = (
        '{"sample_spec": {}, "gpt-9": {"litellm_provider": "openai", "mode": "chat", "input_cost_per_token": '
        '1.25e-06, "output_cost_per_token": 0.00001, "cache_read_input_token_cost": 1.25e-07, '
        '"input_cost_per_token_above_200k_tokens": 2.5e-06, "max_input_tokens": 400000, "max_output_tokens": 128000, '
        '"input_cost_per_token_batches": 9, "source": "https://example.com/prices"}}'
    )
    (offer,) = read_file(text.encode(), "1", DAY).offers
    assert offer.meters == (
        ImportedMeter(unit=Unit.TEXT_TOKEN_IN, amount=Decimal("0.0000025"), above=200_000),
        ImportedMeter(unit=Unit.TEXT_TOKEN_IN, amount=Decimal("0.00000125")),
        ImportedMeter(unit=Unit.CACHED_TEXT_TOKEN_IN, amount=Decimal("0.000000125")),
        ImportedMeter(unit=Unit.TEXT_TOKEN_OUT, amount=Decimal("0.00001")),
    )
    assert (offer.context_tokens, offer.max_output_tokens) == (400_000, 128_000)
    assert offer.source == "https://example.com/prices"


def test_prices_in_bands_of_input_are_tiers_without_the_noise_of_floating_point() -> None:
    bands = [
        {"range": [0, 272000], "input_cost_per_token": 1.0000000000000001e-07, "output_cost_per_token": 5e-07},
        {"range": [272000, 1050000], "input_cost_per_token": 2.0000000000000002e-07, "output_cost_per_token": 7.5e-07},
    ]
    text = json.dumps(
        {"sample_spec": {}, "qwen-x": {"litellm_provider": "dashscope", "mode": "chat", "tiered_pricing": bands}}
    )
    (offer,) = read_file(text.encode(), "1", DAY).offers
    assert [(str(meter.unit), meter.above, f"{meter.amount:f}") for meter in offer.meters] == [
        ("text_token_in", 272_000, "0.0000002"),
        ("text_token_out", 272_000, "0.00000075"),
        ("text_token_in", None, "0.0000001"),
        ("text_token_out", None, "0.0000005"),
    ]


def test_vectors_are_priced_by_what_goes_in() -> None:
    offer = only(
        "text-embedding-3-large", "openai", mode="embedding", input_cost_per_token=1.3e-07, output_cost_per_token=0
    )
    assert offer.operations == (Operation.EMBEDDING,)
    assert prices(offer) == {"text_token_in": "0.00000013"}


# The traps


@pytest.mark.parametrize(
    ("name", "seller", "row", "unit", "amount"),
    [
        ("xai/grok-imagine-image", "xai", {"input_cost_per_image": 0.02}, "image", "0.02"),
        ("azure/standard/1024-x-1024/dall-e-3", "azure", {"input_cost_per_pixel": 3.81469e-08}, "image", "0.04"),
        ("hd/1024-x-1792/dall-e-3", "openai", {"input_cost_per_image": 0.12}, "image", "0.12"),
        ("nscale/stabilityai/sdxl", "nscale", {"input_cost_per_pixel": 3e-09}, "output_megapixel", "0.003"),
    ],
)
def test_trap_1_a_price_of_input_on_rows_of_pictures_is_that_of_the_picture_made(
    name: str, seller: str, row: dict[str, Any], unit: str, amount: str
) -> None:
    offer = only(name, seller, **PICTURE, **row, output_cost_per_pixel=0)
    assert prices(offer) == {unit: amount}


def test_trap_2_a_flat_price_beside_tokens_is_left_out() -> None:
    row = {"input_cost_per_token": 2e-06, "output_cost_per_image_token": 0.00012, "output_cost_per_image": 0.134}
    offer = only("gemini/gemini-3-pro-image", "gemini", **PICTURE, **row)
    assert prices(offer) == {"text_token_in": "0.000002", "image_token_out": "0.00012"}
    assert not offer.unverified


def test_trap_2_a_flat_price_beside_those_of_sizes_is_left_out() -> None:
    rows = {
        "fal_ai/openai/gpt-image-2": {"output_cost_per_image": 0.145},
        "fal_ai/low/1024-x-1024/openai/gpt-image-2": {"output_cost_per_image": 0.006},
        "fal_ai/high/1024-x-1024/openai/gpt-image-2": {"output_cost_per_image": 0.211},
    }
    (offer,) = named({name: {"litellm_provider": "fal_ai", **PICTURE, **row} for name, row in rows.items()}).offers
    assert [(meter.when["quality"], f"{meter.amount:f}") for meter in offer.meters] == [
        (("low",), "0.006"),
        (("high",), "0.211"),
    ]
    assert (offer.sizes, offer.qualities) == (("1024x1024",), ("low", "high"))


@pytest.mark.parametrize(
    ("name", "seller", "row"),
    [
        pytest.param(
            "aiml/flux-pro/v1.1", "aiml", {"output_cost_per_image": 0.052}, id="flat, of a model by megapixel"
        ),
        pytest.param("512-x-512/50-steps/stability.sdxl-v0", "bedrock", {"output_cost_per_image": 0.018}, id="steps"),
        pytest.param("max-x-max/x-ai/grok", "xai", {"output_cost_per_image": 0.1}, id="no size"),
        pytest.param("tencent/seedream", "tencent", {"output_cost_per_image_token": 1.6e-06}, id="half a price"),
    ],
)
def test_trap_3_rules_of_pictures_that_cannot_be_expressed_are_not_imported(
    name: str, seller: str, row: dict[str, Any]
) -> None:
    assert named({name: {"litellm_provider": seller, **PICTURE, **row}}).offers == ()


@pytest.mark.parametrize(
    "row",
    [
        pytest.param({"output_cost_per_reasoning_token": 9e-06}, id="thoughts"),
        pytest.param({"off_peak_pricing": {"windows": []}}, id="time of day"),
        pytest.param({"input_cost_per_request": 0.005}, id="requests"),
        pytest.param({"citation_cost_per_token": 2e-06}, id="citations"),
    ],
)
def test_trap_3_a_text_model_with_a_rule_that_cannot_be_expressed_is_unpriced_and_says_why(row: dict[str, Any]) -> None:
    offer = only("deepseek/deepseek-x", "deepseek", **CHAT, **row)
    assert offer.meters == () and offer.note


def test_a_flat_price_of_a_picture_is_unverified_and_one_per_pixel_is_per_megapixel() -> None:
    flat = only("recraft/recraftv3", "recraft", **PICTURE, output_cost_per_image=0.04)
    assert prices(flat) == {"image": "0.04"} and flat.unverified and flat.note
    row = {"output_cost_per_image": 0.025, "output_cost_per_pixel": 2.384185791015625e-08}
    (meter,) = only("fal_ai/fal-ai/flux/dev", "fal_ai", **PICTURE, **row).meters
    assert (meter.unit, meter.amount, meter.pixels) == (Unit.OUTPUT_MEGAPIXEL, Decimal("0.025"), BINARY_MEGAPIXEL)


@pytest.mark.parametrize("name", ["inpaint", "erase", "conservative"])
def test_trap_4_stability_s_prices_of_edits_are_not_imported(name: str) -> None:
    row = {"litellm_provider": "stability", "mode": "image_edit", "output_cost_per_image": 0.005}
    assert named({f"stability/{name}": row}).offers == ()


def test_trap_5_a_row_that_has_ended_keeps_its_day() -> None:
    assert only("gpt-4", "openai", **CHAT, deprecation_date="2026-10-23").deprecates == date(2026, 10, 23)
    assert only("gpt-4", "openai", **CHAT, deprecation_date="when it is gone").deprecates is None


def test_trap_5_a_row_that_lasts_comes_before_one_that_has_ended() -> None:
    rows = {
        "together_ai/Qwen/Qwen3-32B": {"litellm_provider": "together_ai", **CHAT, "deprecation_date": "2025-01-01"},
        "together_ai/Qwen/Qwen3-32B-FP8": {"litellm_provider": "together_ai", **CHAT},
    }
    (offer,) = named(rows).offers
    assert (offer.upstream, offer.deprecates) == ("Qwen/Qwen3-32B-FP8", None)


@pytest.mark.parametrize(
    ("name", "mode"),
    [("flux-kontext-pro", "image_generation"), ("SSD-1B", "image_generation"), ("flux-1-dev", "chat")],
)
def test_trap_6_fireworks_pictures_priced_as_tokens_are_not_imported(name: str, mode: str) -> None:
    row = {**CHAT, "litellm_provider": "fireworks_ai", "mode": mode}
    assert named({f"fireworks_ai/accounts/fireworks/models/{name}": row}).offers == ()


def test_trap_7_nothing_comes_from_litellm_s_own_adapter_of_black_forest_labs() -> None:
    row = {"litellm_provider": "black_forest_labs", **PICTURE, "output_cost_per_image": 0.04}
    assert named({"black_forest_labs/flux-pro-1.1": row}).offers == ()


@pytest.mark.parametrize(
    ("name", "seller", "free"),
    [
        ("ollama/llama3.1", "ollama", True),
        ("lemonade/Gemma-3-4b-it-GGUF", "lemonade", True),
        ("ollama/gpt-oss:20b-cloud", "ollama", False),
        ("gemini/gemini-exp-1206", "gemini", False),
        ("publicai/swiss-ai/apertus-8b-instruct", "publicai", False),
    ],
)
def test_a_price_of_zero_is_free_on_one_s_own_machine_and_unknown_elsewhere(name: str, seller: str, free: bool) -> None:
    offer = only(name, seller, mode="chat", input_cost_per_token=0, output_cost_per_token=0.0)
    assert [meter.amount for meter in offer.meters] == [0, 0] if free else offer.meters == ()
    assert offer.note


@pytest.mark.parametrize(
    ("name", "row"),
    [
        ("ft:gpt-4o", {"litellm_provider": "openai", **CHAT}),
        ("together-ai-4.1b-8b", {"litellm_provider": "together_ai", **CHAT}),
        ("azure/model-router", {"litellm_provider": "azure", **CHAT}),
        ("whisper-1", {"litellm_provider": "openai", **CHAT, "mode": "audio_transcription"}),
        ("chatgpt/gpt-5", {"litellm_provider": "chatgpt", "mode": "chat"}),
    ],
)
def test_rows_that_are_no_model_or_have_no_price_are_left_out(name: str, row: dict[str, Any]) -> None:
    assert named({name: row}).models == ()


def test_what_only_openai_s_other_endpoints_reach_cannot_be_called_as_a_chat() -> None:
    responses = only("o1-pro", "openai", **{**CHAT, "mode": "responses"}, supported_endpoints=["/v1/responses"])
    assert responses.operations == () and responses.meters
    both = ["/v1/responses", "/v1/chat/completions"]
    assert only("gpt-x", "openai", **{**CHAT, "mode": "responses"}, supported_endpoints=both).operations == ("chat",)


def test_a_name_that_two_models_would_have_leads_to_neither() -> None:
    rows = {
        "anyscale/aaa/zephyr": {"litellm_provider": "anyscale", **CHAT},
        "anyscale/bbb/zephyr": {"litellm_provider": "anyscale", **CHAT},
    }
    assert all("zephyr" not in model.aliases for model in named(rows).models)


@pytest.mark.parametrize("data", [b"", b"[]", b'{"gpt-4o": {}}'])
def test_what_is_not_litellm_s_file_is_refused(data: bytes) -> None:
    with pytest.raises(CatalogueError, match="This is not"):
        read_file(data, "1", DAY)


# The shipped file


def test_the_shipped_file_says_where_it_is_from() -> None:
    origin = SHIPPED.origin
    assert (origin.name, origin.release, origin.date) == ("LiteLLM", "1.109.1", DAY)
    assert len(SHIPPED.models) == 1370 and len(SHIPPED.offers) == 2946


def test_no_shipped_amount_is_zero_unless_the_note_says_that_it_is_free() -> None:
    for offer in SHIPPED.offers:
        assert offer.meters or offer.note, offer.id
        assert all(meter.amount > 0 for meter in offer.meters) or "your own machine" in offer.note, offer.id


def test_a_file_is_written_the_same_whenever_it_is_written(tmp_path: Any) -> None:
    write_layer(SHIPPED, tmp_path / "again.json")
    assert (tmp_path / "again.json").read_bytes() == files(DATA)[0].read_bytes()
    assert read_layer(tmp_path / "again.json") == SHIPPED


def test_the_rows_of_a_file_stand_sorted_each_on_a_line() -> None:
    lines = files(DATA)[0].read_text(encoding="utf-8").splitlines()
    assert len(lines) == len(SHIPPED.models) + len(SHIPPED.offers) + len(SHIPPED.providers) + 7
    keys = [(offer.model, offer.provider, offer.upstream) for offer in SHIPPED.offers]
    assert keys == sorted(keys)
    slugs = [model.slug for model in SHIPPED.models]
    assert slugs == sorted(set(slugs))


def test_no_two_shipped_models_share_a_name() -> None:
    owners: dict[str, ImportedModel] = {}
    for model in SHIPPED.models:
        for name in (model.slug, *model.aliases):
            assert owners.setdefault(name, model) is model, name
