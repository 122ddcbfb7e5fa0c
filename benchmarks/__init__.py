"""Speed of the product beside plain references, on the same model and facts: ``make bench``."""
