# Matrix products with weights where oneDNN's operator multiplies for some shapes. What follows a product (an activation, a product by
# elements, a sum) is computed as its results are written; in a training step it is not. x [n, in], weights [out, in].
# onednn_shapes: List[int] (out and in of each such weight, in turn)
# cuts: List[Tensor] (of the step in hand, see below; empty between steps)


def by_onednn(self, x: Tensor, weight: Tensor) -> bool:
  # Whether it was found faster; for a few rows, as in generation, it never is.
  found = False
  if x.numel() < 64 * x.size(-1) or x.dtype != 6: # 6: float32; other types are for tests
    return found
  for i in range(len(self.onednn_shapes) // 2):
    if weight.size(0) == self.onednn_shapes[2 * i] and weight.size(1) == self.onednn_shapes[2 * i + 1]:
      found = True
  return found


def pointwise(self, x: Tensor, weight: Tensor, bias: Optional[Tensor], activation: str, algorithm: str) -> Tensor:
  return ops.mkldnn._linear_pointwise(x, weight, bias, activation, annotate(List[Optional[number]], []), algorithm)


def product(self, x: Tensor, weight: Tensor, bias: Optional[Tensor]) -> Tensor:
  # x by the rows of weight, [n, out].
  if weight.requires_grad:
    return self.cut_product(x, weight, bias)
  if self.by_onednn(x, weight):
    return self.pointwise(x, weight, bias, "none", "")
  return torch.linear(x, weight, bias)


def product_in(self, x: Tensor, weight: Tensor, scratch: Tensor) -> Tensor:
  # The same, perhaps in scratch [n, out].
  if self.by_onednn(x, weight):
    return self.product(x, weight, None)
  return torch.mm(x, weight.t(), out=scratch)


def product_onto(self, x: Tensor, weight: Tensor, bias: Optional[Tensor], y: Tensor) -> Tensor:
  # The same plus y [n, out].
  if weight.requires_grad:
    return y + self.cut_product(x, weight, bias)
  if self.by_onednn(x, weight):
    return ops.mkldnn._linear_pointwise(x, y, weight, bias, "add")
  return y + torch.linear(x, weight, bias)


def gelu_product(self, x: Tensor, weight: Tensor, bias: Optional[Tensor], tanh: bool) -> Tensor:
  # The GELU (arXiv 1606.08415) of the product, or its approximation by a hyperbolic tangent.
  if weight.requires_grad:
    return torch.gelu(self.cut_product(x, weight, bias), approximate="tanh" if tanh else "none")
  if self.by_onednn(x, weight):
    return self.pointwise(x, weight, bias, "gelu", "tanh" if tanh else "none")
  return torch.gelu(torch.linear(x, weight, bias), approximate="tanh" if tanh else "none")


def gated_product(self, x: Tensor, gate: Tensor, gate_bias: Optional[Tensor], up: Tensor, up_bias: Optional[Tensor]) -> Tensor:
  # SwiGLU (arXiv 2002.05202): the SiLU of one product times another.
  if gate.requires_grad:
    return torch.silu(self.cut_product(x, gate, gate_bias)) * self.cut_product(x, up, up_bias)
  if self.by_onednn(x, gate):
    return ops.mkldnn._linear_pointwise(x, self.pointwise(x, gate, gate_bias, "swish", ""), up, up_bias, "mul")
  return torch.silu(torch.linear(x, gate, gate_bias)) * torch.linear(x, up, up_bias)


# A training step. Autograd does not see the operator: each product, by whichever kernel, ends the graph that leads to x and begins another
# at y. What autograd leaves out is two products of the same kind. Where a layer begins the stream is cut as well, so that the graphs of a layer lead
# no further than that. cuts holds three tensors a cut, in the order of the forward: x with its graph; the weight, or nothing where a layer
# begins; y, a leaf.
# The invariant of the way back: when a cut's turn comes, the slope of its y is whole, since all that y leads to comes after it and each of
# those graphs was walked once, when the slope of its end was whole.


def begin_step(self) -> None:
  # Before the forward of a step: a step that failed may have left cuts behind.
  self.cuts.clear()


def layer_input(self, x: Tensor) -> Tensor:
  # The stream as a layer takes it up.
  if x.requires_grad:
    return self.cut(x, torch.empty([0]), x.detach())
  return x


def cut(self, x: Tensor, weight: Tensor, y: Tensor) -> Tensor:
  leaf = y.requires_grad_()
  self.cuts.append(x)
  self.cuts.append(weight)
  self.cuts.append(leaf)
  return leaf


def cut_product(self, x: Tensor, weight: Tensor, bias: Optional[Tensor]) -> Tensor:
  y = self.cut(x, weight, self.multiplied(x.detach(), weight.detach(), self.by_onednn(x, weight)))
  if bias is not None:
    return y + bias
  return y


def multiplied(self, x: Tensor, weight: Tensor, onednn: bool) -> Tensor:
  # x by the rows of weight, of any strides.
  if onednn:
    return self.pointwise(x, weight, None, "none", "")
  return torch.linear(x, weight, None)


def multiplied_onto(self, x: Tensor, weight: Tensor, y: Tensor, onednn: bool) -> Tensor:
  if onednn:
    return ops.mkldnn._linear_pointwise(x, y, weight, None, "add")
  return y + torch.linear(x, weight, None)


def differentiate(self, x: Tensor, slope: Tensor, names: List[str], leaves: List[Tensor], g: Dict[str, Tensor]) -> None:
  # Adds the gradients of the leaves, of these names, to g, where slope is that of x, the end of the forward. Layer by layer from the
  # last, whose cuts are then forgotten, and with them what its graphs kept.
  layers = self.layers_of(names)
  layer = max(layers)
  end = x
  end_slope: Optional[Tensor] = slope
  while len(self.cuts) > 0:
    begin = len(self.cuts) - 3
    while self.cuts[begin + 1].numel() > 0:
      begin -= 3
    inputs: List[Tensor] = []
    for j in range(begin, len(self.cuts), 3):
      inputs.append(self.cuts[j + 2])
    own: List[int] = []
    for i in range(len(names)):
      if layers[i] == layer or layers[i] < 0:
        own.append(i)
        inputs.append(leaves[i])
    slopes = self.layer_slopes(begin, end, end_slope, inputs)
    for i in range(len(own)):
      gradient = slopes[len(inputs) - len(own) + i]
      if gradient is not None:
        g[names[own[i]]].add_(gradient)
    end = self.cuts[begin]
    end_slope = slopes[0]
    while len(self.cuts) > begin:
      self.cuts.pop()
    layer -= 1
  # The embeddings.
  start: List[Optional[Tensor]] = [end_slope]
  gradients = torch.autograd.grad([end], leaves, start, None, False, True)
  for i in range(len(names)):
    gradient = gradients[i]
    if gradient is not None:
      g[names[i]].add_(gradient)


def layer_slopes(self, begin: int, end: Tensor, end_slope: Optional[Tensor], inputs: List[Tensor]) -> List[Optional[Tensor]]:
  # The slopes of the inputs: the leaves of the cuts from begin on, the first of which is the stream, and weights.
  slopes: List[Optional[Tensor]] = []
  for i in range(len(inputs)):
    slopes.append(None)
  self.spread([end], [end_slope], inputs, slopes)
  j = len(self.cuts) - 3
  while j > begin:
    x, weight = self.cuts[j], self.cuts[j + 1]
    d = self.whole(slopes[(j - begin) // 3])
    states = x.detach()
    ends = [weight]
    onednn = self.by_onednn(states, weight)
    end_slopes: List[Optional[Tensor]] = [self.multiplied(d.t(), states.t(), onednn)]
    back = self.multiplied(d, weight.detach().t(), onednn)
    # The same states may meet several weights, one after another.
    while j - 3 > begin and self.cuts[j - 3] is x:
      j -= 3
      weight = self.cuts[j + 1]
      d = self.whole(slopes[(j - begin) // 3])
      ends.append(weight)
      onednn = self.by_onednn(states, weight)
      end_slopes.append(self.multiplied(d.t(), states.t(), onednn))
      back = self.multiplied_onto(d, weight.detach().t(), back, onednn)
    ends.append(x)
    end_slopes.append(back)
    self.spread(ends, end_slopes, inputs, slopes)
    j -= 3
  return slopes


def spread(self, ends: List[Tensor], end_slopes: List[Optional[Tensor]], inputs: List[Tensor], slopes: List[Optional[Tensor]]) -> None:
  # Adds to the slopes of the inputs what comes from these ends of graphs.
  found = torch.autograd.grad(ends, inputs, end_slopes, None, False, True)
  for i in range(len(inputs)):
    more = found[i]
    if more is not None:
      before = slopes[i]
      # Not in place: autograd gives one tensor to both sides of a sum.
      slopes[i] = more if before is None else before + more


def whole(self, slope: Optional[Tensor]) -> Tensor:
  if slope is None:
    raise AssertionError("a product without a slope (expected: one that the loss depends on)")
  return slope.contiguous()


def layers_of(self, names: List[str]) -> List[int]:
  # The layer of each weight; -1 for one of none.
  found: List[int] = []
  for name in names:
    layer = -1
    for part in name.split("."):
      if part.isdigit():
        layer = int(part)
    found.append(layer)
  return found


def product_back(self, d: Tensor, weight: Tensor) -> Tensor:
  # The slope of x [n, in], where d [n, out] is that of its product with weight.
  if self.by_onednn(d, weight):
    return self.multiplied(d, weight.t(), True)
  return torch.matmul(d, weight)


def add_outer(self, onto: Tensor, d: Tensor, x: Tensor) -> None:
  # Adds the slope of the weight [out, in] to onto, so many rows at a time as stay in the processor's cache.
  if self.by_onednn(x, onto):
    rows = max(256, 524288 // x.size(1))
    states = x.t()
    start = 0
    while start < onto.size(0):
      end = min(start + rows, onto.size(0))
      onto[start:end].add_(self.multiplied(d[:, start:end].t(), states, True))
      start = end
  else:
    onto.addmm_(d.t(), x)
