def divergence(self, t: Tensor, log_t: Tensor, s: Tensor, log_s: Tensor, row: Dict[str, Tensor]) -> Tuple[Tensor, Tensor]:
  # KL(s||M), M = (1 - a) T + a S (arXiv 2402.03898): S log(S / M), h = log(S / M) + 1 - a S / M. PARAMETER: a.
  log_m = torch.logaddexp(log_t + LOG_OF_REST, log_s + LOG_OF_PARAMETER)
  log_ratio = log_s - log_m
  return (s * log_ratio, s * (log_ratio + 1. - PARAMETER * log_ratio.exp()))
