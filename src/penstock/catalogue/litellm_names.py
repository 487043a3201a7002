"""Names in LiteLLM's price file: who sells, who made it, and which rows are the same model at several providers.

Everything here is a table or reads one. A name that no table knows keeps its seller: its slug is `provider/name`.
"""

import re
from dataclasses import dataclass

SELLERS = {
    "aiml": ("aimlapi", "AI/ML API"),
    "ai21": ("ai21", "AI21 Labs"),
    "amazon_nova": ("amazon-nova", "Amazon Nova API"),
    "anthropic": ("anthropic", "Anthropic"),
    "azure": ("azure", "Microsoft Azure"),
    "azure_ai": ("azure", "Microsoft Azure"),
    "azure_text": ("azure", "Microsoft Azure"),
    "bedrock": ("bedrock", "Amazon Bedrock"),
    "bedrock_converse": ("bedrock", "Amazon Bedrock"),
    "bedrock_mantle": ("bedrock", "Amazon Bedrock"),
    "bigmodel": ("bigmodel", "BigModel (Zhipu)"),
    "chatgpt": ("chatgpt", "ChatGPT subscription"),
    "clf_ai_gateway": ("clf-ai-gateway", "CLF AI Gateway"),
    "cloudflare": ("cloudflare", "Cloudflare Workers AI"),
    "cohere": ("cohere", "Cohere"),
    "cohere_chat": ("cohere", "Cohere"),
    "dashscope": ("dashscope", "Alibaba Cloud Model Studio"),
    "deepinfra": ("deepinfra", "DeepInfra"),
    "deepseek": ("deepseek", "DeepSeek"),
    "fal_ai": ("fal", "fal.ai"),
    "fireworks_ai": ("fireworks", "Fireworks AI"),
    "fireworks_ai-embedding-models": ("fireworks", "Fireworks AI"),
    "friendliai": ("friendliai", "FriendliAI"),
    "gemini": ("google", "Google"),
    "github_copilot": ("github-copilot", "GitHub Copilot"),
    "gmi": ("gmi", "GMI Cloud"),
    "lambda_ai": ("lambda", "Lambda"),
    "meta": ("meta", "Meta"),
    "meta_llama": ("meta-llama", "Meta Llama API"),
    "minimax": ("minimax", "MiniMax"),
    "mistral": ("mistral", "Mistral AI"),
    "moonshot": ("moonshot", "Moonshot AI"),
    "nlp_cloud": ("nlp-cloud", "NLP Cloud"),
    "oci": ("oci", "Oracle Cloud Infrastructure"),
    "openai": ("openai", "OpenAI"),
    "opencode_go": ("opencode-go", "OpenCode Go"),
    "ovhcloud": ("ovhcloud", "OVHcloud"),
    "publicai": ("publicai", "Public AI"),
    "qwen_ai_platform": ("qwen-ai-platform", "Qwen AI Platform"),
    "qwencloud": ("qwencloud", "Qwen Cloud"),
    "runwayml": ("runway", "Runway"),
    "sagemaker": ("sagemaker", "Amazon SageMaker"),
    "sambanova": ("sambanova", "SambaNova"),
    "stability": ("stability", "Stability AI"),
    "text-completion-codestral": ("codestral", "Codestral"),
    "text-completion-inception": ("inception", "Inception"),
    "text-completion-openai": ("openai", "OpenAI"),
    "together_ai": ("together", "Together AI"),
    "v0": ("v0", "v0"),
    "vercel_ai_gateway": ("vercel", "Vercel AI Gateway"),
    "volcengine": ("volcengine", "Volcano Engine"),
    "wandb": ("wandb", "Weights & Biases Inference"),
    "watsonx": ("watsonx", "IBM watsonx"),
    "xai": ("xai", "xAI"),
    "xiaomi_mimo": ("xiaomi", "Xiaomi MiMo"),
    "zai": ("zai", "Z.ai"),
}
"""LiteLLM's provider to our slug and what it is called; one that is not here keeps its name, and `vertex_ai` in all
its kinds is Vertex AI."""

PREFIXES = {"amazon_nova": "amazon-nova", "azure_text": "azure", "bedrock_converse": "bedrock"}
"""What a row's name begins with, where that is not LiteLLM's name of the provider."""

