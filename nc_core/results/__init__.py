"""What a result says to people: its figures in words, its summary, its report, the arrays of its triggers."""
