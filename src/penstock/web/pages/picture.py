"""`GET /gallery/{digest}`: one picture, with what is known of it, what it came from and what came of it.

`/gallery/{digest}/delete` asks before it is deleted.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any
from urllib.parse import parse_qsl, urlencode

import msgspec
from sqlalchemy import Connection

from penstock.api.addresses import own_address
from penstock.api.assets import delete_picture
from penstock.core.principal import Scope
from penstock.pipeline.request import Reply
from penstock.store.gallery import Neighbours, PicturePlace, neighbours
from penstock.store.picture import MOST_RELATED, Making, PictureDetail, PictureShared, Related, picture
from penstock.web.gallery.pictures import file_name, model_name, name_of
from penstock.web.gallery.search import WAYS, GallerySearch, place_in, read_search
from penstock.web.visit import Form, Visit

_LONGEST_QUERY = 6000
"""Characters of an address that every browser and proxy takes."""
_ROLES = {"output": "", "alternative": "Made beside the answer", "partial": "A preview"}
"""What a picture was to the request that made it; nothing has to be said of its answer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """A picture that has to do with this one."""

    digest: str
    words: str
    path: str | None
    """None where it has been deleted."""
    width: int
    height: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Again:
    """The playground with what made this picture filled in."""

    path: str
    has_prompt: bool
    """Whether the prompt is in it."""


async def picture_page(visit: Visit, digest: str) -> Reply:
    """`GET /gallery/{digest}`. Raises NotFound."""
    query = dict(parse_qsl(visit.incoming.query))

    def find(c: Connection) -> tuple[PictureDetail, GallerySearch, Neighbours]:
        detail = picture(c, digest, visit.own_key)
        search = read_search(c, visit, query)
        place = _place(detail, place_in(query))
        return detail, search, neighbours(c, search.which, place) if place else Neighbours(None, None)

    detail, search, beside = await visit.gateway.books.read(find)
    making = detail.made_by[0] if detail.made_by else None
    model = model_name(visit, making.request.model) if making else None
    name, may_make = _name(making, model), visit.may(Scope.INFERENCE)
    return visit.page(
        "picture.html",
        title=name,
        search=search,
        asset=detail.asset,
        making=making,
        name=name,
        model=model,
        listed=making is not None and making.request.model in visit.gateway.catalogue.models,
        provider=_provider(visit, making),
        way=WAYS.get(making.request.operation or "") if making else None,
        role=_ROLES.get(making.role, "") if making else "",
        more_fields=_more_fields(making),
        keeps_prompts=visit.gateway.settings.ledger.store_prompts,
        made_from=[_shown(search, it, _word(it, detail.made_from, "reference")) for it in detail.made_from],
        beside=[_shown(search, it, _beside_word(it)) for it in detail.beside],
        made_into=[_shown(search, it, "Made from it") for it in detail.made_into],
        made_again=detail.made_by[1:],
        roles=_ROLES,
        most=MOST_RELATED,
        again=_again(detail, making) if may_make else None,
        reference=f"/playground?reference={digest}" if may_make else None,
        delete=f"/gallery/{digest}/delete" if may_make else None,
        file_name=file_name(detail.asset, making.request.model if making else None, _made_at(making)),
        address=f"{own_address(visit.incoming, visit.gateway)}/v1/assets/{digest}",
        newer=search.picture(beside.before.asset.digest, beside.before.place) if beside.before else None,
        older=search.picture(beside.after.asset.digest, beside.after.place) if beside.after else None,
    )


async def ask_deletion(visit: Visit, digest: str) -> Reply:
    """`GET /gallery/{digest}/delete`. Raises NotFound."""
    return await _deletion(visit, digest)


async def delete(visit: Visit, form: Form, digest: str) -> Reply:
    """`POST /gallery/{digest}/delete`, by the rule of the API. Raises NotFound."""
    assert visit.principal is not None
    try:
        await delete_picture(visit.gateway, visit.principal, digest)
    except PictureShared as error:
        return await _deletion(visit, digest, error)
    return visit.redirect("/gallery")


async def _deletion(visit: Visit, digest: str, refused: PictureShared | None = None) -> Reply:
    detail = await visit.gateway.books.read(partial(picture, digest=digest, key_id=visit.own_key))
    making = detail.made_by[0] if detail.made_by else None
    return visit.page(
        "picture_delete.html",
        title="Delete a picture",
        status=refused.status if refused else 200,
        refused=refused,
        asset=detail.asset,
        name=_name(making, model_name(visit, making.request.model) if making else None),
        making=making,
        times=len(detail.made_by),
        made_into=len(detail.made_into),
        most=MOST_RELATED,
    )


def _name(making: Making | None, model: str | None) -> str:
    return name_of(making.prompt, model, making.request.created_at) if making else "A picture that was sent here"


def _made_at(making: Making | None) -> int | None:
    return making.request.created_at if making else None


def _provider(visit: Visit, making: Making | None) -> str | None:
    slug = making.request.provider if making else None
    named = visit.gateway.catalogue.providers.get(slug or "")
    return named.name if named else slug


def _place(detail: PictureDetail, wanted: PicturePlace | None) -> PicturePlace | None:
    """Where the picture stands in the gallery: where it was opened, else where it was made last; None: nowhere."""
    places = [
        PicturePlace(made.request.created_at, made.request.id, made.position)
        for made in detail.made_by
        if made.role == "output" and made.request.mirror_of is None
    ]
    return wanted if wanted in places else next(iter(places), None)


def _shown(search: GallerySearch, related: Related, words: str) -> Shown:
    asset = related.asset
    return Shown(
        digest=related.digest,
        words=words,
        path=search.picture(related.digest) if asset else None,
        width=asset.width if asset else 1,
        height=asset.height if asset else 1,
    )


def _word(related: Related, among: Sequence[Related], role: str) -> str:
    if related.role != role:
        return "Mask"
    several = sum(other.role == role for other in among) > 1
    return f"Reference {related.position + 1}" if several else "Reference"


def _beside_word(related: Related) -> str:
    return f"Picture {related.position + 1}" if related.role == "output" else _ROLES["alternative"]


def _more_fields(making: Making | None) -> str | None:
    """What was asked beside the prompt, as JSON; references are shown as pictures."""
    fields: Mapping[str, Any] = (making.fields if making else None) or {}
    rest = {name: value for name, value in fields.items() if name not in ("prompt", "references")}
    return msgspec.json.format(msgspec.json.encode(rest), indent=2).decode() if rest else None


def _again(detail: PictureDetail, making: Making | None) -> Again | None:
    """With what is known: the model, the prompt where it is kept and not too long, seed, size and references."""
    if making is None or making.request.model is None:
        return None
    asked = [("model", making.request.model), ("size", f"{detail.asset.width}x{detail.asset.height}")]
    asked += [("seed", str(making.seed))] if making.seed is not None else []
    asked += [("reference", it.digest) for it in detail.made_from if it.role == "reference" and it.asset]
    prompt = [("prompt", making.prompt)] if making.prompt else []
    if len(path := "/playground?" + urlencode(asked + prompt)) <= _LONGEST_QUERY:
        return Again(path=path, has_prompt=bool(prompt))
    return Again(path="/playground?" + urlencode(asked), has_prompt=False)
