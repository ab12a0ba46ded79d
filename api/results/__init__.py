"""What is made of the results in the store: the files of a scan, and signed and machine-readable exports."""
