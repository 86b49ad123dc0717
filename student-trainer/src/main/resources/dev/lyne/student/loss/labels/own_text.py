def on_labels(self, cross_entropy: Tensor, row: Dict[str, Tensor]) -> Tuple[Tensor, List[Tensor]]:
  # Column own_text: 1 where the label is a token of a text that the student wrote. There `policy` says what is minimised of log s of
  # the token: its value, its slope by -log s, and a factor on the weight of the row's divergence, all [n, 1]; and one sum of its own. On other
  # rows labels are data. Sums: the data's negative log-likelihood; the policy's value; the estimators k1, k2, k3 of KL(s||t) of one
  # draw each (d = log t - log s: -d, d^2 / 2, e^d - 1 - d); the policy's own. Draws were made from p, so that each counts s / p times: the
  # estimators are of what the student would draw, whoever drew.
  n = cross_entropy.size(0)
  own = row["own_text"].reshape(n, 1) > 0
  policy_weight = torch.where(own, row["policy_weight"].to(cross_entropy.dtype).reshape(n, 1), 0.)
  log_t = row["teacher_label_log_prob"].to(cross_entropy.dtype).reshape(n, 1)
  value, slope, factor, counted = self.policy(-cross_entropy, log_t, row)
  value = torch.where(policy_weight > 0, value, 0.)
  minimised = cross_entropy * row["data"] + policy_weight * value
  row["data"] = row["data"] + torch.where(policy_weight > 0, policy_weight * slope, 0.)
  row["weight"] = torch.where(own, row["weight"] * factor, row["weight"])
  d = torch.where(policy_weight > 0, log_t + cross_entropy, 0.)
  proposal = self.own_column("policy_proposal_log_prob", cross_entropy, row)
  w = torch.where(policy_weight > 0, (-cross_entropy - proposal).clamp(-60., 60.).exp(), 0.)
  return (minimised, [torch.where(own, 0., cross_entropy).sum(), value.sum(), -(w * d).sum(), (w * d.square() * .5).sum(), (w * (torch.expm1(d) - d)).sum(), torch.where(policy_weight > 0, counted, 0.).sum()])


def own_column(self, name: str, like: Tensor, row: Dict[str, Tensor]) -> Tensor:
  return row[name].to(like.dtype).reshape(like.size(0), 1)
