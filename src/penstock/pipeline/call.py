"""Carry the plan out: one candidate after another, or several beside one another, until one has the answer.

A candidate is left for the next only where the failure allows it and nothing has been sent to the caller yet.
"""

from collections.abc import AsyncGenerator
from contextlib import aclosing

from penstock.core.answer import ChatDelta, Event, PartialPicture
from penstock.core.call import Call, ImageCall
from penstock.core.errors import ProviderError
from penstock.pipeline.asking import Asking
from penstock.pipeline.attempt import ask
from penstock.pipeline.gateway import Gateway
from penstock.pipeline.record import note_attempt
from penstock.pipeline.request import Life
from penstock.pipeline.together import side_by_side
from penstock.routing.base import Plan


def carry_out(life: Life, call: Call, plan: Plan, gateway: Gateway) -> AsyncGenerator[Event, None]:
    """The events of the first candidate that succeeds, ending with its Answer.

    Raises the last candidate's error where none does, and Unavailable where nobody could be asked.
    """
    if len(plan.order) > 1 and (plan.at_once > 1 or plan.hedge_after is not None):
        return side_by_side(life, call, plan, gateway)
    return _one_after_another(life, call, plan, gateway)


async def _one_after_another(life: Life, call: Call, plan: Plan, gateway: Gateway) -> AsyncGenerator[Event, None]:
    asking = Asking(life, call, plan, gateway)
    while (step := await asking.next()) is not None:
        life.served_by, life.fallback_used = step.candidate, asking.is_fallback(step.candidate)
        begun = False
        try:
            with asking.trial(step.candidate):
                async with aclosing(ask(life, call, step.candidate, gateway, asking.reason(step))) as events:
                    async for event in events:
                        begun = begun or isinstance(event, ChatDelta | PartialPicture)
                        yield event
            return
        except ProviderError as error:
            if begun or not asking.goes_on_after(step.candidate, error):
                raise
            if life.reserved is not None and isinstance(call, ImageCall):
                # Noted as begun; whoever finishes the request in our place must know that nothing came of them.
                for attempt in life.attempts:
                    await note_attempt(life, attempt, gateway)
    raise asking.nobody()
