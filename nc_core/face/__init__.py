"""What `import nc_core` gives to a script or a notebook: a model and arrays in, a result that prints itself out."""
