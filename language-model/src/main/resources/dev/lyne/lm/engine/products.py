# Matrix products with weights, by PyTorch's own operator, which autograd sees.


def product(self, x: Tensor, weight: Tensor, bias: Optional[Tensor]) -> Tensor:
  # x [.., in] by the rows of weight [out, in].
  return torch.linear(x, weight, bias)


def product_in(self, x: Tensor, weight: Tensor, scratch: Tensor) -> Tensor:
  # The same of x [n, in], perhaps in scratch [n, out].
  return torch.mm(x, weight.t(), out=scratch)
