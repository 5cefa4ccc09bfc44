"""The checks, by what they look at; importing this package makes all of them known."""
