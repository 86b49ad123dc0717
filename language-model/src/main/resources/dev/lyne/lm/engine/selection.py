# From hidden states to sparse rows of log-probabilities. n rows at a time, V columns (vocabulary_size: columns of the
# output matrix past it are cut off before anything is computed from them). Constants: row_chunk: int.
# settings of a selection: kind, k, draws, p, truncation_temperature, temperatures, raw_logits. Kinds: "top" keeps the k most
# probable, or as few of them as reach p at the truncation temperature; "draws" the k most probable and the distinct tokens
# of so many draws from the rest; "chosen" the ids that are asked for; "none" nothing.
# asked: int64, one row for each row of logits: the key of its draws [n, 2], or chosen ids, ascending, then -1 [n, any].


def score(self, ids: Tensor, lengths: List[int], cos: Tensor, sin: Tensor, rows: Tensor, labels: Tensor, asked: Tensor, settings: Tuple[str, int, int, float, float, List[float], bool], scratch: List[Tensor], w: Dict[str, Tensor]) -> List[Tensor]:
  # Sparse rows of the wanted positions. ids [N] of sequences of these lengths, one after another; rows int64, indices into the N positions; labels int64, the token
  # that follows each row, or -1. The output matrix is applied to row_chunk rows at a time. scratch: two
  # [row_chunk, V] in statistics_type, kept from call to call, since the pages of such tensors are costly to get.
  # Columns as in select, those of entries as wide as the row that keeps most.
  x = self.hidden(ids, lengths, cos, sin, w)
  output = self.output_matrix(w)
  bias = self.output_bias(w)
  chunks: List[List[Tensor]] = []
  start = 0
  while start < rows.numel():
    end = min(start + self.row_chunk, rows.numel())
    logits = self.logits_in(x.index_select(0, rows[start:end]), output, bias, scratch[0])
    chunks.append(self.select(logits, labels[start:end], asked[start:end], settings, scratch[1]))
    start = end
  return self.columns(chunks)


def score_fixed(self, ids: Tensor, lengths: List[int], cos: Tensor, sin: Tensor, grid: List[int], picks: Tensor, labels: Tensor, asked: Tensor, settings: Tuple[str, int, int, float, float, List[float], bool], scratch: List[Tensor], w: Dict[str, Tensor]) -> List[Tensor]:
  # The same for one sequence alone, ids [T], by products of one size: the output matrix meets chunks of row_chunk
  # positions counted from 0, the last filled up with its last position. grid: numbers of the chunks that hold wanted
  # positions; picks: the wanted ones among the rows of those chunks; labels and asked: for each row of those chunks.
  x = self.hidden(ids, lengths, cos, sin, w)
  output = self.output_matrix(w)
  bias = self.output_bias(w)
  chunks: List[List[Tensor]] = []
  for i in range(len(grid)):
    positions = torch.arange(grid[i] * self.row_chunk, (grid[i] + 1) * self.row_chunk, device=ids.device).clamp(max=x.size(0) - 1)
    logits = self.logits_in(x.index_select(0, positions), output, bias, scratch[0])
    start, end = i * self.row_chunk, (i + 1) * self.row_chunk
    chunks.append(self.select(logits, labels[start:end], asked[start:end], settings, scratch[1]))
  picked: List[Tensor] = []
  for column in self.columns(chunks):
    picked.append(column.index_select(0, picks.cpu()))
  return picked


def logits_in(self, states: Tensor, output: Tensor, bias: Optional[Tensor], scratch: Tensor) -> Tensor:
  # Logits of n hidden states, perhaps in the first n rows of scratch.
  out = scratch[:states.size(0)]
  if self.compute_type == self.statistics_type:
    out = self.product_in(states, output, out)
  else:
    out.copy_(self.product(states, output, None))
  if bias is not None:
    out.add_(bias)
  return self.scaled_and_capped(out)


def columns(self, chunks: List[List[Tensor]]) -> List[Tensor]:
  # The chunks' columns one after another, on the CPU.
  out: List[Tensor] = []
  for column in range(len(chunks[0])):
    parts: List[Tensor] = []
    for chunk in chunks:
      parts.append(chunk[column])
    out.append(self.joined(parts).cpu())
  return out


