"""Run by a test as a process of its own: records requests and says each one's id after it was acknowledged."""

import asyncio
import sys

from penstock.store.db import Database
from penstock.store.ledger import Ledger
from penstock.store.writer import Writer
from tests.store.samples import attempt, request


async def _caller(ledger: Ledger, number: int) -> None:
    turn = 0
    while True:
        id = f"req_{number}_{turn}"
        await ledger.record(request(id), [attempt(f"att_{id}", id)])
        print(id, flush=True)
        turn += 1


async def _main(path: str) -> None:
    database = Database.open(path)
    ledger = Ledger(database, Writer(database))
    await asyncio.gather(*(_caller(ledger, number) for number in range(16)))


if __name__ == "__main__":
    asyncio.run(_main(sys.argv[1]))
