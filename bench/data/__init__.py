"""Facts and texts by name, and the stream in which facts are edited."""
