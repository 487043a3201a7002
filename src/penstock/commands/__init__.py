"""What the commands do and print.

given.py         what was written on the command line, as values
values.py        what the books hold, as rows of plain values for JSON and for tables
keys.py          rows of keys, with whose they are and what is left of their budgets
people.py        rows of organisations, teams and users
spending.py      rows of budgets, credits, rate limits and allowances
usage.py         the ledger added up, compared, and written to a file
rows.py          facts of the catalogue as rows
catalogue.py     its prices brought in, and what is wrong, old or ending in it
tables.py        rows as tables in a terminal
admin_tables.py  those of administration
generate.py      `penstock generate`: a picture from the command line
routes.py        `penstock routes test`: who would be asked for a request (`routes_table.py` prints it)
own_gateway.py   a gateway started for one command
"""
