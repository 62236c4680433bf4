#!/usr/bin/env python3
"""T03, T07 and T11 in JAX and in torch.compile on the accelerator they find, in any size; gpu.sh runs it through the driver.

  python gpu_peers.py --list
  python gpu_peers.py --workload T11 --peer jax --json --batch 16 --width 768 --layers 12 --heads 12 --length 1024 --precision bf16

Networks, data, initial values and what is timed are those of the workloads' specification. bf16: parameters, optimizer, normalisation statistics
and loss in f32, everything else in bf16 (torch: autocast). Images lie as each framework likes them best (NHWC; channels last).
"""
import argparse, importlib.util, json, math, resource, statistics, time

import numpy as np

U64 = np.uint64
FIELDS = dict(T03=dict(batch=128), T07=dict(batch=8), T11=dict(batch=8, width=384, layers=6, heads=6, length=128))
VOCABULARY = 65


# ---- the specification's random numbers and initial values ---------------------------------------
def bits(seed, count):
    z = (U64(seed << 40) + np.arange(1, count + 1, dtype=U64)) * U64(0x9E3779B97F4A7C15)
    z = (z ^ (z >> U64(30))) * U64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> U64(27))) * U64(0x94D049BB133111EB)
    return z ^ (z >> U64(31))


def uniform(shape, seed, bound):
    z = bits(seed, math.prod(shape))
    return (-bound + 2 * bound * ((z >> U64(40)).astype(np.float64) / 2**24)).astype(np.float32).reshape(shape)


def normal(shape, seed):
    z = bits(seed, math.prod(shape))
    u1 = ((z >> U64(32)).astype(np.float64) + 0.5) / 2**32
    u2 = ((z & U64(0xFFFFFFFF)).astype(np.float64) + 0.5) / 2**32
    return (np.sqrt(-2 * np.log(u1)) * np.cos(2 * np.pi * u2)).astype(np.float32).reshape(shape)


def integers(shape, seed, high):
    return ((bits(seed, math.prod(shape)) >> U64(33)) % U64(high)).astype(np.int64).reshape(shape)


def initial(shapes):
    """Values of parameters, given by name and shape in PyTorch's order and layout."""
    def value(index, name, shape):
        if len(shape) == 1:
            return np.zeros(shape, np.float32) if "bias" in name.split(".")[-1] else np.ones(shape, np.float32)
        return uniform(shape, 100 + index, math.sqrt((6 if len(shape) == 4 else 3) / math.prod(shape[1:])))
    return {name: value(i, name, shape) for i, (name, shape) in enumerate(shapes)}


def dense_shapes(name, inputs, outputs): return [(f"{name}.weight", (outputs, inputs)), (f"{name}.bias", (outputs,))]
def norm_shapes(name, width): return [(f"{name}.weight", (width,)), (f"{name}.bias", (width,))]


def lenet_shapes(o):
    return [("0.weight", (32, 1, 3, 3)), ("0.bias", (32,)), ("2.weight", (64, 32, 3, 3)), ("2.bias", (64,)),
            *dense_shapes("6", 9216, 128), *dense_shapes("8", 128, 10)]


BLOCKS = [(64 << stage, 2 if stage and not j else 1) for stage, count in enumerate((3, 4, 6, 3)) for j in range(count)]


def resnet_shapes(o):
    shapes, c = [("stem.0.weight", (64, 3, 7, 7)), *norm_shapes("stem.1", 64)], 64
    for i, (w, stride) in enumerate(BLOCKS):
        b = f"blocks.{i}."
        shapes += [(b + "body.0.weight", (w, c, 1, 1)), *norm_shapes(b + "body.1", w),
                   (b + "body.3.weight", (w, w, 3, 3)), *norm_shapes(b + "body.4", w),
                   (b + "body.6.weight", (4 * w, w, 1, 1)), *norm_shapes(b + "body.7", 4 * w)]
        if stride != 1 or c != 4 * w:
            shapes += [(b + "down.0.weight", (4 * w, c, 1, 1)), *norm_shapes(b + "down.1", 4 * w)]
        c = 4 * w
    return shapes + dense_shapes("fc", 2048, 1000)


def gpt_shapes(o):
    d = o.width
    shapes = [("pos", (o.length, d)), ("emb.weight", (VOCABULARY, d))]
    for i in range(o.layers):
        b = f"blocks.{i}."
        shapes += [*norm_shapes(b + "ln1", d), *dense_shapes(b + "qkv", d, 3 * d), *dense_shapes(b + "proj", d, d),
                   *norm_shapes(b + "ln2", d), *dense_shapes(b + "fc1", d, 4 * d), *dense_shapes(b + "fc2", 4 * d, d)]
    return shapes + norm_shapes("ln", d) + dense_shapes("head", d, VOCABULARY)