ORGANISATIONS = {
    "ai21": "ai21",
    "ai21labs": "ai21",
    "alibaba": "qwen",
    "allenai": "allenai",
    "amazon": "amazon",
    "anthropic": "anthropic",
    "baai": "baai",
    "baidu": "baidu",
    "black-forest-labs": "black-forest-labs",
    "bytedance": "bytedance",
    "bytedance-seed": "bytedance",
    "cohere": "cohere",
    "coherelabs": "cohere",
    "deepseek": "deepseek",
    "deepseek-ai": "deepseek",
    "google": "google",
    "ibm": "ibm-granite",
    "ibm-granite": "ibm-granite",
    "inception": "inception",
    "meta": "meta-llama",
    "meta-llama": "meta-llama",
    "meta-models": "meta-llama",
    "microsoft": "microsoft",
    "minimax": "minimax",
    "minimaxai": "minimax",
    "mistral": "mistralai",
    "mistralai": "mistralai",
    "moonshot": "moonshotai",
    "moonshotai": "moonshotai",
    "nousresearch": "nousresearch",
    "nvidia": "nvidia",
    "openai": "openai",
    "qwen": "qwen",
    "stability": "stability-ai",
    "stabilityai": "stability-ai",
    "stepfun": "stepfun",
    "stepfun-ai": "stepfun",
    "tencent": "tencent",
    "thudm": "z-ai",
    "voyage": "voyage",
    "writer": "writer",
    "xai": "x-ai",
    "xai-org": "x-ai",
    "xiaomi": "xiaomi",
    "xiaomimimo": "xiaomi",
    "z-ai": "z-ai",
    "zai": "z-ai",
    "zai-org": "z-ai",
}
"""The organisation in an upstream name (`Qwen/Qwen3-32B`, `anthropic.claude-...`) to the maker in our slugs."""

FAMILIES = tuple(
    (re.compile(pattern), maker)
    for pattern, maker in (
        (r"(chat)?gpt-|o[1345](-|$)|text-embedding-(3|ada)|davinci-|babbage-|dall-e|codex-", "openai"),
        (r"claude-", "anthropic"),
        (r"gemini-|gemma|text-bison|imagen|nano-banana|learnlm|medlm|text-unicorn|codegemma|lyria|veo-", "google"),
        (r"text-(multilingual-)?embedding-|multimodalembedding|deep-research-(max-)?preview", "google"),
        (r"deepseek-?", "deepseek"),
        (r"(meta-)?llama|code-?llama|muse-", "meta-llama"),
        (r"(open-)?(mi[sx]tral|ministral|magistral|codestral|devstral|pixtral|voxtral)|mathstral", "mistralai"),
        (r"qwen|qwq|qvq", "qwen"),
        (r"grok", "x-ai"),
        (r"command-|c4ai-|embed-(english|multilingual|v\d)|aya-", "cohere"),
        (r"nova-|titan-", "amazon"),
        (r"phi-?\d|mai-|wizardlm", "microsoft"),
        (r"kimi-|moonshot-v1", "moonshotai"),
        (r"glm-|chatglm|codegeex", "z-ai"),
        (r"minimax-|abab", "minimax"),
        (r"jamba-|j2-", "ai21"),
        (r"nemotron|nvidia-", "nvidia"),
        (r"granite-", "ibm-granite"),
        (r"doubao-|seedream|seed-\d", "bytedance"),
        (r"mimo-", "xiaomi"),
        (r"ernie-", "baidu"),
        (r"sonar|pplx-", "perplexity"),
        (r"hermes-|nous-", "nousresearch"),
        (r"voyage-", "voyage"),
        (r"flux", "black-forest-labs"),
        (r"stable-|sd3|sdxl", "stability-ai"),
        (r"mercury", "inception"),
        (r"palmyra-", "writer"),
        (r"hunyuan|hy\d", "tencent"),
        (r"recraft", "recraft"),
        (r"bge-", "baai"),
        (r"dbrx", "databricks"),
        (r"reka-", "reka"),
    )
)
"""How a name begins, to its maker, where the name has no organisation in it; the first that matches counts."""

