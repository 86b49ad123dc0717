def divergence(self, t: Tensor, log_t: Tensor, s: Tensor, log_s: Tensor, row: Dict[str, Tensor]) -> Tuple[Tensor, Tensor]:
  # Forward KL weighted by the gap |T - S| within the teacher's head, reverse KL by the gap outside it (arXiv 2404.02657); no gradient
  # flows through the weights. Head: in the teacher's order, as far as the cumulative probability is at most PARAMETER, but for rounding,
  # and the first id in any case; a head of 1 is all of it, whatever the sum comes to.
  gap = (t - s).abs()
  head = t.cumsum(-1) <= (PARAMETER + 1e-6 if PARAMETER < 1. else 2.)
  head[:, 0:1].fill_(True)
  in_head = torch.where(head, gap, 0.).sum(-1, True)
  whole = gap.sum(-1, True)
  forward = torch.where(whole > 0, in_head / whole, 0.)
  backward = torch.where(whole > 0, 1. - forward, 0.)
  reverse = s * (log_s - log_t)
  return (forward * t * (log_t - log_s) + backward * reverse, backward * reverse - forward * t)
