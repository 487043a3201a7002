"""The way of a request: one function, and one file for each of its steps. Every step handles every operation.

life.py      the function: read it first
ingress.py   bodies in: JSON and multipart, pictures stored as they arrive
auth.py      key -> principal
resolve.py   model name -> candidates, and why each other offer was excluded
quote.py     the price of this call at each candidate
route.py     strategy -> plan
call.py      carry the plan out: attempts, deadline, fallback, several pictures by several calls
keep.py      pictures brought home: downloaded or decoded into the asset store
settle.py    usage -> exact cost
record.py    one ledger row per request and per attempt
respond.py   replies out, in pieces, with the metadata headers

gateway.py holds the parts the steps use; request.py the values they hand on.
"""
