# Matrix products with weights where oneDNN's operator multiplies for some shapes. What follows a product (an activation, a product by
# elements, a sum) is computed as its results are written. x [n, in], weights [out, in]. Weights that are trained go by cuts.py.
# onednn_shapes: List[int] (out and in of each such weight, in turn)


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
    return self.cut_product_onto(x, weight, bias, y)
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
    return self.cut_gate(self.cut_product(x, gate, gate_bias), self.cut_product(x, up, up_bias))
  if self.by_onednn(x, gate):
    return ops.mkldnn._linear_pointwise(x, self.pointwise(x, gate, gate_bias, "swish", ""), up, up_bias, "mul")
  return torch.silu(torch.linear(x, gate, gate_bias)) * torch.linear(x, up, up_bias)


def rms_norm(self, x: Tensor, weight: Tensor, epsilon: float, statistics_type: int) -> Tensor:
  if weight.requires_grad:
    return self.cut_norm(x, weight, epsilon)
  return self.normalised(x, weight, epsilon, statistics_type)


def rotate(self, x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
  if x.requires_grad:
    return self.cut_rotation(x, cos, sin)
  return self.rotated(x, cos, sin)


def attend(self, q: Tensor, k: Tensor, v: Tensor, lengths: List[int], window: int) -> Tensor:
  if q.requires_grad and (window == 0 or max(lengths) <= window):
    return self.cut_attention(q, k, v, lengths)
  return self.attend_sequences(q, k, v, lengths, window)


def multiplied(self, x: Tensor, weight: Tensor, onednn: bool) -> Tensor:
  # x by the rows of weight, of any strides.
  if onednn:
    return self.pointwise(x, weight, None, "none", "")
  return torch.linear(x, weight, None)


def multiplied_onto(self, x: Tensor, weight: Tensor, y: Tensor, onednn: bool) -> Tensor:
  if onednn:
    return ops.mkldnn._linear_pointwise(x, y, weight, None, "add")
  return y + torch.linear(x, weight, None)


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
