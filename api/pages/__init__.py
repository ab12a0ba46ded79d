"""The pages: what the store knows, for people who would rather look."""
