"""Models, offers, providers and prices: facts that change without a release, read from TOML.

`load` reads the files, `search` holds what they say, `capability` tells whether an offer can carry out a call and
`sizes` turns ratios and size classes into pixels. Nothing here calls a provider, and no price is written in code.
"""
