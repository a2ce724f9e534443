"""The tools a user would pick instead: the log of a series up to a cutoff in, 15 quantiles a horizon out."""
