"""The front doors: the command ``bench`` and `bench.run`. All is put together here; nothing else prints."""
