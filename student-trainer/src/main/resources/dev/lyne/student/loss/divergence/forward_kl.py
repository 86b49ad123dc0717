def divergence(self, t: Tensor, log_t: Tensor, s: Tensor, log_s: Tensor, row: Dict[str, Tensor]) -> Tuple[Tensor, Tensor]:
  # KL(t||s): T log(T / S), h = -T / S.
  return (t * (log_t - log_s), -t)
