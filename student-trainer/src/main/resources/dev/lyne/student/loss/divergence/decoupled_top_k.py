def divergence(self, t: Tensor, log_t: Tensor, s: Tensor, log_s: Tensor, row: Dict[str, Tensor]) -> Tuple[Tensor, Tensor]:
  # Decoupled top-k (LFM2, arXiv 2511.23404): KL of the masses of kept ids and tail, plus KL within the kept ids, both renormalised at
  # temperature PARAMETER, weighted by the teacher's kept mass a or by 1. The tail is the last bucket. With weight a and temperature 1
  # the chain rule makes it the forward KL of the buckets. S h: -a S_b / S_K + w (q - p) / temperature on kept ids, -t_R on the tail.
  kept = log_t[:, :-1] > -inf
  kept_t = torch.where(kept, log_t[:, :-1], -inf)
  kept_s = torch.where(kept, log_s[:, :-1], -inf)
  log_a = torch.logsumexp(kept_t, [-1], True)
  log_mass = torch.logsumexp(kept_s, [-1], True)
  a = log_a.exp()
  log_p = torch.where(kept, torch.log_softmax(kept_t / PARAMETER, -1), 0.)
  log_q = torch.where(kept, torch.log_softmax(kept_s / PARAMETER, -1), 0.)
  p = torch.where(kept, log_p.exp(), 0.)
  q = torch.where(kept, log_q.exp(), 0.)
  weight = a if WEIGHTED else torch.ones_like(a)
  within = weight * p * (log_p - log_q) + t[:, :-1] * (log_a - log_mass)
  beyond = t[:, -1:] * (log_t[:, -1:] - log_s[:, -1:])
  on = weight / PARAMETER * (q - p) - a * (kept_s - log_mass).exp()
  return (torch.cat([within, beyond], -1), torch.cat([on, -t[:, -1:]], -1))
