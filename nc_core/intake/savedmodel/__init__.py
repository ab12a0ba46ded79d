"""SavedModel folders of Keras nets: their layers from Keras' metadata, their weights from the variables, no graph."""
