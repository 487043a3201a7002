"""What the pages of models are made of: the list, one model's page, and finding a model elsewhere.

index.py         what lists are searched, filtered and sorted by, worked out once for a catalogue
search.py        what is asked of the list, and which models that finds
choices.py       a few models for what somebody types
cards.py         a model in a list
prices.py        prices in sentences and lines
limits.py        an offer's limits in words
view.py          what a model's page says for everybody: offers, limits, abilities
standing.py      how its providers do now
history.py       how they did day by day, and who used the model
ratings.py       benchmarks, shipped and contributed
faq.py           questions with answers that are known
code_samples.py  how a program calls it
linked_data.py   the page for machines
social_card.py   the picture of links to the page
"""
