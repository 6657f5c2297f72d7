"""`crossover logs`: one trace's live feed in a terminal."""
