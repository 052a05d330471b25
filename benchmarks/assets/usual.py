"""The script that is commonly written to classify an audio file with a network like ours, and needs nothing of ours.

python usual.py tf_keras|tf_keras-predict|onnxruntime|tensorflow-lite MODEL THREADS CLIP

prints the number of the label. Without a clip it reads orders, a line each, and answers each with one line: the path of
a clip to classify, or an empty line to run the network on the last picture again.
"""

import sys
import time

began = time.perf_counter()

import io  # noqa: E402
import json  # noqa: E402
import os  # noqa: E402

engine, model, threads, *clips = sys.argv[1:]
for library in ("OMP", "OPENBLAS", "MKL"):  # NumPy's BLAS reads them when it is loaded
    os.environ[f"{library}_NUM_THREADS"] = threads

import librosa  # noqa: E402
import librosa.display  # noqa: E402
import matplotlib  # noqa: E402

matplotlib.use("Agg")
import matplotlib.pyplot as plt  # noqa: E402
import numpy as np  # noqa: E402
import PIL.Image  # noqa: E402

if engine == "onnxruntime":
    import onnxruntime
else:
    import tensorflow as tf

    tf.config.threading.set_intra_op_parallelism_threads(int(threads))
    tf.config.threading.set_inter_op_parallelism_threads(1)
    if engine.startswith("tf_keras"):
        import tf_keras
imported = time.perf_counter()

if engine == "tf_keras":
    network = tf.function(tf_keras.models.load_model(model))  # `predict` is ten times as slow on one picture

    def infer(pixels):
        return network(pixels, training=False).numpy()

elif engine == "tf_keras-predict":
    network = tf_keras.models.load_model(model)

    def infer(pixels):
        return network.predict(pixels, verbose=0)

elif engine == "onnxruntime":
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = int(threads)
    session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    name = session.get_inputs()[0].name

    def infer(pixels):
        return session.run(None, {name: pixels})[0]

else:
    interpreter = tf.lite.Interpreter(model, num_threads=int(threads))
    interpreter.allocate_tensors()
    source = interpreter.get_input_details()[0]["index"]
    target = interpreter.get_output_details()[0]["index"]

    def infer(pixels):
        interpreter.set_tensor(source, pixels)
        interpreter.invoke()
        return interpreter.get_tensor(target)


loaded = time.perf_counter()


def render(clip):
    samples, rate = librosa.load(clip)
    decibels = librosa.amplitude_to_db(librosa.feature.melspectrogram(y=samples, sr=rate), ref=np.max)
    figure = plt.figure(figsize=(6, 4), dpi=72)
    librosa.display.specshow(decibels, sr=rate, hop_length=512, cmap="magma")
    if engine == "tf_keras-predict":  # through a PNG, as a network's pictures are mostly made
        figure.savefig(png := io.BytesIO())
        pixels = np.asarray(PIL.Image.open(png).convert("RGB"))[None].astype(np.float32)
    else:
        figure.canvas.draw()
        pixels = np.asarray(figure.canvas.buffer_rgba())[None, ..., :3].astype(np.float32)
    plt.close(figure)
    return pixels


if clips:
    print(infer(render(clips[0])).argmax())
    sys.exit()
print(json.dumps({"import_seconds": imported - began, "load_seconds": loaded - imported}), flush=True)
pixels = None
for order in sys.stdin:
    pixels = render(order.rstrip("\n")) if order.strip() else pixels
    print(json.dumps({"label": int(infer(pixels).argmax()), "seconds": time.perf_counter() - began}), flush=True)
