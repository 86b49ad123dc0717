def distil(self, z: Tensor, s: Tensor, lse: Tensor, ids: Tensor, row: Dict[str, Tensor]) -> Tensor:
  # The tail mass spread evenly over the ids that were not sent, u each. Their part of the loss needs the sum of their logits only,
  # and their gradient is m s - u, where m is the whole target.
  kept = row["kept"]
  z_kept = z.gather(-1, ids)
  others = (z.size(1) - kept.sum(-1, True)).to(z.dtype)
  rest = others > 0
  count = others.clamp(1.)
  mean = (z.sum(-1, True) - torch.where(kept, z_kept, 0.).sum(-1, True)) / count
  live = torch.cat([kept, rest], -1)
  log_tail = torch.where(rest, row["log_tail"].clamp(-69.), -inf)
  t = torch.cat([row["log_t"].exp(), log_tail.exp()], -1)
  log_t = torch.cat([row["log_t"], log_tail - count.log()], -1)
  log_s = torch.cat([z_kept, mean], -1) - lse
  terms, sh = self.divergence(t, log_t, torch.where(live, log_s.exp(), 0.), log_s, row)
  sh = torch.where(live, sh, 0.)
  c = sh.sum(-1, True)
  s_kept = s.gather(-1, ids)
  shift = torch.where(row["slope"] > 0, row["slope"] * sh[:, -1:] / count, 0.)
  s.mul_(row["data"] + torch.where(row["slope"] > 0, row["slope"] * -c, 0.)).add_(shift)
  self.mend_kept(s, ids, s_kept, sh[:, :-1] - s_kept * c, row)
  return torch.where(live, terms, 0.).sum(-1, True)
