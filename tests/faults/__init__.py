"""Real processes, a real broker and a real store, and something that goes wrong: nothing may be lost."""
