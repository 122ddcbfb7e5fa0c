"""Where facts come from: one module per layout of files."""
