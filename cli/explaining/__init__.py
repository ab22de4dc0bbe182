"""`footfall explain`: how an event or a session came about."""
