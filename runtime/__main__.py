from runtime.startup import lean, leave
from toolkit.command import start

lean()
leave(start("runtime"))
