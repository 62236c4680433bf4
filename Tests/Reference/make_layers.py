"""Makes layers-*.safetensors: what PyTorch's layers, losses and optimizers give. Run with torch, numpy and safetensors installed:

    python3 make_layers.py

Layers (layers-values.safetensors), for each case: `<case>.x`, `<case>.y`, `<case>.dx`, and for each tensor of the state_dict
`<case>.state.<name>` before and, for buffers that change, `<case>.after.<name>`; gradients of sum(y * dy) with respect to parameters are
`<case>.grad.<name>`, dy is `<case>.dy`. Everything is computed in float64 and stored so. Recurrent layers likewise (layers-recurrent.safetensors).

Layers of images are in layers-images.safetensors, likewise.

Layers of normalisation are in layers-normalization.safetensors, likewise.

Optimizers (layers-optimizers.safetensors): 5 steps of `<case>` on two parameters, float64: `<case>.p<i>.<step>`; the gradient of step s
(from 0) of parameter i is `g<i>.<s>`, the beginning `p<i>`.
"""

import json
import os

import torch
from safetensors.torch import save_file
from torch import nn

torch.manual_seed(20240607)
torch.set_default_dtype(torch.float64)
here = os.path.dirname(os.path.abspath(__file__))
values = {}


def keep(name, tensor):
    values[name] = tensor.detach().clone().contiguous()


def layer(name, module, x, train=False):
    """Forward, and the gradients of sum(y * dy)."""
    module.train(train)
    integral = not x.is_floating_point()
    keep(f"{name}.x", x)
    for key, value in module.state_dict().items():
        keep(f"{name}.state.{key}", value)
    if not integral:
        x = x.clone().requires_grad_()
    y = module(x)
    if isinstance(y, tuple):
        y = y[0]
    dy = torch.randn_like(y)
    (y * dy).sum().backward()
    keep(f"{name}.y", y)
    keep(f"{name}.dy", dy)
    if not integral:
        keep(f"{name}.dx", x.grad)
    for key, value in module.named_parameters():
        keep(f"{name}.grad.{key}", value.grad)
    for key, value in module.named_buffers():
        keep(f"{name}.after.{key}", value)


def spread(module):
    """Gives affine parameters and running statistics values that are not 0 and 1."""
    for value in list(module.parameters()):
        if value.ndim == 1:
            nn.init.normal_(value, 0.5, 0.5)
    for key, value in module.named_buffers():
        if key.endswith("running_mean"):
            value.normal_()
        if key.endswith("running_var"):
            value.uniform_(0.5, 2)
    return module


randn = torch.randn
layer("linear", nn.Linear(5, 3), randn(4, 5))
layer("linear-vector", nn.Linear(5, 3), randn(5))
layer("linear-batches", nn.Linear(5, 3, bias=False), randn(2, 1, 3, 5))
layer("linear-one", nn.Linear(1, 1), randn(1, 1))
layer("conv2d", nn.Conv2d(2, 4, 3), randn(2, 2, 6, 5))
layer("conv2d-odd", nn.Conv2d(2, 3, (3, 2), stride=(2, 3), padding=(1, 2), dilation=(2, 1)), randn(2, 2, 9, 8))
layer("conv2d-groups", nn.Conv2d(4, 6, 3, padding=1, groups=2, bias=False), randn(1, 4, 5, 5))
layer("conv2d-depthwise", nn.Conv2d(3, 6, 3, stride=2, groups=3), randn(2, 3, 7, 7))
layer("conv2d-one", nn.Conv2d(1, 1, 1), randn(1, 1, 1, 1))
layer("maxpool2d", nn.MaxPool2d(2), randn(2, 3, 6, 4))
layer("maxpool2d-odd", nn.MaxPool2d((3, 2), stride=(2, 1), padding=(1, 1), dilation=(1, 2)), randn(1, 2, 7, 6))
layer("avgpool2d", nn.AvgPool2d(2), randn(2, 3, 6, 5))
layer("avgpool2d-odd", nn.AvgPool2d((3, 2), stride=(2, 1), padding=(1, 1)), randn(1, 2, 7, 6))
layer("avgpool2d-inside", nn.AvgPool2d(3, stride=2, padding=1, count_include_pad=False), randn(1, 2, 7, 6))
layer("flatten", nn.Flatten(), randn(2, 3, 4, 1))
layer("flatten-middle", nn.Flatten(1, 2), randn(2, 3, 4, 5))
layer("batchnorm2d", spread(nn.BatchNorm2d(3)), randn(4, 3, 2, 5))
layer("batchnorm2d-train", spread(nn.BatchNorm2d(3)), randn(4, 3, 2, 5) * 2 + 1, train=True)
layer("batchnorm2d-plain", spread(nn.BatchNorm2d(2, eps=1e-3, momentum=0.3, affine=False)), randn(3, 2, 1, 2), train=True)
layer("layernorm", spread(nn.LayerNorm(6)), randn(4, 6) * 3 - 1)
layer("layernorm-axes", nn.LayerNorm((3, 4), eps=1e-3), randn(2, 1, 3, 4))
layer("layernorm-plain", nn.LayerNorm(5, elementwise_affine=False), randn(3, 5))
layer("embedding", nn.Embedding(7, 4), torch.tensor([[0, 6, 3], [3, 3, 1]]))
layer("embedding-padding", nn.Embedding(5, 3, padding_idx=2), torch.tensor([2, 0, 2, 4]))
for name, module in {
    "relu": nn.ReLU(), "leakyrelu": nn.LeakyReLU(0.2), "gelu": nn.GELU(), "silu": nn.SiLU(), "tanh": nn.Tanh(),
    "sigmoid": nn.Sigmoid(), "identity": nn.Identity(), "dropout": nn.Dropout(0.5),
}.items():
    layer(name, module, randn(3, 7) * 3)
