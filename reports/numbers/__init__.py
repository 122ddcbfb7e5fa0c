"""What computes the numbers of reports, from tables alone."""
