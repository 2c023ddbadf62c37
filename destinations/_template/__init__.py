"""Template: what every destination has, at its smallest. The scaffold command copies it."""
