"""Files built to attack whoever reads them, and the proof that each is refused."""
