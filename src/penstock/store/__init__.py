"""What is remembered: keys, the ledger of requests and attempts, and the facts about each stored picture.

    tables      every table, as SQLAlchemy Core knows it
    rows        one frozen dataclass per ledger row
    db          the database file: opened, brought up to date, read from, written to
    giveway     keeps a saturated event loop from starving the threads below
    migrate     the schema's versions, and the step from one to the next (`migrations/`)
    inserts     INSERTs compiled once, for many rows at a time
    writer      the one thread that writes, and commits for everybody at once
    ledger      requests, attempts and pictures: recorded and found again
    keys        keys made, listed, revoked, and looked up for every request
    kept        secrets of the gateway itself, made at first start

No picture's bytes and no caller's prompt belong in here; the bytes are files, kept by `penstock.assets`.
"""