SHAPES = dict(T03=lenet_shapes, T07=resnet_shapes, T11=gpt_shapes)


def batch_of(o):
    """Inputs and labels; images N C H W."""
    if o.workload == "T11":
        return tuple(integers((o.batch, o.length), seed, VOCABULARY) for seed in (1, 2))
    channels, size, classes = (1, 28, 10) if o.workload == "T03" else (3, 224, 1000)
    return normal((o.batch, channels, size, size), 1), integers((o.batch,), 2, classes)


# ---- JAX -----------------------------------------------------------------------------------------
def jax_step(o):
    import jax, jax.numpy as jnp
    from jax import lax
    relu, compute = jax.nn.relu, jnp.bfloat16 if o.precision == "bf16" else jnp.float32
    has_gpu = jax.default_backend() == "gpu"

    params = initial(SHAPES[o.workload](o))
    if o.workload == "T03":                               # flattened in the order H W C
        params["6.weight"] = params["6.weight"].reshape(128, 64, 12, 12).transpose(0, 2, 3, 1).reshape(128, 9216)
    turn = lambda k, v: v.transpose(2, 3, 1, 0) if v.ndim == 4 else v.T if v.ndim == 2 and k not in ("pos", "emb.weight") else v
    params = {k: jnp.array(turn(k, v)) for k, v in params.items()}
    x, y = batch_of(o)
    x = jnp.array(x.transpose(0, 2, 3, 1)) if x.ndim == 4 else jnp.array(x, jnp.int32)
    y = jnp.array(y, jnp.int32)

    def conv(x, w, stride=1, pad=0):
        return lax.conv_general_dilated(x, w.astype(compute), (stride, stride), [(pad, pad)] * 2,
                                        dimension_numbers=("NHWC", "HWIO", "NHWC"))

    def pool(x, k, s, p=0):
        return lax.reduce_window(x, -jnp.inf, lax.max, (1, k, k, 1), (1, s, s, 1), [(0, 0), (p, p), (p, p), (0, 0)])

    def dense(x, p, n): return x @ p[n + ".weight"].astype(compute) + p[n + ".bias"].astype(compute)

    def normalised(x, p, n, axes):
        x = x.astype(jnp.float32)
        m = x.mean(axes, keepdims=True)
        v = jnp.square(x - m).mean(axes, keepdims=True)
        return ((x - m) * lax.rsqrt(v + 1e-5) * p[n + ".weight"] + p[n + ".bias"]).astype(compute), m, v

    def lenet(p, running, x):
        x = relu(conv(x.astype(compute), p["0.weight"]) + p["0.bias"].astype(compute))
        x = pool(relu(conv(x, p["2.weight"]) + p["2.bias"].astype(compute)), 2, 2)
        return dense(relu(dense(x.reshape(len(x), -1), p, "6")), p, "8"), running

    def resnet(p, running, x):
        new = {}
        def bn(x, n):
            y, m, v = normalised(x, p, n, (0, 1, 2))
            k = x.size / x.shape[-1]
            new[n] = (0.9 * running[n][0] + 0.1 * m.ravel(), 0.9 * running[n][1] + 0.1 * v.ravel() * k / (k - 1))
            return y
        x = pool(relu(bn(conv(x.astype(compute), p["stem.0.weight"], 2, 3), "stem.1")), 3, 2, 1)
        for i, (_, stride) in enumerate(BLOCKS):
            b = f"blocks.{i}."
            h = relu(bn(conv(x, p[b + "body.0.weight"]), b + "body.1"))
            h = relu(bn(conv(h, p[b + "body.3.weight"], stride, 1), b + "body.4"))
            h = bn(conv(h, p[b + "body.6.weight"]), b + "body.7")
            if b + "down.0.weight" in p: x = bn(conv(x, p[b + "down.0.weight"], stride), b + "down.1")
            x = relu(h + x)
        return dense(x.mean((1, 2)), p, "fc"), new

    def gpt(p, running, t):
        x = (p["emb.weight"][t] + p["pos"]).astype(compute)
        n, length, d = x.shape
        for i in range(o.layers):
            b = f"blocks.{i}."
            h = dense(normalised(x, p, b + "ln1", -1)[0], p, b + "qkv")
            q, k, v = (u.reshape(n, length, o.heads, -1) for u in jnp.split(h, 3, -1))
            kind = "cudnn" if has_gpu and compute == jnp.bfloat16 else None
            a = jax.nn.dot_product_attention(q, k, v, is_causal=True, implementation=kind)
            x = x + dense(a.reshape(n, length, d), p, b + "proj")
            h = jax.nn.gelu(dense(normalised(x, p, b + "ln2", -1)[0], p, b + "fc1"), approximate=False)
            x = x + dense(h, p, b + "fc2")
        return dense(normalised(x, p, "ln", -1)[0], p, "head"), running

    network = dict(T03=lenet, T07=resnet, T11=gpt)[o.workload]
    running = {k[:-5]: (jnp.zeros_like(v), jnp.ones_like(v)) for k, v in params.items()
               if o.workload == "T07" and k.endswith(".bias") and k != "fc.bias"}
    zeros = lambda: {k: jnp.zeros_like(v) for k, v in params.items()}
    state = [params, (zeros(),) if o.workload == "T07" else (zeros(), zeros()), running, jnp.float32(1)]
    decay = 0.01 if o.workload == "T11" else 0.0

    def update(p, g, s, t):
        if o.workload == "T07":
            v = {k: 0.9 * s[0][k] + g[k] for k in p}
            return {k: p[k] - 0.01 * v[k] for k in p}, (v,)
        m = {k: 0.9 * s[0][k] + 0.1 * g[k] for k in p}
        v = {k: 0.999 * s[1][k] + 0.001 * g[k] * g[k] for k in p}
        c1, c2 = 1 - 0.9**t, 1 - 0.999**t
        return {k: p[k] * (1 - 1e-3 * decay) - 1e-3 * (m[k] / c1) / (jnp.sqrt(v[k] / c2) + 1e-8) for k in p}, (m, v)

    def train(p, s, running, t, x, y):
        def loss_of(p):
            out, new = network(p, running, x)
            log_p = jax.nn.log_softmax(out.astype(jnp.float32).reshape(-1, out.shape[-1]))
            return -jnp.take_along_axis(log_p, y.reshape(-1, 1), 1).mean(), new
        (loss, new), g = jax.value_and_grad(loss_of, has_aux=True)(p)
        p, s = update(p, g, s, t)
        return loss, [p, s, new, t + 1]
    train = jax.jit(train, donate_argnums=(0, 1, 2, 3))

    def step():
        nonlocal state
        loss, state = train(*state, x, y)
        return loss

    def memory():
        stats = jax.devices()[0].memory_stats() or {}
        return stats.get("peak_bytes_in_use")
    return step, jax.block_until_ready, memory, f"{jax.__version__} {jax.devices()[0].device_kind}"


