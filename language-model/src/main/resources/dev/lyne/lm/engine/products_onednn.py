# Matrix products with weights where oneDNN's operator was found faster than PyTorch's own for some shapes. Without gradients.
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


def product(self, x: Tensor, weight: Tensor, bias: Optional[Tensor]) -> Tensor:
  # x [.., in] by the rows of weight [out, in].
  if self.by_onednn(x, weight):
    return ops.mkldnn._linear_pointwise(x, weight, bias, "none", annotate(List[Optional[number]], []), "")
  return torch.linear(x, weight, bias)


def product_in(self, x: Tensor, weight: Tensor, scratch: Tensor) -> Tensor:
  # The same of x [n, in], perhaps in scratch [n, out].
  if self.by_onednn(x, weight):
    return self.product(x, weight, None)
  return torch.mm(x, weight.t(), out=scratch)
