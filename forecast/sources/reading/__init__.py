"""What official notices say, read by rules: minerals, places, dates, rates and what kind of measure they are.

Pure functions of texts and of two tables of words (``data/sources/mineral_words.csv``, ``place_names.csv``) and one of
codes (``codes.csv``). What a text does not say is left open and becomes a doubt in words, never a guess.
"""
