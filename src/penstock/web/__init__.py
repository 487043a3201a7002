"""The pages that people look at, and what they are made of.

routes.py          the table of pages, with the scope each one needs
door.py            admission, forms and their tokens: every page is reached through it
forms.py           forms as data, what was typed into them, and the form again with its fault
visit.py           one request of a page: who is looking, and how a template becomes the answer
pages/             one file for each page: what it shows
models/            what the pages of models are made of
workloads/         what the calculator and the comparison are made of
gallery/           what the gallery is made of
usage/             what the dashboard and the logs are made of
templates/         one template for each page, `base.html` around it, shared parts in `macros.html`
static/            style and script, sent as they are: `tokens.css` has every colour, `vendor/` what others wrote
templating.py      how values are written for people
charts.py          charts as SVG
errors.py          errors as pages

Everything is complete without a script, and nothing is loaded from other hosts. What never belongs here: SQL, decisions
about requests, and facts that the API does not tell.
"""
