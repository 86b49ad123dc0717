def divergence(self, t: Tensor, log_t: Tensor, s: Tensor, log_s: Tensor, row: Dict[str, Tensor]) -> Tuple[Tensor, Tensor]:
  # KL(s||t): S log(S / T), h = log(S / T), up to a constant that every bucket shares and that cancels.
  term = s * (log_s - log_t)
  return (term, term)
