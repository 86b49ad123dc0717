# Matrix products with weights, by PyTorch's own operator, which autograd sees. x [n, in], weights [out, in].
# attention_in_blocks: int (1: short bfloat16 sequences are faster so than by PyTorch's operator)


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


def rms_norm(self, x: Tensor, weight: Tensor, epsilon: float, statistics_type: int) -> Tensor:
  return self.normalised(x, weight, epsilon, statistics_type)


def rotate(self, x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
  return self.rotated(x, cos, sin)


def attend(self, q: Tensor, k: Tensor, v: Tensor, lengths: List[int], window: int) -> Tensor:
  if self.attention_in_blocks == 1 and q.dtype == 15 and not q.is_cuda and not q.requires_grad:
    length = lengths[0]
    if self.alike(lengths) and length <= 512 and (window == 0 or length <= window):
      return self.attend_in_blocks(q, k, v, len(lengths))
  return self.attend_sequences(q, k, v, lengths, window)


# A training step, whose layers autograd sees. That of a processor has the same functions in cuts.py.


def begin_step(self) -> None:
  # Before the forward of a step.
  pass


def mark(self) -> int:
  # Where a segment of the forward begins.
  return 0


def forget_from(self, mark: int) -> None:
  # What the forward kept from the mark on: its graph goes with its end.
  pass


def add_slopes(self, mark: int, end: Tensor, slope: Tensor, start: Tensor, leaves: List[Tensor], g: List[Tensor]) -> Optional[Tensor]:
  # Walks back through a segment that began at the mark: adds the gradients of the leaves to g, where slope is that of its end, and gives
  # the slope of its start.
  first: List[Optional[Tensor]] = [slope]
  slopes = torch.autograd.grad([end], [start] + leaves, first, None, False, True)
  for i in range(len(leaves)):
    gradient = slopes[i + 1]
    # Of the last segment's, the embeddings and the output matrix have no part in it.
    if gradient is not None:
      g[i].add_(gradient)
  return slopes[0]


def product_back(self, d: Tensor, weight: Tensor) -> Tensor:
  # The slope of x [n, in], where d [n, out] is that of its product with weight.
  return torch.matmul(d, weight)


def add_outer(self, onto: Tensor, d: Tensor, x: Tensor) -> None:
  # Adds the slope of the weight [out, in] to onto.
  if d.dtype == onto.dtype:
    onto.addmm_(d.t(), x)
  else:
    onto.add_(torch.matmul(d.t(), x))
