"""What leaves: CSV, pictures, and the dictionary of columns."""
