"""How far a scan is: read from the store or told by a server, in plain values that every face can show."""
