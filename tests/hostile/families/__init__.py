"""One file a family of attacks: name -> case."""
