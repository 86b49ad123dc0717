def distil(self, z: Tensor, s: Tensor, lse: Tensor, ids: Tensor, row: Dict[str, Tensor]) -> Tensor:
  # Both distributions over the kept ids alone: nothing is said of the others, whose gradient is 0.
  log_t = row["log_t"] - torch.logsumexp(row["log_t"], [-1], True)
  z_kept = z.gather(-1, ids)
  log_s = z_kept - torch.logsumexp(torch.where(row["kept"], z_kept, -inf), [-1], True)
  value, sh = self.kept_alone(log_t.exp(), log_t, torch.where(row["kept"], log_s, 0.), row)
  on = sh - log_s.exp() * sh.sum(-1, True)
  self.mend(s, ids, s.gather(-1, ids), on, torch.zeros_like(value), row)
  return value
