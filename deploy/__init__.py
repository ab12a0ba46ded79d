"""What an installation needs besides the programs: images, manifests, the operations guide; and the demo."""
