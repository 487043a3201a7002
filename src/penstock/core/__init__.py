"""The words everything else is said in: calls, answers, pictures, prices, errors.

Frozen data and pure functions. Nothing here imports another room of the house, and nothing does I/O.
"""
