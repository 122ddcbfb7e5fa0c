"""What reports are made of: tables, sections, pictures by their place, and what stands in them."""
