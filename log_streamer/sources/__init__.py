"""Where lines and states come from: each module speaks to one system, all by `source.py`'s protocols."""
