"""`footfall replay`: the raw archive, put into the log once more."""
