# Matrix products with weights, by PyTorch's own operator, which autograd sees. x [n, in], weights [out, in].


def product(self, x: Tensor, weight: Tensor, bias: Optional[Tensor]) -> Tensor:
  # x by the rows of weight, [n, out].
  return torch.linear(x, weight, bias)


def product_in(self, x: Tensor, weight: Tensor, scratch: Tensor) -> Tensor:
  # The same, perhaps in scratch [n, out].
  return torch.mm(x, weight.t(), out=scratch)


def product_onto(self, x: Tensor, weight: Tensor, bias: Optional[Tensor], y: Tensor) -> Tensor:
  # The same plus y [n, out].
  return y + torch.linear(x, weight, bias)


def gelu_product(self, x: Tensor, weight: Tensor, bias: Optional[Tensor], tanh: bool) -> Tensor:
  # The GELU (arXiv 1606.08415) of the product, or its approximation by a hyperbolic tangent.
  return torch.gelu(torch.linear(x, weight, bias), approximate="tanh" if tanh else "none")


def gated_product(self, x: Tensor, gate: Tensor, gate_bias: Optional[Tensor], up: Tensor, up_bias: Optional[Tensor]) -> Tensor:
  # SwiGLU (arXiv 2002.05202): the SiLU of one product times another.
  return torch.silu(torch.linear(x, gate, gate_bias)) * torch.linear(x, up, up_bias)
