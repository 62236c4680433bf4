#!/bin/sh
# Makes .venv-bench, the Python environment in which `make bench` runs the peers beside Hillock, where the peers' program is at hand.
# The peers and their versions are those of the program's requirements.txt; one that cannot be had here is left out, and named.
set -eu

folder=${HILLOCK_PEERS:-../shared/bench}
[ -e "$folder/peers.py" ] || exit 0
environment=.venv-bench
python=$environment/bin/python
wanted=$environment/requirements.txt
if cmp -s "$folder/requirements.txt" "$wanted"; then exit 0; fi

echo "Installing the peers (PyTorch, JAX, TensorFlow, ONNX Runtime and others) into $environment, to measure beside them"
rm -f "$wanted"
[ -x "$python" ] || python3 -m venv "$environment"
if ! "$python" -m pip install --quiet -r "$folder/requirements.txt"; then
    # One by one, so that a version that is gone costs only itself.
    sed -e 's/#.*//' -e '/^[[:space:]]*$/d' "$folder/requirements.txt" | while read -r requirement; do
        "$python" -m pip install --quiet "$requirement" && continue
        name=${requirement%%[=<>~!]*}
        echo "$requirement cannot be had here; trying the newest $name instead"
        "$python" -m pip install --quiet "$name" || echo "$name cannot be had here; it will not be measured"
    done
fi
"$python" -m pip list --format=freeze | grep -iE '^(torch|jax|jaxlib|mlx|tensorflow|onnxruntime|numpy|scikit-learn|gensim)' || true
cp "$folder/requirements.txt" "$wanted"
