"""What an installation needs besides the programs: migrations, the demo."""
