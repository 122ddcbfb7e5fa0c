"""Reports: from result tables to numbers, tests, charts and documents. Nothing here computes with a model.

`aggregate` makes numbers, `pairing` and `significance` test them; `contents`, `overview`, `provenance` and
`experiments` lay them out, `radar` and `style` draw. `document` puts their sections into chapters (`parts`), `naming`
gives files their names and tables their numbers, `reading` explains them. `markdown`, `html`, `latex` and `pdf` write
a document, `tables` a table in each format, and `render` all of it into a folder. `compare` sets two runs side by side
(`joining`).
"""
