def distil(self, z: Tensor, s: Tensor, lse: Tensor, ids: Tensor, row: Dict[str, Tensor]) -> Tensor:
  # The tail mass on the label: added to its own where that was sent, a bucket of its own where it was not.
  kept, label, log_tail = row["kept"], row["label"], row["log_tail"]
  gold = torch.logical_and(kept, ids == label)
  log_t = torch.where(gold, torch.logaddexp(row["log_t"], log_tail), row["log_t"])
  apart = torch.logical_and(gold.any(-1, True).logical_not(), log_tail > -inf)
  row["kept"] = torch.cat([kept, apart], -1)
  ids = torch.cat([ids, torch.where(apart, label, ids[:, 0:1])], -1)
  log_t = torch.cat([log_t, torch.where(apart, log_tail, -inf)], -1)
  s_kept = s.gather(-1, ids)
  value, sh = self.kept_alone(log_t.exp(), log_t, z.gather(-1, ids) - lse, row)
  c = sh.sum(-1, True)
  self.mend(s, ids, s_kept, sh - s_kept * c, -c, row)
  return value
