# One training step over float32 master weights w, gradients g and AdamW moments m and v, all by name. Constants:
# row_chunk: int (rows of logits that exist at a time); vocabulary_size: int (rows of the output matrix past it are padding:
# they have no logit, so their gradient is exactly 0, and like every matrix they decay).


def accumulate(self, ids: Tensor, lengths: Tensor, cos: Tensor, sin: Tensor, rows: Tensor, columns: Dict[str, Tensor], w: Dict[str, Tensor], g: Dict[str, Tensor]) -> Tensor:
  # Adds the gradients of one batch to g; returns the sums of the loss terms, float64. ids [N] of sequences of these lengths, one after another; rows int64
  # [n], unique indices into the N positions. The output matrix is applied to those rows only, row_chunk at a time; the loss
  # script gives the gradient of the logits in closed form, so that no logits are kept for autograd, which starts from
  # the gradient of the hidden states instead.
  names = sorted(w.keys())
  leaves: List[Tensor] = []
  cast: Dict[str, Tensor] = {}
  for name in names:
    leaf = w[name].detach().requires_grad_()
    leaves.append(leaf)
    cast[name] = leaf.to(self.compute_type)
  self.begin_step()
  x = self.hidden(ids, self.integers(lengths), cos, sin, cast)
  output_name = self.output_name(w)
  states = x.detach()
  output = self.output_matrix(cast).detach()
  bias = self.output_bias(cast)
  if bias is not None:
    bias = bias.detach()
  states_gradient = torch.zeros_like(states)
  output_gradient = g[output_name + ".weight"][:self.vocabulary_size]
  sums: List[Tensor] = []
  start = 0
  while start < rows.numel():
    end = min(start + self.row_chunk, rows.numel())
    chunk_rows = rows[start:end]
    chunk = states.index_select(0, chunk_rows)
    chunk_columns: Dict[str, Tensor] = {}
    for name in columns.keys():
      chunk_columns[name] = columns[name][start:end]
    logits = self.logits(chunk, output, bias)
    slope = self.slope(logits)
    terms, d = self.loss(logits, chunk_columns)
    sums.append(terms.to(7))
    if slope is not None:
      d = d.mul_(slope)
    if bias is not None:
      g[output_name + ".bias"][:self.vocabulary_size].add_(d.sum(0))
    d = d.to(self.compute_type)
    # Rows are unique, so this is a plain copy: an accumulating write would add in an order that varies.
    states_gradient.index_copy_(0, chunk_rows, self.product_back(d, output))
    self.add_outer(output_gradient, d, chunk)
    start = end
  self.differentiate(x, states_gradient, names, leaves, g)
  return torch.stack(sums).sum(0)


def integers(self, values: Tensor) -> List[int]:
  found: List[int] = values.tolist()
  return found


def slope(self, logits: Tensor) -> Optional[Tensor]:
  # Of logits by what the output matrix gives: logit_scale, times 1 - tanh^2 under a softcap. None where it is 1.
  found: Optional[Tensor] = None
  if self.logit_softcap > 0.:
    found = (1. - (logits / self.logit_softcap).square()) * self.logit_scale
  elif self.logit_scale != 1.:
    found = torch.full([], self.logit_scale, dtype=logits.dtype, device=logits.device)
  return found


def apply(self, settings: Tensor, w: Dict[str, Tensor], g: Dict[str, Tensor], m: Dict[str, Tensor], v: Dict[str, Tensor]) -> Tensor:
  # Clips by the global norm, takes one AdamW step and clears the gradients; returns the norm before clipping. Where it
  # is not finite only the gradients are cleared. settings, float64: learning rate, beta1, beta2, epsilon, weight decay,
  # greatest norm (0: any), number of the step from 1. Matrices, embeddings among them, decay; norms and biases do not.
  settings = settings.cpu()
  names = sorted(w.keys())
  squares = torch.zeros([], dtype=7, device=w[names[0]].device)
  for name in names:
    squares = squares + torch.linalg_vector_norm(g[name], 2, None, False, dtype=7).square()
  norm = squares.sqrt()
  if bool(torch.isfinite(norm)):
    scale = 1.0
    limit = float(settings[5])
    if limit > 0.0 and float(norm) > limit:
      scale = limit / (float(norm) + 1e-6)
    for name in names:
      self.adamw(w[name], g[name].mul_(scale), m[name], v[name], settings)
  for name in names:
    g[name].zero_()
  return norm.cpu()


def adamw(self, w: Tensor, g: Tensor, m: Tensor, v: Tensor, settings: Tensor) -> None:
  # arXiv 1711.05101, algorithm 2, in place. Not the fused operator: it takes lists, and the script compiler drops a call
  # whose effect it sees on a list only.
  rate, beta1, beta2, epsilon = float(settings[0]), float(settings[1]), float(settings[2]), float(settings[3])
  step = float(settings[6])
  if w.dim() > 1:
    w.mul_(1.0 - rate * float(settings[4]))
  m.lerp_(g, 1.0 - beta1)
  v.mul_(beta2).addcmul_(g, g, value=1.0 - beta2)
  root = v.sqrt().div_((1.0 - beta2 ** step) ** 0.5).add_(epsilon)
  w.addcdiv_(m, root, value=-rate / (1.0 - beta1 ** step))


def negative_log_likelihood(self, ids: Tensor, lengths: Tensor, cos: Tensor, sin: Tensor, rows: Tensor, labels: Tensor, w: Dict[str, Tensor]) -> Tensor:
  # Sum of -log p(label) over rows, float64.
  cast: Dict[str, Tensor] = {}
  for name in w.keys():
    cast[name] = w[name].to(self.compute_type)
  x = self.hidden(ids, self.integers(lengths), cos, sin, cast)
  output, bias = self.output_matrix(cast), self.output_bias(cast)
  total = torch.zeros([], dtype=7, device=ids.device)
  start = 0
  while start < rows.numel():
    end = min(start + self.row_chunk, rows.numel())
    logits = self.logits(x.index_select(0, rows[start:end]), output, bias)
    at_label = logits.gather(1, labels[start:end].unsqueeze(1)).squeeze(1)
    total = total + (torch.logsumexp(logits, [-1], False) - at_label).sum(dtype=7)
    start = end
  return total.cpu()


def top_ids(self, ids: Tensor, lengths: Tensor, cos: Tensor, sin: Tensor, rows: Tensor, k: int, w: Dict[str, Tensor]) -> Tensor:
  # Ids of the k greatest logits of each row in descending order, int32 [n, k].
  cast: Dict[str, Tensor] = {}
  for name in w.keys():
    cast[name] = w[name].to(self.compute_type)
  x = self.hidden(ids, self.integers(lengths), cos, sin, cast)
  output, bias = self.output_matrix(cast), self.output_bias(cast)
  parts: List[Tensor] = []
  start = 0
  while start < rows.numel():
    end = min(start + self.row_chunk, rows.numel())
    logits = self.logits(x.index_select(0, rows[start:end]), output, bias)
    parts.append(logits.topk(k)[1].to(3))
    start = end
  return torch.cat(parts, 0).cpu()


def clear(self, tensors: List[Tensor]) -> None:
  for tensor in tensors:
    tensor.zero_()
