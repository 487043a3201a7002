"""What calls cost: the quote before, and the charge after. Pure arithmetic on the prices of `core.price`.

Both take the offer and what is known of the call; nothing here looks at the catalogue, the clock or the database.
"""
