"""What is remembered: who may spend how much, the ledger of requests and attempts, and facts about stored pictures.

    tables       every table, as SQLAlchemy Core knows it
    rows         one frozen dataclass per ledger row
    db           the database file: opened, brought up to date, read from, written to
    giveway      keeps a saturated event loop from starving the threads below
    migrate      the schema's versions, and the step from one to the next (`migrations/`)
    inserts      INSERTs compiled once, for many rows at a time
    writer       the one thread that writes, and commits for everybody at once
    ledger       requests, attempts and pictures: recorded and found again
    reservations money set aside before a call, and settled after it
    amending     a recorded request set right, when losers of a race have told what they cost
    presence     which processes are alive, so that what dead ones left is finished
    health       how offers have been doing, minute by minute, as processes tell each other
    health_days  the same day by day, added up and kept for longer
    mirrors      what copies of requests, made for comparison, have cost
    books        runs what administrators do; `people`, `keys` and `spending` (with `held`, `checks`) are what they do
    administrators  whether anybody is left who may administer
    paused       providers that an administrator has paused
    marker       a file that says that something of it has changed
    lookup       the key of every request: whose it is and what bounds it
    sessions     who is signed in to the pages
    sums         what a request adds to the sums of its hour and its day
    usage        who used how much, from those sums
    courses      what holders spent day by day, for budgets
    spent        what keys have spent, from those sums
    requests     the ledger page by page, one request whole, and batches for an export
    gallery      the pictures made here, page by page
    choices      who made pictures lately, to choose from in the gallery
    samples      the latest pictures of several models, for pages that list them
    picture      one of them with all that is known of it, and how it is forgotten
    benchmark_reviews  benchmark results that people contribute, and what was decided about them
    reconcile    costs that providers stated beside those our prices come to
    forgetting   rows whose retention is over
    kept         secrets of the gateway itself, made at first start

No picture's bytes belong in here; they are files, kept by `penstock.assets`. Prompts do only where the owner says so.
"""
