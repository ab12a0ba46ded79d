"""SavedModels that Keras 2 wrote, and what its nets answered."""
