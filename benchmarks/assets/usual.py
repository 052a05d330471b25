"""The script that is commonly written to classify a sound with a network like ours, and needs nothing of ours.

python usual.py tf_keras|onnxruntime|tensorflow-lite MODEL THREADS CLIP

prints the number of the label. Without a clip it reads orders, a line each, and answers each with one line: the path of
a clip to classify, or an empty line to ask the network about the last picture again.
"""

import sys
import time

began = time.perf_counter()

import json  # noqa: E402
import tempfile  # noqa: E402
from pathlib import Path  # noqa: E402

import librosa  # noqa: E402
import librosa.display  # noqa: E402
import matplotlib  # noqa: E402

matplotlib.use("Agg")
import matplotlib.pyplot as plt  # noqa: E402
import numpy as np  # noqa: E402
from PIL import Image  # noqa: E402

engine, model, threads, *clips = sys.argv[1:]
if engine == "onnxruntime":
    import onnxruntime
else:
    import tensorflow as tf

    tf.config.threading.set_intra_op_parallelism_threads(int(threads))
    tf.config.threading.set_inter_op_parallelism_threads(1)
    if engine == "tf_keras":
        import tf_keras
imported = time.perf_counter()

if engine == "tf_keras":
    network = tf_keras.models.load_model(model)

    def infer(pixels):
        return network.predict(pixels, verbose=0)

elif engine == "onnxruntime":
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = int(threads)
    session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])

    def infer(pixels):
        return session.run(None, {session.get_inputs()[0].name: pixels})[0]

else:
    interpreter = tf.lite.Interpreter(model, num_threads=int(threads))
    interpreter.allocate_tensors()

    def infer(pixels):
        interpreter.set_tensor(interpreter.get_input_details()[0]["index"], pixels)
        interpreter.invoke()
        return interpreter.get_tensor(interpreter.get_output_details()[0]["index"])


loaded = time.perf_counter()


def draw(clip):
    samples, rate = librosa.load(clip)
    decibels = librosa.amplitude_to_db(librosa.feature.melspectrogram(y=samples, sr=rate), ref=np.max)
    figure = plt.figure(figsize=(6, 4), dpi=72)
    librosa.display.specshow(decibels, sr=rate, hop_length=512, cmap="magma")
    with tempfile.TemporaryDirectory() as folder:
        picture = Path(folder) / "picture.png"
        plt.savefig(picture)
        plt.close(figure)
        return np.asarray(Image.open(picture).convert("RGB"), np.float32)[None]


if clips:
    print(infer(draw(clips[0])).argmax())
    sys.exit()
print(json.dumps({"import_seconds": imported - began, "load_seconds": loaded - imported}), flush=True)
pixels = None
for order in sys.stdin:
    pixels = draw(order.rstrip("\n")) if order.strip() else pixels
    print(json.dumps({"label": int(infer(pixels).argmax()), "seconds": time.perf_counter() - began}), flush=True)
