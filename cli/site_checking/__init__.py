"""`footfall site check`: what a page, its tag and the way from there to a row look like from outside."""
