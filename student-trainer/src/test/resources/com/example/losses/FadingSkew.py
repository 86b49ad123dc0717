def divergence(self, t: Tensor, log_t: Tensor, s: Tensor, log_s: Tensor, row: Dict[str, Tensor]) -> Tuple[Tensor, Tensor]:
  # KL(t||M), M = a T + (1 - a) S: T log(T / M), S h = -(1 - a) T S / M. Column fading_skew: a, below 1.
  a = row["fading_skew"].to(s.dtype).reshape(s.size(0), 1)
  log_m = torch.logaddexp(log_t + a.log(), log_s + torch.log1p(-a))
  return (t * (log_t - log_m), (a - 1.) * t * (log_s - log_m).exp())
