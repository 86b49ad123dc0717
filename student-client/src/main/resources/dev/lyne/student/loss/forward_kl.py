  def loss(self, logits: Tensor, rows: Dict[str, Tensor]) -> Tuple[Tensor, Tensor]:
    n = torch.size(logits, 0)
    tau = STUDENT_TEMPERATURE
    label = torch.reshape(rows["label"], [n, 1])
    data_weight = torch.reshape(rows["data_weight"], [n, 1])
    weight = torch.reshape(rows["distillation_weight"], [n, 1])
    log_t = torch.reshape(rows["teacher_log_probs"], [n, -1])
    log_t_tail = torch.reshape(rows["teacher_log_tail"], [n, 1])
    sent = torch.reshape(rows["teacher_ids"], [n, -1])
    # Past a row's count there is no id: its first one stands in, with a probability of 0.
    kept = torch.gt(log_t, -inf)
    ids = torch.where(kept, sent, torch.slice(sent, 1, 0, 1))
    t = torch.exp(log_t)
    # Data loss at temperature 1: the gradient is s - onehot(label).
    lse = torch.logsumexp(logits, [-1], True)
    cross_entropy = torch.sub(lse, torch.gather(logits, -1, label))
    gradient = torch.mul(torch.exp(torch.sub(logits, lse)), data_weight)
    gradient0 = torch.scatter_add(gradient, -1, label, torch.neg(data_weight))
    # Divergence at the student's temperature, over the kept ids and one bucket for all others. The student's share of that
    # bucket is a log-sum-exp over the others, never 1 minus a sum.
    z = torch.div(logits, tau)
    lse_z = torch.logsumexp(z, [-1], True)
    z_tail = torch.scatter(z, -1, ids, -inf)
    lse_tail = torch.logsumexp(z_tail, [-1], True)
    has_tail = torch.logical_and(torch.gt(log_t_tail, -inf), torch.gt(lse_tail, -inf))
    log_s = torch.sub(torch.gather(z, -1, ids), lse_z)
    kl_kept = torch.where(kept, torch.mul(t, torch.sub(log_t, log_s)), 0.)
    kl_tail = torch.mul(torch.exp(log_t_tail), torch.sub(log_t_tail, torch.sub(lse_tail, lse_z)))
    kl = torch.add(torch.sum(kl_kept, [-1], True), torch.where(has_tail, kl_tail, 0.))
    # On a kept id s_j - t_j; elsewhere s_j - t_R exp(z_j - lse_tail). The tempered loss is worth tau^2, its gradient tau.
    share = torch.where(has_tail, torch.sub(log_t_tail, lse_tail), -inf)
    slope = torch.sub(torch.exp(torch.sub(z, lse_z)), torch.exp(torch.add(z_tail, share)))
    slope0 = torch.scatter_add(slope, -1, ids, torch.neg(t))
    gradient1 = torch.add(gradient0, torch.mul(slope0, torch.mul(weight, tau)))
    covered = torch.gt(weight, 0)
    divergence = torch.where(covered, kl, 0.)
    minimised = torch.add(torch.mul(cross_entropy, data_weight), torch.mul(divergence, torch.mul(weight, tau * tau)))
    sums = torch.stack([torch.sum(minimised), torch.sum(cross_entropy), torch.sum(divergence)])
    return (sums, gradient1)
