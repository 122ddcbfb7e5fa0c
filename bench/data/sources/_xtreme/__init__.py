"""What reading XTREME items is made of; see `bench.data.sources.xtreme`."""
