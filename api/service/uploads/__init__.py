"""What comes in: bodies within bounds, multipart forms to disk, and nothing left of what broke off."""