def joined(self, parts: List[Tensor]) -> Tensor:
  # One after another, narrower parts filled up with zeros.
  if len(parts) == 1:
    return parts[0]
  if parts[0].dim() == 1:
    return torch.cat(parts, 0)
  width = 0
  for part in parts:
    width = max(width, part.size(1))
  padded: List[Tensor] = []
  for part in parts:
    if part.size(1) < width:
      part = torch.constant_pad_nd(part, [0, width - part.size(1)])
    padded.append(part)
  return torch.cat(padded, 0)


def select(self, logits: Tensor, labels: Tensor, asked: Tensor, settings: Tuple[str, int, int, float, float, List[float], bool], scratch: Tensor) -> List[Tensor]:
  # Columns of n rows, m the most entries of any: finite int32 [n]; counts int32 [n]; ids int32 [n, m]; log-probabilities
  # [n, m]; log of the mass not kept [n]; log-probability of the label [n], NaN without one; c_tau = -log sum exp(lp / tau)
  # [n, temperatures]; log of the mass not kept at each temperature [n, temperatures]; draw counts int32 [n, m], or [n, 0] without draws; logits of the entries [n, m] and the log-sum-exp
  # of all [n, 1], or [n, 0] where they are not asked for.
  # Everything is relative to the row's greatest logit, so that nothing overflows.
  kind, k, draws, p, truncation_temperature, temperatures, raw_logits = settings
  highest = logits.amax(-1, True)
  finite = torch.isfinite(highest.squeeze(1)) & torch.isfinite(logits.amin(-1))
  at_label = logits.gather(1, labels.clamp(min=0).unsqueeze(1)) - highest
  truncated_total = highest
  if p < 1.0 and truncation_temperature != 1.0:
    truncated_total = self.exponentials(logits, highest, truncation_temperature, scratch).sum(-1, True)
  probabilities = self.probabilities(logits, scratch)
  total = probabilities.amax(-1, True).reciprocal()
  log_total = total.squeeze(1).log()
  if truncation_temperature == 1.0:
    truncated_total = total
  values, ids, counts = self.entries(logits, highest, truncated_total, asked, settings)
  partial = k < logits.size(1) or p < 1.0
  log_tail = self.tail(probabilities, log_total, logits, highest, ids, counts, 1.0, log_total, partial)
  draw_counts = ids[:, :0]
  if kind == "draws":
    draw_counts = torch.zeros_like(ids)
    if k < logits.size(1):
      drawn, often, distinct = self.draw(probabilities, asked, draws)
      drawn_values, order = self.descending(logits, drawn, distinct)
      drawn = drawn.gather(1, order)
      values = torch.cat([values, drawn_values], 1)
      ids = torch.cat([ids, drawn], 1)
      counts = counts + distinct
      if k > 0:  # what was drawn from may have been scaled by itself
        probabilities = self.probabilities(logits, scratch)
      log_tail = self.without(probabilities, log_total, logits, highest, ids, counts, 1.0)
      draw_counts = torch.cat([draw_counts, often.gather(1, order)], 1)
  offsets = torch.zeros([logits.size(0), len(temperatures)], dtype=logits.dtype, device=logits.device)
  tempered_tails = torch.zeros_like(offsets)
  for i in range(len(temperatures)):
    tempered = self.exponentials(logits, highest, temperatures[i], scratch)
    log_tempered = tempered.sum(-1).log()
    if temperatures[i] != 1.0:
      offsets[:, i] = log_total / temperatures[i] - log_tempered
    tempered_tail = self.tail(tempered, torch.zeros_like(log_tempered), logits, highest, ids, counts, temperatures[i], log_tempered, partial)
    tempered_tails[:, i] = tempered_tail - log_tempered
  log_tail = (log_tail - log_total).masked_fill(counts == 0, 0.0)
  label = (at_label.squeeze(1) - log_total).masked_fill(labels < 0, float("nan"))
  log_probabilities = values - highest - log_total.unsqueeze(1)
  log_sum_exp = highest + log_total.unsqueeze(1)
  if not raw_logits:
    values, log_sum_exp = values[:, :0], log_sum_exp[:, :0]
  return [finite.to(3), counts.to(3), ids.to(3), log_probabilities, log_tail, label, offsets, tempered_tails, draw_counts.to(3), values, log_sum_exp]


