"""Rows, documents and pictures for other programs and for people: one definition of names and digits."""
