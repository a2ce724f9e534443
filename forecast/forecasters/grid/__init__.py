"""The grid engine: many small models filtered side by side, weighted by how well they forecast so far."""
