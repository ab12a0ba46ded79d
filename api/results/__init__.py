"""What a result looks like outside: its figures in words, its files, its report, its exports."""