def entries(self, logits: Tensor, highest: Tensor, total: Tensor, asked: Tensor, settings: Tuple[str, int, int, float, float, List[float], bool]) -> Tuple[Tensor, Tensor, Tensor]:
  # Logits [n, m] and ids [n, m] of what is kept without drawing, and how many [n]. total [n, 1]: sum of the exponentials at
  # the truncation temperature, relative to the highest.
  kind, k, draws, p, truncation_temperature, temperatures, raw_logits = settings
  if kind == "chosen":
    counts = (asked >= 0).sum(-1)
    ids = asked[:, :int(counts.max())].clamp(min=0)
    values, order = self.descending(logits, ids, counts)
    return (values, ids.gather(1, order), counts)
  counts = torch.full([logits.size(0)], k, dtype=4, device=logits.device)
  if k == 0:
    return (logits[:, :0], torch.zeros([logits.size(0), 0], dtype=4, device=logits.device), counts)
  values, ids = self.top(logits, k)
  if p < 1.0:
    counts = self.prefix(values - highest, total, p, truncation_temperature)
    most = int(counts.max())
    values, ids = values[:, :most], ids[:, :most]
  return (values, ids, counts)


def probabilities(self, logits: Tensor, scratch: Tensor) -> Tensor:
  # The softmax in the first rows of scratch: fewer passes than its exponentials and their sum.
  return torch._softmax(logits, -1, False, out=scratch[:logits.size(0)])


def exponentials(self, logits: Tensor, highest: Tensor, temperature: float, scratch: Tensor) -> Tensor:
  # exp((logits - highest) / temperature) in the first rows of scratch.
  out = torch.sub(logits, highest, out=scratch[:logits.size(0)])
  if temperature != 1.0:
    out.mul_(1.0 / temperature)
  return out.exp_()


def tail(self, exponentials: Tensor, log_divisor: Tensor, logits: Tensor, highest: Tensor, ids: Tensor, counts: Tensor, temperature: float, log_total: Tensor, partial: bool) -> Tensor:
  # Log of the sum of the exponentials at the temperature that the first counts of ids [n, m] leave over; partial: not all columns of
  # every row are kept. log_divisor [n]: of what the exponentials were divided by; log_total [n]: of all.
  if not partial:
    return torch.full_like(log_total, float("-inf"))
  if ids.size(1) == 0:
    return log_total
  return self.without(exponentials, log_divisor, logits, highest, ids, counts, temperature)


def without(self, exponentials: Tensor, log_divisor: Tensor, logits: Tensor, highest: Tensor, ids: Tensor, counts: Tensor, temperature: float) -> Tensor:
  # Sets the exponentials at the temperature of the first counts of ids [n, m], m > 0, to zero and gives the log of the sum of the others. They
  # are summed themselves, since the total less what is kept would lose a small rest. A rest that underflows beside the
  # greatest logit is taken relative to its own greatest, and its exponentials are left so. What happens to a row does not
  # depend on others.
  kept = torch.arange(ids.size(1), device=ids.device).unsqueeze(0) < counts.unsqueeze(1)
  cut = torch.where(kept, ids, ids[:, :1])  # all writes to one place write one value
  exponentials.scatter_(1, cut, exponentials.gather(1, cut).masked_fill((counts > 0).unsqueeze(1), 0.0))
  rest = exponentials.sum(-1)
  log_rest = rest.log() + log_divisor
  low = (rest < 1e-30).nonzero().squeeze(1)
  if low.numel() > 0:
    others = logits.index_select(0, low) - highest.index_select(0, low)
    others.scatter_(1, cut.index_select(0, low), float("-inf"))
    greatest = others.amax(-1, True).clamp(min=-1e38)
    others.sub_(greatest).div_(temperature).exp_()
    exponentials.index_copy_(0, low, others)
    log_rest = log_rest.index_copy(0, low, others.sum(-1).log() + greatest.squeeze(1) / temperature)
  return log_rest


def descending(self, logits: Tensor, ids: Tensor, counts: Tensor) -> Tuple[Tensor, Tensor]:
  # Logits of the first counts of ascending ids [n, m] in descending order, ties to the lower id, -inf behind; and where each
  # stood.
  kept = torch.arange(ids.size(1), device=ids.device).unsqueeze(0) < counts.unsqueeze(1)
  values = logits.gather(1, ids).masked_fill(kept.logical_not(), float("-inf"))
  return values.sort(stable=True, dim=-1, descending=True)


