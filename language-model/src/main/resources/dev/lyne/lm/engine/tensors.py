# Between the bytes of files and tensors of the device.


def empty(self, like: Tensor, shape: List[int], scalar_type: int) -> Tensor:
  # A tensor to be filled, on the device of another one.
  return torch.empty(shape, dtype=scalar_type, device=like.device)


def fill(self, target: Tensor, start: int, data: Tensor, stored_type: int) -> None:
  # Writes raw bytes (uint8) of a stored type into the elements of target from start on, converted to its type.
  values = torch.view_copy(data, dtype=stored_type)
  target.view(-1)[start:start + values.numel()].copy_(values)


def encode(self, source: Tensor, start: int, end: int, stored_type: int) -> Tensor:
  # Elements start to end as raw bytes (uint8) of a stored type, on the CPU.
  return torch.view_copy(source.reshape(-1)[start:end].to(stored_type).cpu(), dtype=0)
