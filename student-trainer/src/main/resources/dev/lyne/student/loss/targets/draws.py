def distil(self, z: Tensor, s: Tensor, lse: Tensor, ids: Tensor, row: Dict[str, Tensor]) -> Tensor:
  # The shares of draws stand for the whole distribution (arXiv 2503.16870): weights w on the kept ids, nothing elsewhere. A loss linear
  # in them is unbiased, and its gradient is s - w; logarithms are of the teacher's probabilities themselves.
  t = torch.where(row["kept"], row["teacher_weights"].to(z.dtype).reshape(z.size(0), -1), 0.)
  s_kept = s.gather(-1, ids)
  value, sh = self.kept_alone(t, row["log_t"], z.gather(-1, ids) - lse, row)
  c = sh.sum(-1, True)
  self.mend(s, ids, s_kept, sh - s_kept * c, -c, row)
  return value
