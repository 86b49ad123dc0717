def distil(self, z: Tensor, s: Tensor, lse: Tensor, ids: Tensor, row: Dict[str, Tensor]) -> Tensor:
  # The teacher's kept probabilities over their sum, 0 elsewhere; the student's as they are.
  log_t = row["log_t"] - torch.logsumexp(row["log_t"], [-1], True)
  s_kept = s.gather(-1, ids)
  value, sh = self.kept_alone(log_t.exp(), log_t, z.gather(-1, ids) - lse, row)
  c = sh.sum(-1, True)
  self.mend(s, ids, s_kept, sh - s_kept * c, -c, row)
  return value
