"""Texts of which the next token is told: the second outcome of texts."""
