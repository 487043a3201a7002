"""The pages, one file for each: what it shows is gathered here and laid out by the template of the same name.

home.py           where to begin: the guided start, or the page that is looked at most
sign_in.py        signing in and out
appearance.py     light or dark
documentation.py  /docs, the OpenAPI document as a page

Handlers take a `Visit` and return a `Reply`. No page does SQL, and none decides anything: what is shown here can be had
by the API too.
"""