MAKERS = {
    "ai21": "AI21 Labs",
    "allenai": "Ai2",
    "amazon": "Amazon",
    "anthropic": "Anthropic",
    "baai": "BAAI",
    "baidu": "Baidu",
    "black-forest-labs": "Black Forest Labs",
    "bytedance": "ByteDance",
    "cohere": "Cohere",
    "deepseek": "DeepSeek",
    "google": "Google",
    "ibm-granite": "IBM",
    "meta-llama": "Meta",
    "minimax": "MiniMax",
    "mistralai": "Mistral AI",
    "moonshotai": "Moonshot AI",
    "nousresearch": "Nous Research",
    "nvidia": "NVIDIA",
    "openai": "OpenAI",
    "stability-ai": "Stability AI",
    "voyage": "Voyage AI",
    "x-ai": "xAI",
    "z-ai": "Z.ai",
}
"""Makers whose names are not simply their slugs with a capital."""

_PATHS = frozenset({"fal", "aimlapi"})
"""Providers whose names are paths of their endpoints."""
_WHAT_FOR = re.compile(r"/(text-to-image|edit)$")
_SHELVES = frozenset({"models", "routers", "ps", "@oi", "perplexity", "databricks"})
"""What stands where an organisation does and is none."""
_REGION = re.compile(r"(us-gov|us|eu|apac|ap|jp|au|ca|sa|in|global)\.(?=[a-z])")
_PLACE = re.compile(
    r"(us-gov|us|eu|apac|global|global-standard|claude_platform|[a-z]{2}(-gov)?-[a-z]+-\d|\*)/|.*-commitment/"
)
_NOT_A_MODEL = re.compile(
    r"(together-ai|fireworks-ai)-|ft:|.*/preset/|.*/(model[_-]router|auto|container|community)$|.*/trellis|"
    r"fal_ai/(\w+/[\d]+-x-[\d]+/)?[^/]+$"
)
"""Classes of sizes, tunings of one's own, routers, doubles, and what makes solids instead of pictures."""
_SIZE = re.compile(r"(?:(?P<quality>[a-z]+)/)?(?P<size>[\da-z]+-x-[\da-z]+)/(?:(?P<steps>[\da-z]+-steps)/)?")
_MAKER_DOT = re.compile(r"(?P<maker>[a-z0-9]+)\.(?P<name>[a-z].*)")
_HEADS = re.compile(r"(system\.ai\.|(fw|databricks|snowflake|anthropic|openai|cohere|google|zai|gemini)-)")
"""What stands before a name to say where it is from; taken away where a name of a known family is left."""
_TAILS = re.compile(r"(-maas|@default|@latest|-fp8|-1:0|-v1:0|:0)$", re.IGNORECASE)
_CLAUDE_TAIL = re.compile(r"(claude-.*\d)-v\d+$")
_CLAUDE_DOT = re.compile(r"(?<=-)(\d)-(\d)(?=-|$)")
_DATED_CLAUDE = re.compile(r"(claude-(?:opus|sonnet|haiku|fable|mythos)-[\d.]+)-20\d{6}$")
_DATED_PICTURE = re.compile(r"(gpt-image-.*|grok-imagine-.*?)-20\d{2}-?\d{2}-?\d{2}$")
_OLD_ORDER = re.compile(r"claude-(\d+(?:[.-]\d)?)-(opus|sonnet|haiku)(?=-|$)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Name:
    """A row's name, taken apart."""

    provider: str
    """Our slug of who sells it."""
    seller: str
    """What that one is called."""
    upstream: str
    """What the provider calls the model."""
    maker: str
    bare: str
    """The model's own name as the row spells it, without maker, region and what only says how it is hosted."""
    region: str = ""
    """Where the row is for one region only."""
    quality: str = ""
    size: str = ""
    """`1024x1024`."""
    steps: str = ""

    @property
    def key(self) -> tuple[str, str]:
        """The same for every spelling of one model: its maker, and its letters and digits in one order."""
        ordered = _OLD_ORDER.sub(r"claude-\2-\1", self.bare.lower().replace("+", "plus"))
        ordered = re.sub(r"^meta-(?=llama)", "", ordered)
        return self.maker, re.sub(r"[^a-z0-9]", "", ordered)


def read_name(row: str, seller: str) -> Name | None:
    """The parts of a row's name; None where it names no model: a class of sizes, a router, somebody's own tuning."""
    if _NOT_A_MODEL.match(row):
        return None
    slug, called = _seller(seller)
    rest, quality, size, steps = _without_size(row, seller)
    rest, region = _without_region(rest)
    maker, bare = _made_by(rest, slug)
    return Name(
        provider=slug,
        seller=called,
        upstream=rest,
        maker=maker,
        bare=bare,
        region=region,
        quality=quality,
        size=size,
        steps=steps,
    )


def slug_of(spellings: list[Name]) -> str:
    """`maker/name` in the spelling that tells most: with the most dots, then the one most rows use."""
    names = [spelled(name.bare) for name in spellings]
    best = min(set(names), key=lambda name: (-name.count("."), -names.count(name), len(name), name))
    return f"{spellings[0].maker}/{best}"


def spelled(bare: str) -> str:
    """A model's own name in the letters of our slugs."""
    return re.sub(r"[^a-z0-9.+-]+", "-", bare.lower()).strip("-.")


def maker_name(maker: str) -> str:
    """What a maker is called."""
    return MAKERS.get(maker) or maker.replace("-", " ").title()


def dated(upstream: str) -> bool:
    """Whether a name is that of a snapshot of one day."""
    return re.search(r"20\d{2}-?\d{2}-?\d{2}", upstream) is not None


def _seller(name: str) -> tuple[str, str]:
    if name.startswith("vertex_ai"):
        return "vertex", "Google Vertex AI"
    known = SELLERS.get(name)
    return known or (name.replace("_", "-").lower(), name.replace("_", " ").replace("-", " ").title())


def _without_size(row: str, seller: str) -> tuple[str, str, str, str]:
    rest = _without_prefix(row, seller)
    match = _SIZE.match(rest)
    if match is None:
        return rest, "", "", ""
    rest = _without_prefix(rest[match.end() :], seller)
    return rest, match["quality"] or "", match["size"].replace("-x-", "x"), match["steps"] or ""


def _without_prefix(row: str, seller: str) -> str:
    family = "vertex_ai" if seller.startswith("vertex_ai") else seller
    for prefix in ("bedrock/invoke", PREFIXES.get(family, family), "bedrock"):
        if row.startswith(f"{prefix}/"):
            return row.removeprefix(f"{prefix}/")
    return row.removeprefix("fireworks_ai/") if seller.startswith("fireworks_ai") else row


def _without_region(name: str) -> tuple[str, str]:
    place = _PLACE.match(name)
    if place is not None:
        return name[place.end() :], place.group().strip("/")
    region = _REGION.match(name)
    return (name, "") if region is None else (name[region.end() :], region[1])


def _made_by(upstream: str, provider: str) -> tuple[str, str]:
    """Maker and bare name of an upstream name."""
    organisation, _, last = upstream.rpartition("/")
    organisation = organisation.rpartition("/")[2].lower()
    if provider in _PATHS:
        organisation, last = "", _WHAT_FOR.sub("", upstream.removeprefix("fal-ai/")).replace("/", "-")
    dotted = _MAKER_DOT.fullmatch(last) if not organisation else None
    if dotted is not None and dotted["maker"] in ORGANISATIONS:
        organisation, last = dotted["maker"], dotted["name"]
    bare = _bare(last)
    if organisation in ORGANISATIONS:
        return ORGANISATIONS[organisation], bare
    if organisation and organisation not in _SHELVES:
        return spelled(organisation), bare  # somebody's own tuning of a model is not the model
    return _family(bare) or provider, bare


def _family(bare: str) -> str | None:
    return next((maker for pattern, maker in FAMILIES if pattern.match(bare.lower())), None)


def _bare(name: str) -> str:
    head = _HEADS.match(name.lower())
    if head is not None and _family(name[head.end() :]) is not None:
        name = name[head.end() :]
    before = ""
    while before != name:
        before, name = name, _TAILS.sub("", name)
    name = re.sub(r"(?<=\d)p(?=\d)", ".", name).replace("llama-v", "llama-").replace("@", "-")
    name = re.sub(r"^(nova-[a-z]+)-v1$", r"\1", name)
    if name.startswith("claude-"):
        name = _CLAUDE_DOT.sub(r"\1.\2", _CLAUDE_TAIL.sub(r"\1", name))
    for dated_name in (_DATED_CLAUDE, _DATED_PICTURE):
        match = dated_name.match(name)
        name = match[1] if match else name
    return name