layer("sequential", spread(nn.Sequential(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(8, 3))),
      randn(2, 1, 6, 6))

# Cross-entropy with class weights and label smoothing.
logits, labels, weights = randn(6, 4), torch.tensor([0, 3, 1, 1, 2, 0]), torch.rand(4) + 0.5
keep("crossentropy.logits", logits)
keep("crossentropy.labels", labels)
keep("crossentropy.weights", weights)
for name, options in {
    "plain": {}, "weighted": {"weight": weights}, "smoothed": {"label_smoothing": 0.1},
    "both": {"weight": weights, "label_smoothing": 0.3},
}.items():
    z = logits.clone().requires_grad_()
    loss = nn.functional.cross_entropy(z, labels, **options)
    loss.backward()
    keep(f"crossentropy.{name}", loss)
    keep(f"crossentropy.{name}.gradient", z.grad)

# Clipping.
gradients = [randn(3, 2), randn(4)]
for index, g in enumerate(gradients):
    keep(f"clip.g{index}", g)
for limit in (1.0, 100.0):
    parameters = [nn.Parameter(torch.zeros_like(g)) for g in gradients]
    for p, g in zip(parameters, gradients):
        p.grad = g.clone()
    keep("clip.norm", nn.utils.clip_grad_norm_(parameters, limit))
    for index, p in enumerate(parameters):
        keep(f"clip.norm{int(limit)}.{index}", p.grad)


# Attention; a generator of its own leaves the numbers of all other layers as they are.
class Attention(nn.MultiheadAttention):
    """Attention of a sequence with itself."""

    def __init__(self, *arguments, causal=False, **options):
        super().__init__(*arguments, batch_first=True, **options)
        self.causal = causal

    def forward(self, x):
        mask = nn.Transformer.generate_square_subsequent_mask(x.shape[1]) if self.causal else None
        return super().forward(x, x, x, attn_mask=mask, need_weights=False)[0]


class CausalBlock(nn.TransformerEncoderLayer):
    def forward(self, x):
        return super().forward(x, nn.Transformer.generate_square_subsequent_mask(x.shape[1]), is_causal=True)


with torch.random.fork_rng():
    torch.manual_seed(20240608)
    layer("multiheadattention", spread(Attention(6, 2)), randn(2, 5, 6))
    layer("multiheadattention-causal", Attention(4, 1, bias=False, causal=True), randn(2, 3, 4), train=True)
    layer("transformerencoderlayer", spread(nn.TransformerEncoderLayer(8, 2, 12, 0.0, batch_first=True)), randn(2, 4, 8))
    layer("transformerencoderlayer-causal",
          spread(CausalBlock(6, 3, 8, 0.0, "gelu", layer_norm_eps=1e-3, batch_first=True, norm_first=True)), randn(1, 5, 6))
save_file(values, os.path.join(here, "layers-values.safetensors"))

# Optimizers.
values = {}
steps = 5
begin = [randn(3, 2), randn(4)]
gradients = [[randn_like for randn_like in (randn(3, 2), randn(4))] for _ in range(steps)]
for index, p in enumerate(begin):
    keep(f"p{index}", p)
    for step in range(steps):
        keep(f"g{index}.{step}", gradients[step][index])
