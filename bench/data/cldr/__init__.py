"""The embedded facts: real places in six languages, from the Unicode CLDR."""
