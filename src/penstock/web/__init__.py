"""What the pages are made of: Jinja templates, and the style and script files that are sent as they are.

static/docs.css    tokens for colour, type and space, and the style of the documentation page
static/docs.js     sends requests from that page
static/mark.svg    the mark
templates/         one template for each page

Nothing here decides anything and nothing is loaded from other hosts; `api.pages` fills the templates in.
"""
