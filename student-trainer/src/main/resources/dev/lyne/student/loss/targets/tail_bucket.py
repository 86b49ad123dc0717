def distil(self, z: Tensor, s: Tensor, lse: Tensor, ids: Tensor, row: Dict[str, Tensor]) -> Tensor:
  # All that was not sent is one bucket. On a kept id the gradient is S h - s c, elsewhere s (h_R - c), where c = sum of S h.
  log_s = z.gather(-1, ids) - lse
  s_kept = s.gather(-1, ids)
  s.scatter_(-1, ids, 0.)
  # The student's tail is a sum of what is left, never 1 minus a sum.
  s_tail = s.sum(-1, True)
  log_s_tail = s_tail.log()
  rest = row["kept"].sum(-1, True) < z.size(1)
  deep = torch.logical_and(rest, s_tail < 1e-30)
  if bool(deep.any()):
    # It leaves the range of a float: those rows hold the softmax of the tail itself instead.
    at = deep.reshape(-1).nonzero().reshape(-1)
    tails = z.index_select(0, at).scatter_(-1, ids.index_select(0, at), -inf)
    tail_lse = torch.logsumexp(tails, [-1], True)
    log_s_tail.index_copy_(0, at, tail_lse - lse.index_select(0, at))
    s.index_copy_(0, at, torch.softmax(tails, -1))
  live = torch.cat([row["kept"], rest], -1)
  # A teacher's tail of nothing, where ids are left, would make losses infinite.
  log_t = torch.where(live, torch.cat([row["log_t"], row["log_tail"].clamp(-69.)], -1), -inf)
  log_b = torch.where(live, torch.cat([log_s, log_s_tail], -1), 0.)
  terms, sh = self.divergence(log_t.exp(), log_t, torch.where(live, log_b.exp(), 0.), log_b, row)
  sh = torch.where(live, sh, 0.)
  c = sh.sum(-1, True)
  share = sh[:, -1:]
  off = torch.where(deep, share, torch.where(rest, share / s_tail - c, 0.))
  data = torch.where(deep, 0., row["data"])
  s.mul_(data + torch.where(row["slope"] > 0, row["slope"] * off, 0.))
  self.mend_kept(s, ids, s_kept, sh[:, :-1] - s_kept * c, row)
  return torch.where(live, terms, 0.).sum(-1, True)
