"""What several refusals of SavedModels say."""

AGAIN = "copy the folder again, or save the model again"
H5 = "load it with tf_keras where you trust it and save it as one file, model.save('model.h5')"
WITHOUT_METADATA = (
    "a TensorFlow SavedModel without keras_metadata.pb, whose net is a program: submit the Keras model that it was "
    "exported from, model.save('model.keras'); or, of TensorFlow before 2.5, "
    "tf_keras.models.load_model(FOLDER).save('model.h5')"
)
