# Matrix products with weights where oneDNN's operator was found faster than PyTorch's own for some shapes. Without gradients. What
# follows a product (an activation, a product by elements, a sum) is computed as its results are written. x [n, in], weights [out, in].
# onednn_shapes: List[int] (out and in of each such weight, in turn)


def by_onednn(self, x: Tensor, weight: Tensor) -> bool:
  # Whether it was found faster; for a few rows, as in generation, it never is.
  found = False
  if x.numel() < 64 * x.size(-1):
    return found
  for i in range(len(self.onednn_shapes) // 2):
    if weight.size(0) == self.onednn_shapes[2 * i] and weight.size(1) == self.onednn_shapes[2 * i + 1]:
      found = True
  return found


def pointwise(self, x: Tensor, weight: Tensor, bias: Optional[Tensor], activation: str, algorithm: str) -> Tensor:
  return ops.mkldnn._linear_pointwise(x, weight, bias, activation, annotate(List[Optional[number]], []), algorithm)


def product(self, x: Tensor, weight: Tensor, bias: Optional[Tensor]) -> Tensor:
  # x by the rows of weight, [n, out].
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
  if self.by_onednn(x, weight):
    return ops.mkldnn._linear_pointwise(x, y, weight, bias, "add")
  return y + torch.linear(x, weight, bias)


def gelu_product(self, x: Tensor, weight: Tensor, bias: Optional[Tensor], tanh: bool) -> Tensor:
  # The GELU (arXiv 1606.08415) of the product, or its approximation by a hyperbolic tangent.
  if self.by_onednn(x, weight):
    return self.pointwise(x, weight, bias, "gelu", "tanh" if tanh else "none")
  return torch.gelu(torch.linear(x, weight, bias), approximate="tanh" if tanh else "none")


def gated_product(self, x: Tensor, gate: Tensor, gate_bias: Optional[Tensor], up: Tensor, up_bias: Optional[Tensor]) -> Tensor:
  # SwiGLU (arXiv 2002.05202): the SiLU of one product times another.
  if self.by_onednn(x, gate):
    return ops.mkldnn._linear_pointwise(x, self.pointwise(x, gate, gate_bias, "swish", ""), up, up_bias, "mul")
  return torch.silu(torch.linear(x, gate, gate_bias)) * torch.linear(x, up, up_bias)
