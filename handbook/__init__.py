"""The documentation site: pages of ``docs/`` and those that are generated from the code, built by ``make docs``."""
