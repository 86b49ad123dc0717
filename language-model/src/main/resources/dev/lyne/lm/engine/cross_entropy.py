def loss(self, logits: Tensor, rows: Dict[str, Tensor]) -> Tuple[Tensor, Tensor]:
  # Sum over rows of data_weight * -log softmax(logits)[label], and the sum of -log softmax(logits)[label] of the rows that
  # count, in nats; gradient data_weight * (softmax(logits) - one_hot(label)). The softmax becomes the gradient in place.
  label = rows["label"].unsqueeze(1)
  weight = rows["data_weight"].to(logits.dtype).unsqueeze(1)
  gradient = torch.softmax(logits, -1)
  at_label = gradient.gather(1, label)
  losses = -at_label.log()
  if bool((at_label < 1e-30).any()):
    # It leaves the range of a float.
    losses = torch.logsumexp(logits, [-1], True) - logits.gather(1, label)
  gradient.mul_(weight).scatter_add_(1, label, -weight)
  return (torch.stack([(losses * weight).sum(), (losses * (weight != 0.0)).sum()]), gradient)
