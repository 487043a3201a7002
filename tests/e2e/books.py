"""What a request cost, told four times over: in the header, in the body, in the ledger and in the provider's bill."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from tests.e2e.running import RunningGateway
from tests.simulators.bfl import BflSimulator
from tests.simulators.openai import OpenAISimulator

PICO = 10**12


class Books:
    """Made for one test: it adds up what the gateway says, and the simulators' bills must come to the same."""

    def __init__(self, gateway: RunningGateway, bfl: BflSimulator, openai: OpenAISimulator) -> None:
        self.gateway = gateway
        self._bfl = bfl
        self._openai = openai
        self._spent = {"bfl": Decimal(0), "openai": Decimal(0), "sandbox": Decimal(0)}

    def check(
        self,
        headers: Mapping[str, str],
        cost: float | None,
        *,
        model: str,
        provider: str,
        calls: int = 1,
        dollars: str | None = None,
        billed: bool = True,
    ) -> dict[str, Any]:
        """Compare all that is told of one good request; its row.

        `cost` is that of the body, `calls` how many upstream calls it took. `billed` is false where the simulator's
        price is not the catalogue's. A header that left before the end of a stream has no cost.
        """
        row = self.gateway.request(headers["x-request-id"])
        charged = Decimal(row["cost_pico"]) / PICO
        assert cost is not None and Decimal(str(cost)) == charged
        assert dollars is None or charged == Decimal(dollars)
        for prefix in ("x-penstock-", "x-agentcc-"):
            told = {name: headers.get(prefix + name) for name in ("provider", "model-used", "fallback-used")}
            assert told == {"provider": provider, "model-used": model, "fallback-used": "false"}
            assert Decimal(headers.get(prefix + "cost", charged)) == charged
        assert (row["status"], row["error_code"]) == (200, None)
        assert (row["model"], row["provider"], row["attempts"]) == (model, provider, calls)
        assert row["cost_pico"] == row["cost_computed_pico"], "the charge is not what the catalogue's price comes to"
        self._check_attempts(row, charged, calls)
        self._spent[provider] += charged
        if billed:
            assert sum(self._openai.billed) == self._spent["openai"]
            assert sum(self._bfl.billed) / 100 == self._spent["bfl"]
        return row

    def _check_attempts(self, row: dict[str, Any], charged: Decimal, calls: int) -> None:
        attempts = self.gateway.attempts(row["id"])
        assert [attempt["outcome"] for attempt in attempts] == ["succeeded"] * calls
        assert {attempt["provider"] for attempt in attempts} == {row["provider"]}
        jobs = {attempt["upstream_id"] for attempt in attempts}
        if row["provider"] != "bfl":
            assert jobs == {None}
            return
        assert jobs == {job.id for job in self._bfl.jobs.values() if job.id in jobs} and len(jobs) == calls
        assert all(attempt["polling_url"].endswith(f"?id={attempt['upstream_id']}") for attempt in attempts)
        assert sum(Decimal(attempt["stated_pico"]) for attempt in attempts) / PICO == charged

    def check_refused(self, headers: Mapping[str, str], status: int, code: str) -> dict[str, Any]:
        """A request that was turned away before anybody was paid; its row."""
        row = self.gateway.request(headers["x-request-id"])
        assert (row["status"], row["error_code"], row["cost_pico"], row["attempts"]) == (status, code, 0, 0)
        assert not self._bfl.calls and not self._openai.calls
        return row
