"""Arrays in, arrays out: no tensor below this line."""
