  def loss(self, logits: Tensor, rows: Dict[str, Tensor]) -> Tuple[Tensor, Tensor]:
    # Shares one softmax between the data loss and the divergence, and passes over the vocabulary as seldom as it can: off
    # the kept ids the gradient is the student's softmax times one number a row, so it is scaled in place and mended there.
    n = torch.size(logits, 0)
    if STUDENT_TEMPERATURE != 1.:
      return self.loss_by_logarithms(logits, rows)
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
    log_softmax = torch.log_softmax(logits, -1)
    cross_entropy = torch.neg(log_softmax.gather(-1, label))
    log_s = log_softmax.gather(-1, ids)
    s = log_softmax.exp_()
    s_kept = s.gather(-1, ids)
    s.scatter_(-1, ids, 0.)
    # The student's tail is a sum of what is left, never 1 minus a sum. Where it leaves the range of a float, logarithms do.
    s_tail = torch.sum(s, [-1], True)
    if bool(torch.any(torch.logical_and(has_tail, s_tail < 1e-30))):
      return self.loss_by_logarithms(logits, rows)
    t_tail = torch.exp(log_t_tail)
    kl_kept = torch.where(kept, t * (log_t - log_s), 0.)
    kl_tail = torch.where(has_tail, t_tail * (log_t_tail - torch.log(s_tail)), 0.)
    divergence = torch.where(weight > 0, torch.sum(kl_kept, [-1], True) + kl_tail, 0.)
    gradient = s.mul_(data_weight + weight * (1. - torch.where(has_tail, t_tail / s_tail, 0.)))
    gradient.scatter_add_(-1, ids, torch.where(kept, (data_weight + weight) * s_kept - weight * t, 0.))
    # A row without a target has lost the id that stood in, and gets it back.
    stand_in = torch.where(kept[:, 0:1], 0., data_weight * s_kept[:, 0:1])
    gradient.scatter_add_(-1, ids[:, 0:1], stand_in)
    gradient.scatter_add_(-1, label, torch.neg(data_weight))
    minimised = cross_entropy * data_weight + divergence * weight
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
