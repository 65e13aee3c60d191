"""From a Keras model to SavedModel and TFLite, with what travels along."""
