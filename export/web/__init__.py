"""A folder that classifies in the browser: a page, a model file that hears samples, and its card.

- `arguments`: the command line's part. `page`: the folder of an exported file.
- `onnxruntime_web`: the engine, beside the page or on its public address.
- `assets`: the page, its worker, and what the toolkit does between a file and a network, in JavaScript.
"""
