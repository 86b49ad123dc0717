def loss(self, logits: Tensor, rows: Dict[str, Tensor]) -> Tuple[Tensor, Tensor]:
  # Sum over rows of data_weight * -log softmax(logits)[label], and the sum of -log softmax(logits)[label] of the rows that
  # count, in nats; gradient data_weight * (softmax(logits) - one_hot(label)).
  label = rows["label"].unsqueeze(1)
  weight = rows["data_weight"].to(logits.dtype).unsqueeze(1)
  log_probabilities = torch.log_softmax(logits, -1)
  losses = -log_probabilities.gather(1, label)
  gradient = log_probabilities.exp_().mul_(weight)
  gradient.scatter_add_(1, label, -weight)
  return (torch.stack([(losses * weight).sum(), (losses * (weight != 0.0)).sum()]), gradient)
