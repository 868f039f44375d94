"""What responds to prompts: one module per way of running a model. Importing this costs nothing.

It is imported before torch ever is, so it says here how torch's threads wait for each other:
asleep, after spinning for a few microseconds. By default they spin for long, and beside other busy
processes each then waits for one that spins in its place. Measured on 2 cores, the demo's 198
questions: 1.2 to 1.4 s alone and 8.7 s beside two busy processes; as set here 1.4 s and 3.5 s.
"""

import os

_WAITING = {"OMP_WAIT_POLICY": "PASSIVE", "GOMP_SPINCOUNT": "10000", "KMP_BLOCKTIME": "0"}

for _name, _value in _WAITING.items():
    os.environ.setdefault(_name, _value)
