"""One trace's feed: positions, merge, history, viewers."""
