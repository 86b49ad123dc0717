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


# A training step.


def begin_step(self) -> None:
  # Before the forward of a step.
  pass


def layer_input(self, x: Tensor) -> Tensor:
  # The stream as a layer takes it up.
  return x


def differentiate(self, x: Tensor, slope: Tensor, names: List[str], leaves: List[Tensor], g: Dict[str, Tensor]) -> None:
  # Adds the gradients of the leaves, of these names, to g, where slope is that of x, the end of the forward.
  start: List[Optional[Tensor]] = [slope]
  gradients = torch.autograd.grad([x], leaves, start, None, False, True)
  for i in range(len(names)):
    gradient = gradients[i]
    # An untied output matrix, and the output's bias, have no part in the hidden states.
    if gradient is not None:
      g[names[i]].add_(gradient)


def product_back(self, d: Tensor, weight: Tensor) -> Tensor:
  # The slope of x [n, in], where d [n, out] is that of its product with weight.
  return torch.matmul(d, weight)


def add_outer(self, onto: Tensor, d: Tensor, x: Tensor) -> None:
  # Adds the slope of the weight [out, in] to onto.
  if d.dtype == onto.dtype:
    onto.addmm_(d.t(), x)
  else:
    onto.add_(torch.matmul(d.t(), x))
