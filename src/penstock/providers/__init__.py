"""Adapters: one file per protocol, translating our calls to a provider's wire format and its answers back.

Pure translation. No socket, clock or database here: `pipeline.call` sends what an adapter writes and hands back
what came. An adapter knows no other adapter. The table below is by the name used in `catalogue/data/providers.toml`.
"""
