"""What the calculator and the comparison are made of. The sums are those of `api.workloads`.

form.py        a workload as an address and a form have it
choices.py     what a model lets one choose, and workloads with a name
comparison.py  models side by side
cost_curve.py  what a picture costs over its size
"""
