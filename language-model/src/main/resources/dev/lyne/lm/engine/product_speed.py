# Two random matrices and their product, for measurements.


def operands(self, like: Tensor, size: int, scalar_type: int) -> List[Tensor]:
  return [torch.randn([size, size], device=like.device).to(scalar_type), torch.randn([size, size], device=like.device).to(scalar_type)]


def multiply(self, operands: List[Tensor]) -> Tensor:
  # One element of the product, which waits for a device that works asynchronously.
  return self.product(operands[0], operands[1], None)[:1, :1].cpu()
