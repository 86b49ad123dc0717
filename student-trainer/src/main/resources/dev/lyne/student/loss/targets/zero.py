def distil(self, z: Tensor, s: Tensor, lse: Tensor, ids: Tensor, row: Dict[str, Tensor]) -> Tensor:
  # The teacher's kept probabilities as they are, 0 elsewhere: they may sum to less than 1.
  s_kept = s.gather(-1, ids)
  value, sh = self.kept_alone(row["log_t"].exp(), row["log_t"], z.gather(-1, ids) - lse, row)
  c = sh.sum(-1, True)
  self.mend(s, ids, s_kept, sh - s_kept * c, -c, row)
  return value
