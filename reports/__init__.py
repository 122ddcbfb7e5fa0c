"""Reports: from result tables to numbers, tests, charts and documents. Nothing here computes with a model.

`aggregate` makes numbers, `pairing` and `significance` test them, `contents` and `provenance` lay them out, `tables`
writes a table in each format, `radar` draws and `style` says how, `experiments` holds the paper's tables and figures,
`paper` its published numbers, `document` words the report and `render` puts all of it into a folder.
"""
