"""Models, offers, providers and prices: facts that change without a release, read from TOML and imported JSON.

`load` reads the files, `configured` lays an installation's layers over each other, `search` holds what they say,
`imported` is the lowest layer and `litellm` makes it. `capability` tells whether an offer can carry out a call and
`sizes` turns ratios and size classes into pixels. Nothing here calls a provider, and no price is written in code.
"""
