# The cross-entropy on the labels and a loss on a teacher's sparse rows, with the gradient of the logits in closed form (docs/losses.md). One file a
# treatment of the mass that was not sent gives `distil`, which makes buckets of a row; one file a loss gives `divergence`, the loss of
# buckets. Text in capitals is filled in. n rows, V ids, k kept ids.


def loss(self, logits: Tensor, rows: Dict[str, Tensor]) -> Tuple[Tensor, Tensor]:
  # Off the kept ids a row's gradient is its softmax times one number: that is scaled in place and mended on the kept ids, so that
  # hardly more passes over V are made than plain cross-entropy makes. At temperature 1 both losses share one softmax.
  n = logits.size(0)
  tau = STUDENT_TEMPERATURE
  label = rows["label"].reshape(n, 1)
  data_weight = rows["data_weight"].to(logits.dtype).reshape(n, 1)
  log_t = rows["teacher_log_probs"].to(logits.dtype).reshape(n, -1)
  sent = rows["teacher_ids"].reshape(n, -1)
  kept = log_t > -inf
  # A row that keeps nothing teaches nothing.
  weight = torch.where(kept.any(-1, True), rows["distillation_weight"].to(logits.dtype).reshape(n, 1), 0.)
  # Past a row's count there is no id: its first one stands in, with nothing to add.
  ids = torch.where(kept, sent, sent[:, 0:1])
  row: Dict[str, Tensor] = {}
  for name in rows.keys():
    row[name] = rows[name]
  row["label"] = label
  row["kept"] = kept
  row["log_t"] = log_t
  row["log_tail"] = rows["teacher_log_tail"].to(logits.dtype).reshape(n, 1)
  gradient = torch.softmax(logits, -1)
  lse = self.normaliser(logits, gradient, torch.cat([ids, label], -1) if tau == 1. else label)
  cross_entropy = lse - logits.gather(-1, label)
  row["student_label_log_prob"] = -cross_entropy
  row["data"] = data_weight
  row["weight"] = weight
  minimised, sums = self.on_labels(cross_entropy, row)
  data_weight, weight = row["data"], row["weight"]
  row["slope"] = weight * (LOSS_SCALE / tau)
  if tau == 1.:
    divergence = self.distil(logits, gradient, lse, ids, row)
    gradient.scatter_add_(-1, label, -data_weight)
  else:
    gradient.mul_(data_weight).scatter_add_(-1, label, -data_weight)
    z = logits / tau
    s = torch.softmax(z, -1)
    row["data"] = torch.zeros_like(data_weight)
    divergence = self.distil(z, s, self.normaliser(z, s, ids), ids, row)
    gradient.add_(s)
  divergence = torch.where(weight > 0, divergence, 0.)
  minimised = minimised + divergence * (weight * LOSS_SCALE)
  return (torch.stack([minimised.sum(), sums[0], divergence.sum()] + sums[1:]), gradient)


def normaliser(self, z: Tensor, s: Tensor, ids: Tensor) -> Tensor:
  # log-sum-exp of rows [n, 1], read from the most probable of some ids: z = log s + lse. Saves a pass over V.
  most, at = s.gather(-1, ids).max(-1, True)
  if bool((most < 1e-30).any()):
    return torch.logsumexp(z, [-1], True)
  return z.gather(-1, ids.gather(-1, at)) - most.log()


def mend(self, s: Tensor, ids: Tensor, s_kept: Tensor, on: Tensor, off: Tensor, row: Dict[str, Tensor]) -> None:
  # Turns the softmax into the gradient of the distillation loss, plus data times the softmax: on [n, k] on the kept ids, off [n, 1]
  # times s elsewhere.
  s.mul_(row["data"] + torch.where(row["slope"] > 0, row["slope"] * off, 0.))
  self.mend_kept(s, ids, s_kept, on, row)


def mend_kept(self, s: Tensor, ids: Tensor, s_kept: Tensor, on: Tensor, row: Dict[str, Tensor]) -> None:
  # Ids that stand in write what the first one writes.
  counted = torch.logical_and(row["kept"], row["slope"] > 0)
  mended = row["data"] * s_kept + torch.where(counted, row["slope"] * on, 0.)
  s.scatter_(-1, ids, torch.where(row["kept"], mended, mended[:, 0:1]))


def kept_alone(self, t: Tensor, log_t: Tensor, log_s: Tensor, row: Dict[str, Tensor]) -> Tuple[Tensor, Tensor]:
  # Loss of the kept ids without a tail bucket [n, 1], and S h of each [n, k].
  kept = row["kept"]
  terms, sh = self.divergence(t, log_t, torch.where(kept, log_s.exp(), 0.), log_s, row)
  return (torch.where(kept, terms, 0.).sum(-1, True), torch.where(kept, sh, 0.))
