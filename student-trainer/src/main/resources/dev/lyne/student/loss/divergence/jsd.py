def divergence(self, t: Tensor, log_t: Tensor, s: Tensor, log_s: Tensor, row: Dict[str, Tensor]) -> Tuple[Tensor, Tensor]:
  # Generalised Jensen-Shannon divergence (arXiv 2306.13649), M = b T + (1 - b) S: b T log(T / M) + (1 - b) S log(S / M),
  # h = (1 - b) log(S / M). PARAMETER: b, between 0 and 1.
  log_m = torch.logaddexp(log_t + LOG_OF_PARAMETER, log_s + LOG_OF_REST)
  part = (1. - PARAMETER) * s * (log_s - log_m)
  return (PARAMETER * t * (log_t - log_m) + part, part)
