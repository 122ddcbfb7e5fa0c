"""``python -m handbook``: build the site."""

from __future__ import annotations

from handbook.build import main

if __name__ == "__main__":
    main()
