"""Training: networks on any front end, recipes, runs that survive a kill, and reports that show their uncertainty.

- `cli`, `arguments`, `split_flags`, `start`, `progress`: the command line, its flags, what they start, how far it is.
- `config`, `recipes`: what decides a run, and its recipe by name. `run`: a run from its first file to its last.
- `data`, `feed`: the parts of a split in memory, and their batches where they are computed.
- `crops`: training windows that begin anywhere.
- `registry`, `edgenet`: every network by its name; the one for grids.
- `backbones`: networks that others pretrained, and heads on their features.
- `networks`, `twin`: the paper's layer tables, and the order of layers that trains faster.
- `build`, `built`, `layers`: the Keras models of a run, of a table and of a function; the training twin's layers.
- `front_end`: what the network hears.
- `notices`: what a run reports at its start of its clips.
- `device`: TensorFlow, prepared for a processor or a GPU.
- `distribute`: replicas that divide a batch. `cluster`, `workers`: the processes of one training, and who starts them.
- `preview`: a batch as the network sees it.
- `fitted`, `fit`, `step`: from a dataset to a trained network, the loop over epochs, and one step.
- `state`, `schedule`, `checkpoint`: what changes from epoch to epoch, the learning rate, and the file that keeps both.
- `outcome`: what a finished run prints. `read_test`: the test part of a run that left it unread.
- `evaluate`, `results`: a network's metrics, and those of finished runs. `multi_label`: where labels are not exclusive.
  `confidence`: what probabilities are worth.
- `folds`, `comparison`: a run per fold, and what they measure together; networks on the same folds.
- `report_verb`, `report`, `groups`, `plots`, `paper`: the verb, Markdown, the runs that are compared, pictures, and the
  paper's numbers.
- `speed`, `timed_step`, `gpu_profile`: how fast a step is, in a process of its own, and how busy a GPU is.
"""
