# Continuing many sequences at once, each over keys and values of its own.
# A slab holds those of sequences of about one length, [2 * layers, slots, capacity, K, S]: of each layer the keys, then the values. A
# slot is zero where its sequence has written nothing, so that what a mask hides is finite.


def zeros(self, like: Tensor, shape: List[int], scalar_type: int) -> Tensor:
  # On the device of another tensor.
  return torch.zeros(shape, dtype=scalar_type, device=like.device)


def place(self, slab: Tensor, slot: int, source: Tensor, source_slot: int, length: int) -> None:
  # Clears a slot, and copies so many positions of another one into it; none where length is 0.
  into = slab[:, slot]
  into.zero_()
  if length > 0:
    into[:, :length].copy_(source[:, source_slot, :length])


def cast(self, tensors: List[Tensor]) -> List[Tensor]:
  # The tensors in compute_type.
  out: List[Tensor] = []
  for tensor in tensors:
    out.append(tensor.to(self.compute_type))
  return out


def decode(self, ids: Tensor, lengths: List[int], starts: List[int], slots: List[int], members: List[int], groups: List[int], slabs: List[Tensor], cos: Tensor, sin: Tensor, rows: List[Tensor], w: Dict[str, Tensor]) -> List[Tensor]:
  # Sequence i gets lengths[i] new tokens behind the starts[i] that slot slots[i] of slabs[members[i]] holds already, which holds them
  # all afterwards. ids [N]: the new tokens, one sequence after another. First come those with one new token, slab by slab and in
  # order of their slots: groups has for each such slab its number and how many of them it holds.
  # rows: as in judged, for some of the N positions; what comes back is that of judged.
  positions = self.positions_from(starts, lengths, ids)
  c, s = self.cosines(cos, positions), self.sines(sin, positions)
  singles = 0
  spans: List[Tensor] = []
  places: List[Tensor] = []
  masks: List[Tensor] = []
  for g in range(len(groups) // 2):
    last = singles + groups[2 * g + 1]
    spans.append(self.span(starts[singles:last], slots[singles:last], ids))
    places.append(spans[g][1] + spans[g][0] * slabs[groups[2 * g]].size(2))
    masks.append(self.slot_mask(spans[g], starts[singles:last], slots[singles:last], 0))
    singles = last
  x = self.embed(ids, positions, w)
  for i in range(len(self.windows)):
    q, k, v = self.queries_keys_values(x, c, s, w, i)
    out = torch.empty([q.size(0), self.heads * self.head_size], dtype=q.dtype, device=q.device)
    first = 0
    for g in range(len(groups) // 2):
      slab, last = slabs[groups[2 * g]], first + groups[2 * g + 1]
      keys, values = slab[2 * i], slab[2 * i + 1]
      keys.flatten(0, 1).index_copy_(0, places[g], k[first:last])
      values.flatten(0, 1).index_copy_(0, places[g], v[first:last])
      mask = masks[g]
      if self.windows[i] > 0:
        mask = self.slot_mask(spans[g], starts[first:last], slots[first:last], self.windows[i])
      self.attend_slots(q[first:last], keys, values, spans[g], starts[first:last], slots[first:last], mask, self.windows[i], out[first:last])
      first = last
    for j in range(singles, len(lengths)):
      keys, values = slabs[members[j]][2 * i, slots[j]], slabs[members[j]][2 * i + 1, slots[j]]
      start, end, last = starts[j], starts[j] + lengths[j], first + lengths[j]
      keys[start:end].copy_(k[first:last])
      values[start:end].copy_(v[first:last])
      if start == 0:
        out[first:last].copy_(self.attend(q[first:last], k[first:last], v[first:last], [lengths[j]], self.windows[i]))
      else:
        out[first:last].copy_(self.attend_behind(q[first:last], keys, values, start, self.windows[i]))
      first = last
    x = self.after_attention(x, out, w, i)
  return self.judged(x, rows, w)


def positions_from(self, starts: List[int], lengths: List[int], like: Tensor) -> Tensor:
  # Of each new token within its sequence, [N].
  found: List[Tensor] = []
  for i in range(len(lengths)):
    found.append(torch.arange(starts[i], starts[i] + lengths[i], device=like.device))
  return torch.cat(found)


def span(self, starts: List[int], slots: List[int], like: Tensor) -> Tensor:
  # Of sequences with one new token: their slots, and the positions of those tokens, int64 [2, m].
  return torch.tensor([slots, starts], dtype=4, device=like.device)


def first_seen(self, starts: List[int], window: int) -> int:
  # The first position that any query at these positions may see.
  return max(0, min(starts) + 1 - window) if window > 0 else 0


def slot_mask(self, span: Tensor, starts: List[int], slots: List[int], window: int) -> Tensor:
  # For attend_slots: what the query of each slot may see of the positions that are met, [slots, 1, 1, positions]; of those between them,
  # one position. Empty where all see all of them.
  m = len(slots)
  width, low = max(starts) + 1, self.first_seen(starts, window)
  between = slots[m - 1] - slots[0] + 1 - m
  if between == 0 and min(starts) + 1 == width and low == 0:
    return torch.empty([0], dtype=11, device=span.device)
  ends = span[1]
  if between > 0 and between <= m:
    ends = torch.full([m + between], low, dtype=4, device=span.device).index_copy_(0, span[0] - slots[0], ends)
  j = torch.arange(low, width, device=span.device).unsqueeze(0)
  seen = j <= ends.unsqueeze(1)
  if window > 0:
    seen = seen & (j > ends.unsqueeze(1) - window)
  return seen.unsqueeze(1).unsqueeze(1)


def attend_slots(self, q: Tensor, keys: Tensor, values: Tensor, span: Tensor, starts: List[int], slots: List[int], masked: Tensor, window: int, out: Tensor) -> None:
  # Attention of one query each, [m, H, S], of m sequences of a slab, over what they hold, their new position included; keys and values
  # [slots, capacity, K, S]. Queries that share a key make the rows of one product with it. Slots that lie close together are
  # met where they are, with those between them; else theirs are copied.
  m = q.size(0)
  groups = self.heads // self.key_value_heads
  q = q.view(m, self.key_value_heads, groups, self.head_size)
  width, low = max(starts) + 1, self.first_seen(starts, window)
  first, last = slots[0], slots[m - 1]
  between = last - first + 1 - m
  if between <= m:
    k, v = keys[first:last + 1], values[first:last + 1]
    if between > 0:
      q = torch.zeros([m + between, self.key_value_heads, groups, self.head_size], dtype=q.dtype, device=q.device).index_copy_(0, span[0] - first, q)
  else:
    k, v = keys[:, :width].index_select(0, span[0]), values[:, :width].index_select(0, span[0])
  k, v = k[:, low:width].transpose(1, 2), v[:, low:width].transpose(1, 2)
  mask: Optional[Tensor] = None
  if masked.numel() > 0:
    mask = masked
  a = torch.scaled_dot_product_attention(q, k, v, mask)
  if between > 0 and between <= m:
    a = a.index_select(0, span[0] - first)
  out.view(m, self.key_value_heads, groups, self.head_size).copy_(a)


def attend_behind(self, q: Tensor, keys: Tensor, values: Tensor, start: int, window: int) -> Tensor:
  # Causal attention of queries [T, H, S] of one sequence from position start on, over the keys and values [capacity, K, S] that it holds,
  # theirs included.
  t = q.size(0)
  groups = self.heads // self.key_value_heads
  end = start + t
  low = 0
  if window > 0:
    low = max(0, start + 1 - window)
  k = keys[low:end].transpose(0, 1).unsqueeze(1).expand(-1, groups, -1, -1)
  v = values[low:end].transpose(0, 1).unsqueeze(1).expand(-1, groups, -1, -1)
  q = q.view(t, self.key_value_heads, groups, self.head_size).permute(1, 2, 0, 3)
  mask = self.window_mask(start, end, low, window if window > 0 else end, q)
  return torch.scaled_dot_product_attention(q, k, v, mask).permute(2, 0, 1, 3).reshape(t, self.heads * self.head_size)


def judged(self, x: Tensor, rows: List[Tensor], w: Dict[str, Tensor]) -> List[Tensor]:
  # For n positions of the stream x after the last layer: finite int32 [n], 0 where the logits are not; ids int64 [n]; their log-probabilities [n],
  # and those under the proposal [n], in 64 bits. rows: which positions int64 [n]; the id of each, or -1 where one is to be drawn, int64 [n];
  # the uniform number of the draw [n]; temperature [n]; top-p [n], all three in 64 bits. A chunk of rows at a time. Nothing of use where n is 0.
  if rows[0].size(0) == 0:
    return rows
  found: List[List[Tensor]] = []
  output, bias = self.output_matrix(w), self.output_bias(w)
  start = 0
  while start < rows[0].size(0):
    end = min(start + self.row_chunk, rows[0].size(0))
    logits = self.logits(self.final_norm(x.index_select(0, rows[0][start:end]), w), output, bias)
    found.append(self.judge(logits, rows[1][start:end], rows[2][start:end], rows[3][start:end], rows[4][start:end]))
    start = end
  out: List[Tensor] = []
  for column in range(4):
    parts: List[Tensor] = []
    for part in found:
      parts.append(part[column])
    out.append(torch.cat(parts).cpu())
  return out


def judge(self, logits: Tensor, labels: Tensor, uniforms: Tensor, temperatures: Tensor, top_p: Tensor) -> List[Tensor]:
  # The same for rows of logits [n, V]. Everything is relative to a row's greatest logit. Where the proposal is the distribution
  # itself, its log-probability is the other one, bit for bit.
  highest = logits.amax(-1, True)
  finite = torch.isfinite(highest.squeeze(1)) & torch.isfinite(logits.amin(-1))
  relative = logits - highest
  exponentials = relative.exp()
  log_total = exponentials.sum(-1).log()
  plain = (temperatures == 1.0) & (top_p == 1.0)
  under = torch.zeros_like(uniforms)
  ids = labels.clamp(min=0)
  needed = ((labels < 0) | plain.logical_not()).nonzero().squeeze(1)
  if needed.numel() > 0:
    weights, scaled = exponentials, relative
    kept = weights[:, :0] > 0
    if needed.numel() < labels.numel():
      weights, scaled = weights.index_select(0, needed), scaled.index_select(0, needed)
    if not bool(plain.index_select(0, needed).all()):
      weights, scaled, kept = self.proposal(scaled, temperatures.index_select(0, needed), top_p.index_select(0, needed))
    # In 64 bits: in 32, ids behind a large sum would get no width at all. Uniform numbers are below 1 by at least 2^-53, so their
    # product with the last sum is below that: a drawn id has width.
    cumulative = weights.cumsum(-1, dtype=7)
    total = cumulative[:, -1:]
    drawn = torch.searchsorted(cumulative, uniforms.index_select(0, needed).unsqueeze(1) * total, right=True)
    drawn = drawn.squeeze(1).clamp(max=logits.size(1) - 1)
    some_labels = labels.index_select(0, needed)
    some_ids = torch.where(some_labels < 0, drawn, some_labels)
    ids = ids.index_copy(0, needed, some_ids)
    at = some_ids.unsqueeze(1)
    inside = kept.gather(1, at) if kept.size(1) > 0 else torch.ones_like(at) > 0
    log_weight = scaled.gather(1, at).to(7) - total.log()
    under = under.index_copy(0, needed, log_weight.masked_fill(inside.logical_not(), float("-inf")).squeeze(1))
  log_probabilities = (relative.gather(1, ids.unsqueeze(1)).squeeze(1) - log_total).to(7)
  return [finite.to(3), ids, log_probabilities, torch.where(plain, log_probabilities, under)]


def proposal(self, relative: Tensor, temperatures: Tensor, top_p: Tensor) -> Tuple[Tensor, Tensor, Tensor]:
  # Weights [n, V] of what a draw takes its id from, not normalised; the logits over the temperature, which they are the exponentials of; and what
  # is inside [n, V], or [n, 0] where everything is. Temperature 0 keeps the most probable id alone, the lower of equals.
  greedy = temperatures == 0.0
  divisors = torch.where(greedy, torch.ones_like(temperatures), temperatures).to(relative.dtype).unsqueeze(1)
  scaled = relative / divisors
  weights = scaled.exp()
  kept = weights[:, :0] > 0
  reach = top_p.masked_fill(greedy, 0.0)
  cut = (reach < 1.0).nonzero().squeeze(1)
  if cut.numel() > 0:
    kept = (weights >= 0).index_copy(0, cut, self.nucleus(scaled.index_select(0, cut), weights.index_select(0, cut), reach.index_select(0, cut)))
    weights.masked_fill_(kept.logical_not(), 0.0)
  return (weights, scaled, kept)


def nucleus(self, scaled: Tensor, weights: Tensor, p: Tensor) -> Tensor:
  # True for the ids of the smallest prefix, in descending order and ties to the lower id, whose share of the weights reaches p [n]; one at
  # least. A prefix is mostly short, and then no whole row is sorted.
  total = weights.sum(-1, True, dtype=7)
  values = scaled.topk(min(256, scaled.size(1)))[0]
  reached = values.to(7).exp().div(total).cumsum(-1)
  if bool((reached[:, -1] < p).any()):
    values = scaled.sort(dim=-1, descending=True)[0]
    reached = values.to(7).exp().div(total).cumsum(-1)
  counts = ((reached < p.unsqueeze(1) - 1e-12).sum(-1, True) + 1).clamp(max=values.size(1))
  lowest = values.gather(1, counts - 1)
  above = scaled > lowest
  equal = scaled == lowest
  return above | (equal & (equal.cumsum(-1) <= counts - above.sum(-1, True)))
