"""What the gallery is made of. The pictures are found by `store.gallery`.

search.py    what the address asks for
pictures.py  what a picture is called, and the shape it is shown in
"""
