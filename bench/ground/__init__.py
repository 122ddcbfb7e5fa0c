"""What stands on nothing else of ours: errors, names, files that are whole or not there, signals, measures."""
