"""A run in the form in which others look for results."""
