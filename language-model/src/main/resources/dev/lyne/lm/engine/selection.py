# From hidden states to sparse rows of log-probabilities. n rows at a time, V columns (vocabulary_size: columns of the
# output matrix past it are cut off before anything is computed from them), k entries kept. Constants: row_chunk: int.


def score(self, ids: Tensor, cos: Tensor, sin: Tensor, rows: Tensor, labels: Tensor, scratch: List[Tensor], k: int, p: float, truncation_temperature: float, temperatures: List[float], w: Dict[str, Tensor]) -> List[Tensor]:
  # Sparse rows of the wanted positions. ids [B, T]; rows int64, indices into the B * T positions; labels int64, the token
  # that follows each row, or -1. The output matrix is applied to row_chunk rows at a time. scratch: two
  # [row_chunk, V] in statistics_type, kept from call to call, since the pages of such tensors are costly to get.
  # Columns as in select.
  x = self.hidden(ids, cos, sin, w).flatten(0, 1)
  output = self.output_matrix(w)[:self.vocabulary_size]
  chunks: List[List[Tensor]] = []
  start = 0
  while start < rows.numel():
    end = min(start + self.row_chunk, rows.numel())
    logits = self.logits(x.index_select(0, rows[start:end]), output, scratch[0])
    chunks.append(self.select(logits, labels[start:end], scratch[1], k, p, truncation_temperature, temperatures))
    start = end
  return self.columns(chunks)


def score_fixed(self, ids: Tensor, cos: Tensor, sin: Tensor, grid: List[int], picks: Tensor, labels: Tensor, scratch: List[Tensor], k: int, p: float, truncation_temperature: float, temperatures: List[float], w: Dict[str, Tensor]) -> List[Tensor]:
  # The same for one sequence alone, ids [1, T], by products of one size: the output matrix meets chunks of row_chunk
  # positions counted from 0, the last filled up with its last position. grid: numbers of the chunks that hold wanted
  # positions; picks: the wanted ones among the rows of those chunks; labels int64, one for each row of those chunks.
  x = self.hidden(ids, cos, sin, w).flatten(0, 1)
  output = self.output_matrix(w)[:self.vocabulary_size]
  chunks: List[List[Tensor]] = []
  for i in range(len(grid)):
    positions = torch.arange(grid[i] * self.row_chunk, (grid[i] + 1) * self.row_chunk, device=ids.device).clamp(max=x.size(0) - 1)
    logits = self.logits(x.index_select(0, positions), output, scratch[0])
    chunk_labels = labels[i * self.row_chunk:(i + 1) * self.row_chunk]
    chunks.append(self.select(logits, chunk_labels, scratch[1], k, p, truncation_temperature, temperatures))
  picked: List[Tensor] = []
  for column in self.columns(chunks):
    picked.append(column.index_select(0, picks.cpu()))
  return picked


def logits(self, states: Tensor, output: Tensor, scratch: Tensor) -> Tensor:
  # Logits of n hidden states in the first n rows of scratch.
  out = scratch[:states.size(0)]
  if self.compute_type == self.statistics_type:
    return torch.mm(states, output.t(), out=out)
  return out.copy_(torch.mm(states, output.t()))


def columns(self, chunks: List[List[Tensor]]) -> List[Tensor]:
  # The chunks' columns one after another, on the CPU.
  out: List[Tensor] = []
  for column in range(len(chunks[0])):
    parts: List[Tensor] = []
    for chunk in chunks:
      parts.append(chunk[column])
    out.append(torch.cat(parts, 0).cpu())
  return out


