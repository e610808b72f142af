"""Many stages at once with Ray, on one machine or on many: `python -m tools.cluster`.

`plan` asks DVC what is out of date and what it needs, `driver` hands every stage that can run to Ray, `node` runs one
stage by `dvc repro --single-item` where Ray sends it, `locks` carries entries of dvc.lock between clones, `display`
shows it. Only `driver` knows Ray, only `plan` and `locks` DVC's Python side.
"""
