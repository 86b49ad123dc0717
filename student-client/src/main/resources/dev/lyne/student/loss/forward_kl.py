  def loss(self, logits: Tensor, rows: Dict[str, Tensor]) -> Tuple[Tensor, Tensor]:
    # Passes over the vocabulary as seldom as it can: one exponential for each temperature, relative to the row's greatest logit.
    # Off the kept ids the gradient of the divergence is that exponential times one number a row, so it is scaled in place and
    # mended on them; at temperature 1 the data loss shares it.
    n = torch.size(logits, 0)
    tau = STUDENT_TEMPERATURE
    label = torch.reshape(rows["label"], [n, 1])
    data_weight = torch.reshape(rows["data_weight"], [n, 1])
    log_t = torch.reshape(rows["teacher_log_probs"], [n, -1])
    t = torch.reshape(rows["teacher_weights"], [n, -1])
    log_t_tail = torch.reshape(rows["teacher_log_tail"], [n, 1])
    sent = torch.reshape(rows["teacher_ids"], [n, -1])
    # Past a row's count there is no id: its first one stands in, with nothing to add.
    kept = log_t > -inf
    # A row that keeps nothing has nothing to learn from.
    weight = torch.where(kept[:, 0:1], torch.reshape(rows["distillation_weight"], [n, 1]), 0.)
    ids = torch.where(kept, sent, sent[:, 0:1])
    has_tail = log_t_tail > -inf
    relative = torch.sub(logits, torch.amax(logits, [-1], True))
    at_label = relative.gather(-1, label)
    at_kept = relative.gather(-1, ids) / tau
    if tau == 1.:
      s = relative.exp_()
      shared = data_weight
    else:
      s = torch.div(relative, tau).exp_()
      shared = torch.zeros_like(data_weight)
    s_kept = s.gather(-1, ids)
    s.scatter_(-1, ids, 0.)
    # The student's tail is a sum of what is left, never 1 minus a sum. Where it leaves the range of a float, logarithms do.
    rest = torch.sum(s, [-1], True)
    # A row without a target has lost the id that stood in, and gets it back.
    stood_in = torch.where(kept[:, 0:1], 0., s_kept[:, 0:1])
    total = rest + stood_in + torch.sum(torch.where(kept, s_kept, 0.), [-1], True)
    s_tail = rest / total
    if bool(torch.any(torch.logical_and(has_tail, s_tail < 1e-30))):
      return self.loss_by_logarithms(logits, rows)
    log_total = torch.log(total)
    t_tail = torch.exp(log_t_tail)
    kl_kept = torch.where(kept, t * (log_t - (at_kept - log_total)), 0.)
    kl_tail = torch.where(has_tail, t_tail * (log_t_tail - torch.log(s_tail)), 0.)
    divergence = torch.where(weight > 0, torch.sum(kl_kept, [-1], True) + kl_tail, 0.)
    # The tempered loss is worth tau^2, its gradient tau.
    slope = weight * tau
    gradient = s.mul_((shared + slope * (1. - torch.where(has_tail, t_tail / s_tail, 0.))) / total)
    gradient.scatter_add_(-1, ids, torch.where(kept, (shared + slope) * (s_kept / total) - slope * t, 0.))
    gradient.scatter_add_(-1, ids[:, 0:1], shared * (stood_in / total))
    if tau == 1.:
      cross_entropy = log_total - at_label
    else:
      data = relative.exp_()
      data_total = torch.sum(data, [-1], True)
      cross_entropy = torch.log(data_total) - at_label
      gradient.add_(data.mul_(data_weight / data_total))
    gradient.scatter_add_(-1, label, torch.neg(data_weight))
    minimised = cross_entropy * data_weight + divergence * (weight * (tau * tau))
    return (torch.stack([torch.sum(minimised), torch.sum(cross_entropy), torch.sum(divergence)]), gradient)

  def loss_by_logarithms(self, logits: Tensor, rows: Dict[str, Tensor]) -> Tuple[Tensor, Tensor]:
    # Any student temperature, and any size of the student's tail.
    n = torch.size(logits, 0)
    tau = STUDENT_TEMPERATURE
    label = torch.reshape(rows["label"], [n, 1])
    data_weight = torch.reshape(rows["data_weight"], [n, 1])
    log_t = torch.reshape(rows["teacher_log_probs"], [n, -1])
    t = torch.reshape(rows["teacher_weights"], [n, -1])
    log_t_tail = torch.reshape(rows["teacher_log_tail"], [n, 1])
    sent = torch.reshape(rows["teacher_ids"], [n, -1])
    kept = log_t > -inf
    # A row that keeps nothing has nothing to learn from.
    weight = torch.where(kept[:, 0:1], torch.reshape(rows["distillation_weight"], [n, 1]), 0.)
    ids = torch.where(kept, sent, sent[:, 0:1])
    # Data loss at temperature 1: the gradient is s - onehot(label).
    lse = torch.logsumexp(logits, [-1], True)
    cross_entropy = lse - logits.gather(-1, label)
    gradient = torch.exp_(logits - lse).mul_(data_weight)
    gradient.scatter_add_(-1, label, torch.neg(data_weight))
    # Divergence at the student's temperature. The student's share of the tail is a log-sum-exp over it.
    z = logits / tau
    lse_z = torch.logsumexp(z, [-1], True)
    z_tail = torch.scatter(z, -1, ids, -inf)
    lse_tail = torch.logsumexp(z_tail, [-1], True)
    has_tail = torch.logical_and(log_t_tail > -inf, lse_tail > -inf)
    log_s = z.gather(-1, ids) - lse_z
    kl_kept = torch.where(kept, t * (log_t - log_s), 0.)
    kl_tail = torch.where(has_tail, torch.exp(log_t_tail) * (log_t_tail - (lse_tail - lse_z)), 0.)
    divergence = torch.where(weight > 0, torch.sum(kl_kept, [-1], True) + kl_tail, 0.)
    # On a kept id s_j - t_j; elsewhere s_j - t_R exp(z_j - lse_tail). The tempered loss is worth tau^2, its gradient tau.
    share = torch.where(has_tail, log_t_tail - lse_tail, -inf)
    slope = torch.exp_(z - lse_z).sub_(z_tail.add_(share).exp_())
    slope.scatter_add_(-1, ids, torch.neg(t))
    gradient.add_(slope.mul_(weight * tau))
    minimised = cross_entropy * data_weight + divergence * (weight * (tau * tau))
    return (torch.stack([torch.sum(minimised), torch.sum(cross_entropy), torch.sum(divergence)]), gradient)
