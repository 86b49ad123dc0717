def divergence(self, t: Tensor, log_t: Tensor, s: Tensor, log_s: Tensor, row: Dict[str, Tensor]) -> Tuple[Tensor, Tensor]:
  # KL(p||s), p proportional to S^(1 - l) T^l, through which no gradient flows (arXiv 2501.16937). Column taid_lambda: l, in (0, 1].
  l = row["taid_lambda"].to(s.dtype).reshape(s.size(0), 1)
  log_p = torch.where(log_t > -inf, (1. - l) * log_s + l * log_t, -inf)
  log_p = log_p - torch.logsumexp(log_p, [-1], True)
  p = log_p.exp()
  return (p * (log_p - log_s), -p)
