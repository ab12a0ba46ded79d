"""One file, two readers: whatever the door admits and Keras loads answers alike."""
