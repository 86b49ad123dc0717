def divergence(self, t: Tensor, log_t: Tensor, s: Tensor, log_s: Tensor, row: Dict[str, Tensor]) -> Tuple[Tensor, Tensor]:
  # KL(t||M), M = a T + (1 - a) S (arXiv 2402.03898): T log(T / M), h = -(1 - a) T / M. PARAMETER: a.
  log_m = torch.logaddexp(log_t + LOG_OF_PARAMETER, log_s + LOG_OF_REST)
  return (t * (log_t - log_m), (PARAMETER - 1.) * t * (log_s - log_m).exp())