cases = {
    "sgd": lambda p: torch.optim.SGD(p, lr=0.1),
    "sgd-decay": lambda p: torch.optim.SGD(p, lr=0.1, weight_decay=0.05),
    "sgd-momentum": lambda p: torch.optim.SGD(p, lr=0.1, momentum=0.9),
    "sgd-dampening": lambda p: torch.optim.SGD(p, lr=0.1, momentum=0.9, dampening=0.4, weight_decay=0.05),
    "sgd-nesterov": lambda p: torch.optim.SGD(p, lr=0.1, momentum=0.9, nesterov=True, weight_decay=0.05),
    "adam": lambda p: torch.optim.Adam(p, lr=0.01),
    "adam-options": lambda p: torch.optim.Adam(p, lr=0.01, betas=(0.5, 0.9), eps=1e-3, weight_decay=0.1),
    "adamw": lambda p: torch.optim.AdamW(p, lr=0.01),
    "adamw-options": lambda p: torch.optim.AdamW(p, lr=0.01, betas=(0.8, 0.95), eps=1e-4, weight_decay=0.2),
    "adamw-filter": lambda p: torch.optim.AdamW(
        [{"params": [p[0]], "weight_decay": 0.3}, {"params": [p[1]], "weight_decay": 0.0}], lr=0.01),
}
for name, make in cases.items():
    parameters = [nn.Parameter(p.clone()) for p in begin]
    optimizer = make(parameters)
    # A learning rate that changes, as a schedule's does.
    rate = optimizer.param_groups[0]["lr"]
    for step in range(steps):
        for group in optimizer.param_groups:
            group["lr"] = rate / (1 + step)
        for p, g in zip(parameters, gradients[step]):
            p.grad = g.clone()
        optimizer.step()
        for index, p in enumerate(parameters):
            keep(f"{name}.p{index}.{step}", p)

# Schedules: the factor over 12 steps.
schedules = {
    "step": lambda o: torch.optim.lr_scheduler.StepLR(o, 3, 0.5),
    "exponential": lambda o: torch.optim.lr_scheduler.ExponentialLR(o, 0.9),
    "cosine": lambda o: torch.optim.lr_scheduler.CosineAnnealingLR(o, 12, eta_min=0.1),
    "onecycle": lambda o: torch.optim.lr_scheduler.OneCycleLR(o, 1.0, total_steps=12),
}
for name, make in schedules.items():
    optimizer = torch.optim.SGD([nn.Parameter(torch.zeros(1))], lr=1.0)
    schedule = make(optimizer)
    factors = []
    for _ in range(12):
        factors.append(schedule.get_last_lr()[0])
        optimizer.step()
        if len(factors) < 12:
            schedule.step()
    values[f"schedule.{name}"] = torch.tensor([float(f) for f in factors])
save_file(values, os.path.join(here, "layers-optimizers.safetensors"))

# Layers of images, with random numbers of their own so that the values above stay as they are.
torch.manual_seed(20240929)
values = {}
layer("convtranspose2d", nn.ConvTranspose2d(3, 4, 3), randn(2, 3, 4, 5))
layer("convtranspose2d-stride", nn.ConvTranspose2d(4, 2, 4, stride=2, padding=1, bias=False), randn(2, 4, 3, 5))
layer("convtranspose2d-output", nn.ConvTranspose2d(2, 3, 3, stride=2, padding=1, output_padding=1), randn(1, 2, 4, 3))
layer("convtranspose2d-odd",
      nn.ConvTranspose2d(4, 6, (3, 2), stride=(3, 2), padding=(0, 1), output_padding=(2, 1), dilation=(1, 2), groups=2), randn(2, 4, 3, 4))
layer("convtranspose2d-dilated", nn.ConvTranspose2d(2, 2, 2, stride=1, padding=(1, 0), output_padding=2, dilation=3), randn(1, 2, 4, 3))
layer("convtranspose2d-depthwise", nn.ConvTranspose2d(3, 3, 2, stride=2, groups=3), randn(1, 3, 2, 2))
layer("convtranspose2d-one", nn.ConvTranspose2d(1, 1, 1), randn(1, 1, 1, 1))
layer("prelu", nn.PReLU(), randn(3, 7))
layer("prelu-channels", nn.PReLU(3, init=0.1), randn(2, 3, 4, 2))
layer("pixelshuffle", nn.PixelShuffle(2), randn(2, 8, 3, 2))
layer("pixelshuffle-three", nn.PixelShuffle(3), randn(1, 9, 1, 2))
layer("upsample", nn.Upsample(scale_factor=2), randn(2, 3, 4, 3))
layer("upsample-odd", nn.Upsample(scale_factor=(3, 1)), randn(1, 2, 2, 3))
layer("upsample-bilinear", nn.Upsample(scale_factor=2, mode="bilinear"), randn(2, 2, 4, 3))
layer("upsample-corners", nn.Upsample(scale_factor=(2, 3), mode="bilinear", align_corners=True), randn(1, 2, 3, 4))
layer("reflectionpad2d", nn.ReflectionPad2d(2), randn(2, 3, 5, 4))
layer("reflectionpad2d-odd", nn.ReflectionPad2d((1, 0, 2, 3)), randn(1, 2, 4, 2))
layer("zeropad2d", nn.ZeroPad2d(1), randn(2, 3, 2, 4))
layer("zeropad2d-odd", nn.ZeroPad2d((2, -1, 0, 3)), randn(1, 2, 3, 4))
layer("adaptiveavgpool2d", nn.AdaptiveAvgPool2d(1), randn(2, 3, 5, 4))
layer("adaptiveavgpool2d-dividing", nn.AdaptiveAvgPool2d((2, 3)), randn(2, 3, 4, 6))
layer("adaptiveavgpool2d-overlapping", nn.AdaptiveAvgPool2d((3, 7)), randn(1, 2, 7, 5))
layer("softmax", nn.Softmax(-1), randn(3, 5))
layer("softmax-channels", nn.Softmax(1), randn(2, 3, 2, 2))
save_file(values, os.path.join(here, "layers-images.safetensors"))

