"""Template: what every destination has, at its smallest. `transformer new-destination` copies it."""
