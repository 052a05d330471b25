"""One model file behind one interface, whichever inference engine is installed.

- `load`: a model file to an engine that runs it.
- `registry`: which engines there are for which file; starts without NumPy.
- `inspect`: what a file without a card has inside.
- `base`: what an engine is, and how values are quantised on the way in and out.
- `pair`: which backbone a head is for, and the card of both.
- `litert`: LiteRT and tflite-runtime. `onnx_runtime`: ONNX Runtime.
- `tflite_verifier`: a TFLite file's structure, checked before tflite-runtime reads it.
- `wheels`: whether an engine's package fits this machine.
"""