def prefix(self, values: Tensor, total: Tensor, p: float, temperature: float) -> Tensor:
  # Length of the smallest prefix whose cumulative probability at the temperature reaches p, at most k; int64 [n]. values:
  # descending, relative to the greatest; total: the sum of all exponentials [n, 1].
  reached = (values.to(7) / temperature).exp().div(total).cumsum(-1)
  return ((reached < p - 1e-12).sum(-1) + 1).clamp(max=values.size(1))


def top(self, logits: Tensor, k: int) -> Tuple[Tensor, Tensor]:
  # The k greatest logits of each row in descending order and their ids, ties to the lower id, which topk does not
  # promise: 16 entries more than k show which equals straddle the cut, as most rows of bfloat16 products have some. Fails
  # on no value: NaN counts as greatest.
  vocabulary = logits.size(1)
  if 2 * k > vocabulary:  # a stable sort keeps the promise, and costs as much as topk here
    values, ids = logits.sort(stable=True, dim=-1, descending=True)
    return (values[:, :k], ids[:, :k])
  found = min(k + 16, vocabulary)
  often_tied = self.compute_type != self.statistics_type
  values, ids = self.greatest(logits, found, not often_tied)
  if often_tied:
    values, ids = self.ordered(values, ids)
  else:
    tied = (values[:, 1:] >= values[:, :-1]).any(-1).nonzero().squeeze(1)
    if tied.numel() > 0:
      tied_values, tied_ids = self.ordered(values.index_select(0, tied), ids.index_select(0, tied))
      values = values.index_copy(0, tied, tied_values)
      ids = ids.index_copy(0, tied, tied_ids)
  cut = values[:, k - 1:k]
  values, ids, last = values[:, :k], ids[:, :k], values[:, found - 1:]
  beyond = (cut == last).squeeze(1).nonzero().squeeze(1)
  if found < vocabulary and beyond.numel() > 0:
    rows = logits.index_select(0, beyond)
    lowest = self.lowest_ids(rows, cut.index_select(0, beyond), k)
    beyond_values, beyond_ids = self.ordered(rows.gather(1, lowest), lowest)
    values = values.index_copy(0, beyond, beyond_values)
    ids = ids.index_copy(0, beyond, beyond_ids)
  return (values, ids)


def greatest(self, logits: Tensor, count: int, sorted: bool) -> Tuple[Tensor, Tensor]:
  # Values [n, count] and ids of the count greatest logits of each row, in descending order where they are to be sorted. Columns that lie a stride apart make
  # a group. The count groups with the greatest maxima hold count values that nothing outside them exceeds, so few columns
  # have to be ranked.
  vocabulary = logits.size(1)
  members = self.group_size(vocabulary, count)
  if members < 4:
    return logits.topk(count, -1, True, sorted)
  groups = vocabulary // members
  grouped = members * groups
  chosen = logits[:, :grouped].unflatten(1, [members, groups]).amax(1).topk(count, -1, True, False)[1]
  strides = torch.arange(0, grouped, groups, device=logits.device)
  ids = (chosen.unsqueeze(1) + strides.unsqueeze(1)).flatten(1)
  if grouped < vocabulary:
    ids = torch.cat([ids, torch.arange(grouped, vocabulary, device=logits.device).expand(ids.size(0), -1)], 1)
  values, order = logits.gather(1, ids).topk(count, -1, True, sorted)
  return (values, ids.gather(1, order))


def group_size(self, vocabulary: int, count: int) -> int:
  # One that makes about as many groups as there are columns in those chosen, and leaves no column over where there is such a one.
  members = int((vocabulary / count) ** 0.5)
  for away in range(members // 2):
    if vocabulary % (members + away) == 0:
      return members + away
    if vocabulary % (members - away) == 0:
      return members - away
  return members


def ordered(self, values: Tensor, ids: Tensor) -> Tuple[Tensor, Tensor]:
  # The same entries in descending order, ties to the lower id.
  ascending, order = ids.sort(-1)
  descending, order = values.gather(1, order).sort(stable=True, dim=-1, descending=True)
  return (descending, ascending.gather(1, order))


def lowest_ids(self, logits: Tensor, cut: Tensor, k: int) -> Tensor:
  # Per row, ascending ids of everything above the cut [n, 1] and of as many lowest equals as make k.
  above = (logits <= cut).logical_not()
  equal = logits == cut
  room = k - above.sum(-1, True)
  kept = above | (equal & (equal.cumsum(-1) <= room))
  return kept.nonzero()[:, 1].view(logits.size(0), k)