# Recurrent layers, in a file of their own: the outputs of all steps; of a cell, h after one step from zeros.
values = {}
torch.manual_seed(20240608)
layer("lstm", nn.LSTM(3, 4, batch_first=True), randn(2, 5, 3))
layer("lstm-stacked", nn.LSTM(3, 4, 2, batch_first=True, bidirectional=True), randn(2, 4, 3))
layer("lstm-plain", nn.LSTM(2, 1, bias=False, batch_first=True), randn(1, 3, 2))
layer("gru", nn.GRU(3, 4, batch_first=True), randn(2, 5, 3))
layer("gru-stacked", nn.GRU(3, 4, 2, batch_first=True, bidirectional=True), randn(2, 4, 3))
layer("gru-plain", nn.GRU(2, 1, bias=False, batch_first=True), randn(1, 3, 2))
layer("lstmcell", nn.LSTMCell(3, 4), randn(2, 3))
layer("grucell", nn.GRUCell(3, 4), randn(2, 3))
# States handed in and out.
for name, module in {"lstm-states": nn.LSTM(3, 4, 2, batch_first=True, bidirectional=True), "gru-states": nn.GRU(3, 4, 2, batch_first=True)}.items():
    x, h0, c0 = randn(2, 3, 3), randn(4 if name == "lstm-states" else 2, 2, 4), randn(4, 2, 4)
    for key, value in {"x": x, "h0": h0, "c0": c0}.items():
        keep(f"{name}.{key}", value)
    for key, value in module.state_dict().items():
        keep(f"{name}.state.{key}", value)
    y, state = module(x, (h0, c0) if name == "lstm-states" else h0)
    keep(f"{name}.y", y)
    keep(f"{name}.h", state[0] if name == "lstm-states" else state)
    if name == "lstm-states":
        keep(f"{name}.c", state[1])
save_file(values, os.path.join(here, "layers-recurrent.safetensors"))
# Layers of normalisation, with random numbers of their own so that the values above stay as they are.
torch.manual_seed(20241123)
values = {}
layer("groupnorm", spread(nn.GroupNorm(2, 6)), randn(2, 6, 3, 2) * 2 + 1)
layer("groupnorm-plain", nn.GroupNorm(1, 4, eps=1e-3, affine=False), randn(3, 4, 5))
layer("instancenorm2d", nn.InstanceNorm2d(3), randn(2, 3, 4, 2) * 3 - 1)
layer("instancenorm2d-affine", spread(nn.InstanceNorm2d(2, eps=1e-3, affine=True)), randn(2, 2, 3, 3))
save_file(values, os.path.join(here, "layers-normalization.safetensors"))


# Names: the state_dict keys of two models written the usual way.
class MLP(nn.Module):
    def __init__(self):
        super().__init__()
        self.hidden = nn.Linear(784, 512)
        self.hidden2 = nn.Linear(512, 512)
        self.output = nn.Linear(512, 10)


class LeNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv2d(1, 6, 5, padding=2), nn.BatchNorm2d(6), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(6, 16, 5), nn.ReLU(), nn.MaxPool2d(2))
        self.hidden = nn.ModuleList([nn.Linear(400, 120), nn.Linear(120, 84)])
        self.output = nn.Linear(84, 10)


names = {name: {k: list(v.shape) for k, v in model.state_dict().items()} for name, model in {"mlp": MLP(), "lenet": LeNet()}.items()}
with open(os.path.join(here, "layers-names.json"), "w") as file:
    json.dump(names, file, indent=1)
    file.write("\n")