# ---- PyTorch -------------------------------------------------------------------------------------
def torch_step(o):
    import torch
    import torch.nn.functional as F
    from torch import nn
    device = "cuda" if torch.cuda.is_available() else "cpu"

    class Bottleneck(nn.Module):
        def __init__(self, c, w, stride):
            super().__init__()
            conv = lambda i, out, k, s=1: nn.Conv2d(i, out, k, s, k // 2, bias=False)
            bn = nn.BatchNorm2d
            self.body = nn.Sequential(conv(c, w, 1), bn(w), nn.ReLU(), conv(w, w, 3, stride), bn(w), nn.ReLU(),
                                      conv(w, 4 * w, 1), bn(4 * w))
            self.down = (nn.Sequential(conv(c, 4 * w, 1, stride), bn(4 * w)) if stride != 1 or c != 4 * w else nn.Identity())

        def forward(self, x): return F.relu(self.body(x) + self.down(x))

    class ResNet(nn.Module):
        def __init__(self):
            super().__init__()
            self.stem = nn.Sequential(nn.Conv2d(3, 64, 7, 2, 3, bias=False), nn.BatchNorm2d(64), nn.ReLU(), nn.MaxPool2d(3, 2, 1))
            inputs = [64] + [4 * w for w, _ in BLOCKS]
            self.blocks = nn.Sequential(*(Bottleneck(c, w, stride) for c, (w, stride) in zip(inputs, BLOCKS)))
            self.fc = nn.Linear(2048, 1000)

        def forward(self, x): return self.fc(self.blocks(self.stem(x)).mean((2, 3)))

    class Block(nn.Module):
        def __init__(self, d):
            super().__init__()
            self.ln1, self.qkv, self.proj = nn.LayerNorm(d), nn.Linear(d, 3 * d), nn.Linear(d, d)
            self.ln2, self.fc1, self.fc2 = nn.LayerNorm(d), nn.Linear(d, 4 * d), nn.Linear(4 * d, d)

        def forward(self, x):
            n, length, d = x.shape
            q, k, v = (u.view(n, length, o.heads, -1).transpose(1, 2) for u in self.qkv(self.ln1(x)).chunk(3, -1))
            x = x + self.proj(F.scaled_dot_product_attention(q, k, v, is_causal=True).transpose(1, 2).reshape(n, length, d))
            return x + self.fc2(F.gelu(self.fc1(self.ln2(x))))

    class GPT(nn.Module):
        def __init__(self):
            super().__init__()
            self.emb, self.pos = nn.Embedding(VOCABULARY, o.width), nn.Parameter(torch.zeros(o.length, o.width))
            self.blocks = nn.Sequential(*(Block(o.width) for _ in range(o.layers)))
            self.ln, self.head = nn.LayerNorm(o.width), nn.Linear(o.width, VOCABULARY)

        def forward(self, t): return self.head(self.ln(self.blocks(self.emb(t) + self.pos)))

    model = dict(T03=lambda: nn.Sequential(nn.Conv2d(1, 32, 3), nn.ReLU(), nn.Conv2d(32, 64, 3), nn.ReLU(), nn.MaxPool2d(2),
                                           nn.Flatten(), nn.Linear(9216, 128), nn.ReLU(), nn.Linear(128, 10)),
                 T07=ResNet, T11=GPT)[o.workload]()
    values = initial(SHAPES[o.workload](o))
    with torch.no_grad():
        for name, p in model.named_parameters():
            p.copy_(torch.from_numpy(values.pop(name)))
    assert not values, list(values)
    x, y = (torch.from_numpy(a).to(device) for a in batch_of(o))
    model = model.to(device)
    if x.ndim == 4:
        model, x = model.to(memory_format=torch.channels_last), x.to(memory_format=torch.channels_last)
    optimizer = dict(T03=lambda p: torch.optim.Adam(p, lr=1e-3, fused=True),
                     T07=lambda p: torch.optim.SGD(p, lr=0.01, momentum=0.9, fused=True),
                     T11=lambda p: torch.optim.AdamW(p, lr=1e-3, weight_decay=0.01, fused=True))[o.workload](model.parameters())

    @torch.compile
    def loss_of(x, y):
        with torch.autocast(device, torch.bfloat16, enabled=o.precision == "bf16"):
            out = model(x)
        return F.cross_entropy(out.float().flatten(0, -2), y.flatten())

    def step():
        optimizer.zero_grad(set_to_none=True)
        loss = loss_of(x, y)
        loss.backward()
        optimizer.step()
        return loss.detach()

    def wait(loss):
        if device == "cuda": torch.cuda.synchronize()
        return loss
    memory = lambda: torch.cuda.max_memory_allocated() if device == "cuda" else None
    name = torch.cuda.get_device_name() if device == "cuda" else "cpu"
    return step, wait, memory, f"{torch.__version__} {name}"


PEERS = {"jax": ("jax", jax_step), "torch-compile": ("torch", torch_step)}


def measure(o):
    step, wait, memory, version = PEERS[o.peer][1](o)
    now = time.perf_counter
    t = now(); out = wait(step()); first = now() - t
    losses, n, start, best = [float(out)], 1, now(), math.inf
    while n < 5 or (now() - start < 0.5 and n < 200):
        t = now(); out = wait(step()); best = min(best, now() - t)
        n += 1
        if n <= 5: losses.append(float(out))
    group = max(1, math.ceil(0.02 / max(best, 1e-7)))        # at least 20 ms between clock readings
    repeats = o.repeats or int(min(30, max(3, 3 / (best * group))))
    ms = []
    for _ in range(repeats):
        t = now()
        for _ in range(group): out = step()
        wait(out)
        ms.append((now() - t) * 1e3 / group)
    median, peak = statistics.median(ms), memory()
    unit, samples = ("tokens", o.batch * o.length) if o.workload == "T11" else ("samples", o.batch)
    row = dict(workload=o.workload, peer=o.peer, version=version, precision=o.precision, ms_median=median, ms_min=min(ms), ms_max=max(ms),
               repeats=repeats, first_step_s=first, losses=[round(x, 6) for x in losses],
               rss_mb=resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
    row[unit + "_per_s"] = samples * 1e3 / median
    if peak: row["device_mb"] = peak / 2**20
    return row


def main():
    a = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    a.add_argument("--list", action="store_true", help="the peers that are installed, and what they run")
    a.add_argument("--workload", choices=FIELDS); a.add_argument("--peer", choices=PEERS)
    a.add_argument("--json", action="store_true"); a.add_argument("--repeats", type=int, default=0)
    a.add_argument("--precision", choices=["f32", "bf16"], default="f32")
    for field in ("batch", "width", "layers", "heads", "length"): a.add_argument("--" + field, type=int)
    o = a.parse_args()
    if o.list:
        for peer, (module, _) in PEERS.items():
            if importlib.util.find_spec(module): print(peer, *FIELDS)
        return
    if not o.workload or not o.peer: a.error("--workload and --peer, or --list, are needed")
    for field, default in FIELDS[o.workload].items():
        if getattr(o, field) is None: setattr(o, field, default)
    print(json.dumps(measure(o)))


if __name__ == "__main__":
    main()
