"""A leaderboard of many runs: a static page that computes every number again from the runs' own tables.

``entries`` reads runs and packed runs, ``columns`` sorts their cells by what may be compared, ``standing`` computes a
column, ``data`` says it in JSON, ``site`` writes the pages.
"""