def select(self, logits: Tensor, labels: Tensor, scratch: Tensor, k: int, p: float, truncation_temperature: float, temperatures: List[float]) -> List[Tensor]:
  # Columns of n rows: finite int32 [n]; counts int32 [n]; ids int32 [n, k]; log-probabilities [n, k]; log of the mass not
  # kept [n]; log-probability of the label [n], NaN without one; c_tau = -log sum exp(lp / tau) [n, temperatures].
  # Destroys logits. Everything is relative to the row's greatest logit, so that nothing overflows; what is not kept is
  # summed itself, since 1 - kept would lose a small tail.
  values, ids = self.top(logits, k)
  finite = torch.isfinite(values[:, 0]) & torch.isfinite(logits.amin(-1))
  highest = values[:, :1]
  at_label = logits.gather(1, labels.clamp(min=0).unsqueeze(1)) - highest
  values = values - highest
  shifted = logits.sub_(highest)
  tempered: List[Tensor] = []
  for temperature in temperatures:
    tempered.append(self.exponentials(shifted, temperature, scratch).sum(-1).log())
  counts = torch.full([logits.size(0)], k, dtype=4, device=logits.device)
  if p < 1.0:
    total = self.exponentials(shifted, truncation_temperature, scratch).sum(-1, True, dtype=7)
    counts = self.prefix(values, total, p, truncation_temperature)
  exponentials = self.exponentials(shifted, 1.0, scratch)
  log_total = exponentials.sum(-1).log()
  offsets = torch.zeros([logits.size(0), len(temperatures)], dtype=logits.dtype, device=logits.device)
  for i in range(len(temperatures)):
    if temperatures[i] != 1.0:
      offsets[:, i] = log_total / temperatures[i] - tempered[i]
  kept = torch.arange(k, device=logits.device).unsqueeze(0) < counts.unsqueeze(1)
  exponentials.scatter_(1, ids, exponentials.gather(1, ids).masked_fill(kept, 0.0))
  rest = exponentials.sum(-1)
  log_tail = rest.log() - log_total
  if bool((rest < 1e-30).any()):
    # The rest underflows beside the greatest logit: take it relative to its own.
    cut = shifted.scatter_(1, ids, values.masked_fill(kept, float("-inf")))
    log_tail = torch.logsumexp(cut, [-1], False) - log_total
  data = (at_label.squeeze(1) - log_total).masked_fill(labels < 0, float("nan"))
  return [finite.to(3), counts.to(3), ids.to(3), values - log_total.unsqueeze(1), log_tail, data, offsets]


def exponentials(self, shifted: Tensor, temperature: float, scratch: Tensor) -> Tensor:
  # exp(shifted / temperature) in the first rows of scratch.
  out = scratch[:shifted.size(0)]
  if temperature == 1.0:
    return torch.exp(shifted, out=out)
  return torch.mul(shifted, 1.0 / temperature, out=out).exp_()


def prefix(self, values: Tensor, total: Tensor, p: float, temperature: float) -> Tensor:
  # Length of the smallest prefix whose cumulative probability at the temperature reaches p, at most k; int64 [n]. values:
  # descending, relative to the greatest; total: the sum of all exponentials, float64 [n, 1].
  reached = (values.to(7) / temperature).exp().div(total).cumsum(-1)
  return ((reached < p - 1e-12).sum(-1) + 1).clamp(max=values.size(1))


def top(self, logits: Tensor, k: int) -> Tuple[Tensor, Tensor]:
  # The k greatest logits of each row in descending order and their ids, ties to the lower id, which topk does not
  # promise: one entry more than k tells whether equals straddle the cut. Fails on no value: NaN counts as greatest.
  vocabulary = logits.size(1)
  values, ids = logits.topk(min(k + 1, vocabulary))
  if k < vocabulary:
    tied = (values[:, k - 1] == values[:, k]).nonzero().squeeze(1)
    values, ids = values[:, :k], ids[:, :k]
    if tied.numel() > 0:
      cut = values[:, k - 1:].index_select(0, tied)
      ids = ids.index_copy(0, tied, self.lowest_ids(logits.index_select(0, tied), cut, k))
      values = logits.gather(1, ids)
  if bool((values[:, 1:] >= values[:, :-1]).any()):
    ids = ids.sort(-1)[0]
    values, order = logits.gather(1, ids).sort(stable=True, dim=-1, descending=True)
    ids = ids.gather(1, order)
  return (values, ids)


def lowest_ids(self, logits: Tensor, cut: Tensor, k: int) -> Tensor:
  # Per row, ascending ids of everything above the cut [n, 1] and of as many lowest equals as make k.
  above = (logits <= cut).logical_not()
  equal = logits == cut
  room = k - above.sum(-1, True)
  kept = above | (equal & (equal.cumsum(-1) <= room))
  return kept.nonzero()[:, 1].view(logits.size(0), k)
