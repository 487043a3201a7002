"""What the dashboard and the logs are made of. The sums are those of `store.usage`.

ranges.py     which time is looked at
spending.py   what was spent, for whom and by whom
burndown.py   budgets, and where their spending leads
standing.py   how providers do now, and what is under way
waterfall.py  a request's attempts, one bar under the other
wording.py    states, reasons and outcomes in words
"""
