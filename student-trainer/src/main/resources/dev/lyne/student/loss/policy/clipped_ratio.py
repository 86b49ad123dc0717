def policy(self, log_s: Tensor, log_t: Tensor, row: Dict[str, Tensor]) -> Tuple[Tensor, Tensor, Tensor, Tensor]:
  # max(-A r, -A clip(r)), r = s / s_old clipped to 1 - CLIP .. 1 + CLIP (arXiv 1707.06347, equation 7), of an advantage A through which no
  # gradient flows. The token was drawn from a proposal p; w = s_old / p makes up for it, INSIDE the clip or outside. Either way the
  # product counts the student once: r w = s / p (MiniLLM, arXiv 2306.08543). Columns policy_advantage, policy_old_log_prob (log s_old),
  # policy_proposal_log_prob (log p). Where the divergence is WEIGHED its factor is s / p. Counted: rows that are clipped.
  a = self.own_column("policy_advantage", log_s, row)
  old = self.own_column("policy_old_log_prob", log_s, row)
  proposal = self.own_column("policy_proposal_log_prob", log_s, row)
  # The student's log-probability never leaves a drawn token's range by itself; the bound keeps a step of a changed student finite.
  corrected = (log_s - proposal).clamp(-60., 60.).exp()
  ratio = corrected if INSIDE else (log_s - old).clamp(-60., 60.).exp()
  outside = 1. if INSIDE else (old - proposal).exp()
  whole = -a * ratio
  held = -a * ratio.clamp(1. - CLIP, 1. + CLIP)
  clipped = held > whole
  slope = torch.where(clipped, 0., -whole) * outside
  factor = corrected if WEIGHED else torch.ones_like(corrected)
  return (torch.where(clipped, held, whole) * outside, slope, factor, clipped.to(log_s.dtype))
