"""Compress a trained Keras model by a recipe, and look at what came of it."""

import numpy as np
import tf_keras
from sklearn.datasets import load_digits

import slimline

digits = load_digits()
images = (digits.images[..., None] * 15.9).astype(np.uint8)
model = tf_keras.Sequential(
    [
        tf_keras.Input(images.shape[1:]),
        tf_keras.layers.Rescaling(1 / 255),
        tf_keras.layers.Conv2D(16, 3, activation="relu"),
        tf_keras.layers.Flatten(),
        tf_keras.layers.Dense(10),
    ]
)
model.compile("adam", tf_keras.losses.SparseCategoricalCrossentropy(from_logits=True), metrics=["accuracy"])
model.fit(images, digits.target, epochs=5, verbose=0)

recipe = [
    {"technique": "prune", "sparsity": 0.6, "epochs": 3},
    {"technique": "quantize", "mode": "int8", "calibration": 200},
]
made = slimline.compress(model, recipe, (images, digits.target), say=print)
print(f"{made.write('model.tflite')}: {len(made.model):,} bytes")
for step in made.record.steps:
    print(step.technique, [promise.promise for promise in step.promises if promise.holds])
