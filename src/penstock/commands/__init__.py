"""What the commands do and print.

rows.py      facts of the catalogue as rows, for JSON and for tables
tables.py    rows as tables in a terminal
generate.py  `penstock generate`: a picture from the command line
"""
