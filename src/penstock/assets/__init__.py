"""Pictures as files: taken out of JSON as it arrives, measured, kept once under their digest, read again while sending.

`scan` finds pictures in a body, `store` keeps them (`incoming` while they arrive, `local` or `remote` afterwards),
`measure` reads their headers, `masks` turns edit masks round, `links` signs addresses, `thumbnails` makes small
versions (`shrink`, in the processes of `workers`). What belongs to whom is the database's business, and no pixel is
decoded here except for masks and small versions.
"""
