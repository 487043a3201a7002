"""The pages, one file for each: what it shows is gathered here and laid out by the template of the same name.

home.py           where to begin: the guided start, or the page that is looked at most
models.py         /models, found and narrowed, and models by another name
model.py          everything about one model, the picture of links to it, and contributed results
calculator.py     /calculator, what a workload costs at each provider of a model
compare.py        /compare, models side by side
playground.py     /playground, making pictures and talking to models; its script is in static/playground
sign_in.py        signing in and out
appearance.py     light or dark
gallery.py        the pictures made here, page by page
picture.py        one picture with what it came from and what came of it, and its deletion
dashboard.py      what was spent and on what, budgets, and how providers stand
logs.py           every request, page by page
log.py            everything about one request
settings/         who may use the gateway, what it may cost, and how it is set up; a room of its own
documentation.py  /docs, the OpenAPI document as a page

Handlers take a `Visit` and return a `Reply`. No page does SQL, and none decides anything: what is shown here can be had
by the API too.
"""
