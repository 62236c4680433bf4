#!/bin/sh
# Makes the Python environment in which `make bench` runs PyTorch beside Hillock, where the peers' program is at hand.
set -eu

folder=${HILLOCK_PEERS:-../shared/bench}
[ -e "$folder/peers.py" ] || exit 0
python=.venv-bench/bin/python
if [ -x "$python" ] && "$python" -c 'import numpy, torch' 2>/dev/null; then exit 0; fi
echo "Installing PyTorch into .venv-bench, to measure beside it"
python3 -m venv .venv-bench
"$python" -m pip install --quiet torch numpy
