# One training step over float32 master weights w, gradients g and AdamW moments m and v, all by name. Constants:
# row_chunk: int (rows of logits that exist at a time); vocabulary_size: int (rows of the output matrix past it are padding:
# they have no logit, so their gradient is exactly 0, and like every matrix they decay); recompute: int (1: the way back computes each layer again).


def accumulate(self, ids: Tensor, lengths: Tensor, cos: Tensor, sin: Tensor, rows: Tensor, columns: Dict[str, Tensor], w: Dict[str, Tensor], g: Dict[str, Tensor]) -> Tensor:
  # Adds the gradients of one batch to g; returns the sums of the loss terms, float64. ids [N] of sequences of these lengths, one after another; rows int64
  # [n], unique indices into the N positions. Each layer is a segment of the forward with a graph of its own: the way back goes through one
  # after the other from the last, and forgets what it kept. Where the layers are computed again (recompute), by the same operators to
  # the same bits, they keep nothing but what the stream was before each.
  names = sorted(w.keys())
  layers = self.layers_of(names)
  leaves: List[Tensor] = []
  cast: Dict[str, Tensor] = {}
  still: Dict[str, Tensor] = {}
  for name in names:
    leaf = w[name].detach().requires_grad_()
    leaves.append(leaf)
    cast[name] = leaf.to(self.compute_type)
    still[name] = cast[name].detach()
  self.begin_step()
  sizes = self.integers(lengths)
  positions = self.positions(sizes, ids)
  c, s = self.cosines(cos, positions), self.sines(sin, positions)
  embedded = self.embed(ids, positions, cast)
  x = embedded
  starts: List[Tensor] = []
  ends: List[Tensor] = []
  marks: List[int] = []
  for i in range(len(self.windows)):
    start = x.detach().requires_grad_()
    starts.append(start)
    mark = self.mark()
    x = self.layer(start, sizes, c, s, cast, i)
    if self.recompute == 1:
      self.forget_from(mark)
    else:
      marks.append(mark)
      ends.append(x)
  start = x.detach().requires_grad_()
  mark = self.mark()
  end = self.final_norm(start, cast)
  states_slope, sums = self.output_slopes(end.detach(), rows, columns, still, g)
  slope = self.segment_slopes(mark, end, states_slope, start, -1, names, layers, leaves, g)
  for j in range(len(starts)):
    i = len(starts) - 1
    start = starts.pop()
    if self.recompute == 1:
      mark = self.mark()
      end = self.layer(start, sizes, c, s, cast, i)
    else:
      mark = marks.pop()
      end = ends.pop()
    slope = self.segment_slopes(mark, end, slope, start, i, names, layers, leaves, g)
  first: List[Optional[Tensor]] = [slope]
  gradients = torch.autograd.grad([embedded], leaves, first, None, False, True)
  for i in range(len(names)):
    gradient = gradients[i]
    if gradient is not None:
      g[names[i]].add_(gradient)
  return sums


def segment_slopes(self, mark: int, end: Tensor, slope: Tensor, start: Tensor, layer: int, names: List[str], layers: List[int], leaves: List[Tensor], g: Dict[str, Tensor]) -> Tensor:
  # Adds the gradients of a layer's weights, or of those of none (-1), to g; gives the slope of the stream before it.
  own: List[Tensor] = []
  own_g: List[Tensor] = []
  for i in range(len(names)):
    if layers[i] == layer:
      own.append(leaves[i])
      own_g.append(g[names[i]])
  found = self.add_slopes(mark, end, slope, start, own, own_g)
  if found is None:
    raise AssertionError("a layer that nothing depends on")
  return found


def layers_of(self, names: List[str]) -> List[int]:
  # The layer of each weight; -1 for one of none.
  found: List[int] = []
  for name in names:
    layer = -1
    for part in name.split("."):
      if part.isdigit():
        layer = int(part)
    found.append(layer)
  return found


def output_slopes(self, states: Tensor, rows: Tensor, columns: Dict[str, Tensor], still: Dict[str, Tensor], g: Dict[str, Tensor]) -> Tuple[Tensor, Tensor]:
  # The slope of the hidden states, and the sums of the loss terms. The output matrix is applied to the wanted rows only, row_chunk at a time; the loss
  # script gives the gradient of the logits in closed form, so that no logits are kept.
  output_name = self.output_name(still)
  output, bias = self.output_matrix(still), self.output_bias(still)
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
  return (states_gradient, torch.stack(sums).sum(0))


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
    squares = squares + self.square_sum(g[name])
  norm = squares.sqrt()
  if bool(torch.isfinite(norm)):
    scale = 1.0
    limit = float(settings[5])
    if limit > 0.0 and float(norm) > limit:
      scale = limit / (float(norm) + 1e-6)
    for name in names:
      if scale != 1.0:
        g[name].mul_(scale)
      self.adamw(w[name], g[name], m[name], v[name], settings)
  for name in names:
    g[name].zero_()
  return norm.cpu()


def square_sum(self, g: Tensor) -> Tensor:
  # Of all elements, float64: the norms of rows, which are short enough for the type they are in, and their squares in 64 bits.
  return torch.linalg_vector_norm(g, 2, [-1]).to(7).square().sum()


def adamw(self, w: Tensor, g: Tensor, m: Tensor, v: Tensor, settings: Tensor) -> None:
  # arXiv 1711.05101, algorithm 2, in place, by the fused operator, which reads and writes each number once. It takes lists, and the
  # script compiler drops a call whose effect it sees on a list only, unless it cannot tell what the list holds (see kept).
  decay = float(settings[4]) if w.dim() > 1 else 0.0
  weights, gradients, first, second, steps = [w], [g], [m], [v], [settings[6].to(6)]
  none: List[Tensor] = []
  torch._fused_adamw_(weights, gradients, first, second, none, steps, lr=float(settings[0]), beta1=float(settings[1]), beta2=float(settings[2]), weight_decay=decay, eps=float(settings[3]), amsgrad=False, maximize=False, grad_scale=None, found_inf=None)
  if len(weights) + len(gradients) + len(first) + len(second) != 4:
    raise AssertionError("the fused step")


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
