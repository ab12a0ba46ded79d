"""One file, two readers: whatever the quarantine admits and Keras loads answers alike."""
