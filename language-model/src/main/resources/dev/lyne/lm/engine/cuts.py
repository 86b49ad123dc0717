# The training step of a processor, whose layers are differentiated by hand where that saves time or memory. Autograd sees neither oneDNN's
# product nor what surrounds it here: each such computation ends the graphs that lead to its inputs and begins another at its result, which
# is a cut. What lies between cuts (views, sums of biases, GELU, layer norms) is left to autograd.
# cuts: List[Tensor] (of the step in hand, six a cut in the order of the forward: five that its way back needs, see below, and its result, a leaf)
# cut_kinds: List[int] (of each)
# The invariant of the way back: when a cut's turn comes, the slope of its result is whole, since all that the result leads to comes after
# it and each of those graphs was walked once, when the slope of its end was whole.


def begin_step(self) -> None:
  # Before the forward of a step: a step that failed may have left cuts behind.
  self.cuts.clear()
  self.cut_kinds.clear()


def mark(self) -> int:
  # Where a segment of the forward begins: the number of cuts before it.
  return len(self.cut_kinds)


def cut(self, kind: int, parts: List[Tensor], y: Tensor) -> Tensor:
  # Parts, by kind: 0, product: x, weight, bias or nothing, stream that it is added to or nothing; 1, gate: both products; 2, norm: x, weight,
  # reciprocal root mean square; 3, rotation: x, cos, sin; 4, attention: q, k, v, log-sum-exp [N, H], lengths.
  leaf = y.requires_grad_()
  self.cut_kinds.append(kind)
  for part in parts:
    self.cuts.append(part)
  for i in range(5 - len(parts)):
    self.cuts.append(torch.empty([0]))
  self.cuts.append(leaf)
  return leaf


def cut_product(self, x: Tensor, weight: Tensor, bias: Optional[Tensor]) -> Tensor:
  y = self.multiplied(x.detach(), weight.detach(), self.by_onednn(x, weight))
  if bias is None:
    return self.cut(0, [x, weight], y)
  return self.cut(0, [x, weight, bias], y.add_(bias.detach()))


def cut_product_onto(self, x: Tensor, weight: Tensor, bias: Optional[Tensor], stream: Tensor) -> Tensor:
  y = self.multiplied_onto(x.detach(), weight.detach(), stream.detach(), self.by_onednn(x, weight))
  if bias is None:
    return self.cut(0, [x, weight, torch.empty([0]), stream], y)
  return self.cut(0, [x, weight, bias, stream], y.add_(bias.detach()))


def cut_gate(self, g: Tensor, u: Tensor) -> Tensor:
  return self.cut(1, [g, u], torch.silu(g.detach()).mul_(u.detach()))


def cut_norm(self, x: Tensor, weight: Tensor, epsilon: float) -> Tensor:
  h = x.detach()
  scale = self.reciprocal_rms(h, epsilon)
  return self.cut(2, [x, weight, scale], (h * scale).mul_(weight.detach()))


def cut_rotation(self, x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
  return self.cut(3, [x, cos, sin], self.rotated(x.detach(), cos, sin))


def cut_attention(self, q: Tensor, k: Tensor, v: Tensor, lengths: List[int]) -> Tensor:
  n, h, s = q.shape
  outs: List[Tensor] = []
  log_sums: List[Tensor] = []
  start = 0
  for count, length in self.stretches(lengths):
    out, log_sum = torch._scaled_dot_product_flash_attention_for_cpu(
      self.heads_first(q.detach(), start, count, length, h),
      self.heads_first(k.detach(), start, count, length, h),
      self.heads_first(v.detach(), start, count, length, h), 0.0, True)
    outs.append(out.transpose(1, 2).reshape(-1, h * s))
    log_sums.append(log_sum.transpose(1, 2).reshape(-1, h))
    start += count * length
  return self.cut(4, [q, k, v, self.stacked(log_sums), torch.tensor(lengths)], self.stacked(outs))


def stretches(self, lengths: List[int]) -> List[Tuple[int, int]]:
  # Numbers of sequences of one length, which are computed together: all, or each alone.
  if self.alike(lengths):
    return [(len(lengths), lengths[0])]
  found: List[Tuple[int, int]] = []
  for length in lengths:
    found.append((1, length))
  return found


def heads_first(self, x: Tensor, start: int, count: int, length: int, heads: int) -> Tensor:
  # A stretch of x [N, any, S] as [count, heads, length, S].
  some = x.narrow(0, start, count * length).view(count, length, x.size(1), x.size(2))
  return self.repeated(some.transpose(1, 2), heads)


def stacked(self, parts: List[Tensor]) -> Tensor:
  return parts[0] if len(parts) == 1 else torch.cat(parts)


def add_slopes(self, mark: int, end: Tensor, slope: Tensor, start: Tensor, leaves: List[Tensor], g: List[Tensor]) -> Optional[Tensor]:
  # Walks back through the segment that began at the mark, and forgets its cuts and with them what its graphs kept: adds the gradients of the leaves
  # to g, where slope is that of its end, and gives the slope of its start.
  inputs: List[Tensor] = [start]
  slopes: List[Optional[Tensor]] = [None]
  for i in range(mark, len(self.cut_kinds)):
    inputs.append(self.cuts[6 * i + 5])
    slopes.append(None)
  self.send(end, slope, inputs, slopes, leaves, g)
  while len(self.cut_kinds) > mark:
    i = len(self.cut_kinds) - 1
    kind = self.cut_kinds[i]
    d = self.whole(slopes[i - mark + 1])
    slopes[i - mark + 1] = None
    if kind == 0:
      self.product_slopes(i, mark, d, inputs, slopes, leaves, g)
    elif kind == 1:
      self.gate_slopes(i, d, inputs, slopes, leaves, g)
    elif kind == 2:
      self.norm_slopes(i, d, inputs, slopes, leaves, g)
    elif kind == 3:
      x, cos, sin = self.cuts[6 * i], self.cuts[6 * i + 1], self.cuts[6 * i + 2]
      self.send(x, self.rotated(d, cos, -sin), inputs, slopes, leaves, g)
    else:
      self.attention_slopes(i, d, inputs, slopes, leaves, g)
    self.forget()
  return slopes[0]


def forget_from(self, mark: int) -> None:
  # The cuts from the mark on.
  while len(self.cut_kinds) > mark:
    self.forget()


def forget(self) -> None:
  # The last cut.
  self.cut_kinds.pop()
  for j in range(6):
    self.cuts.pop()


def send(self, end: Tensor, d: Tensor, inputs: List[Tensor], slopes: List[Optional[Tensor]], leaves: List[Tensor], g: List[Tensor]) -> None:
  # Adds what comes from an end of graphs, whose slope is d, to the slopes of the inputs and the gradients of the leaves.
  for i in range(len(inputs)):
    if end is inputs[i]:
      self.receive(i, d, slopes)
      return
  for i in range(len(leaves)):
    if end is leaves[i]:
      g[i].add_(d)
      return
  first: List[Optional[Tensor]] = [d]
  found = torch.autograd.grad([end], inputs + leaves, first, None, False, True)
  for i in range(len(inputs)):
    more = found[i]
    if more is not None:
      self.receive(i, more, slopes)
  for i in range(len(leaves)):
    gradient = found[len(inputs) + i]
    # Of the last segment's, the embeddings and the output matrix have no part in it.
    if gradient is not None:
      g[i].add_(gradient)


def receive(self, i: int, d: Tensor, slopes: List[Optional[Tensor]]) -> None:
  before = slopes[i]
  # Not in place: one tensor may come to both sides of a sum.
  slopes[i] = d if before is None else before + d


def whole(self, slope: Optional[Tensor]) -> Tensor:
  if slope is None:
    raise AssertionError("a cut without a slope (expected: one that the loss depends on)")
  return slope.contiguous()


def product_slopes(self, i: int, mark: int, d: Tensor, inputs: List[Tensor], slopes: List[Optional[Tensor]], leaves: List[Tensor], g: List[Tensor]) -> None:
  # Of cut i, and of those right before it that multiply the same x.
  x = self.cuts[6 * i]
  states = x.detach()
  back = self.weight_slopes(i, states, d, inputs, slopes, leaves, g)
  while i - 1 >= mark and self.cut_kinds[i - 1] == 0 and self.cuts[6 * (i - 1)] is x:
    self.forget()
    i -= 1
    more = self.whole(slopes[i - mark + 1])
    slopes[i - mark + 1] = None
    back = self.weight_slopes_onto(i, states, more, back, inputs, slopes, leaves, g)
  self.send(x, back, inputs, slopes, leaves, g)


def weight_slopes(self, i: int, states: Tensor, d: Tensor, inputs: List[Tensor], slopes: List[Optional[Tensor]], leaves: List[Tensor], g: List[Tensor]) -> Tensor:
  # Sends those of the weight, the bias and the stream, and gives that of x.
  self.outer_slopes(i, states, d, inputs, slopes, leaves, g)
  weight = self.cuts[6 * i + 1].detach()
  return self.multiplied(d, weight.t(), self.by_onednn(states, weight))


def weight_slopes_onto(self, i: int, states: Tensor, d: Tensor, back: Tensor, inputs: List[Tensor], slopes: List[Optional[Tensor]], leaves: List[Tensor], g: List[Tensor]) -> Tensor:
  # The same, added to the slope of x by others.
  self.outer_slopes(i, states, d, inputs, slopes, leaves, g)
  weight = self.cuts[6 * i + 1].detach()
  return self.multiplied_onto(d, weight.t(), back, self.by_onednn(states, weight))


def outer_slopes(self, i: int, states: Tensor, d: Tensor, inputs: List[Tensor], slopes: List[Optional[Tensor]], leaves: List[Tensor], g: List[Tensor]) -> None:
  weight, bias, stream = self.cuts[6 * i + 1], self.cuts[6 * i + 2], self.cuts[6 * i + 3]
  if stream.numel() > 0:
    self.send(stream, d, inputs, slopes, leaves, g)
  if bias.numel() > 0:
    self.send(bias, d.sum(0), inputs, slopes, leaves, g)
  for j in range(len(leaves)):
    if weight is leaves[j]:
      self.add_outer(g[j], d, states)
      return
  self.send(weight, self.multiplied(d.t(), states.t(), self.by_onednn(states, weight)), inputs, slopes, leaves, g)


def gate_slopes(self, i: int, d: Tensor, inputs: List[Tensor], slopes: List[Optional[Tensor]], leaves: List[Tensor], g: List[Tensor]) -> None:
  gate, up = self.cuts[6 * i], self.cuts[6 * i + 1]
  self.send(up, torch.silu(gate.detach()).mul_(d), inputs, slopes, leaves, g)
  self.send(gate, torch.silu_backward(d * up.detach(), gate.detach()), inputs, slopes, leaves, g)


def norm_slopes(self, i: int, d: Tensor, inputs: List[Tensor], slopes: List[Optional[Tensor]], leaves: List[Tensor], g: List[Tensor]) -> None:
  # With n = x r, r the reciprocal root mean square, and e = d weight: the slope of x is r (e - n mean(e n)), that of the weight the sum
  # of d n. The way back of the layer norm, told that the mean is 0, gives both, but for r mean(e) that it takes away from the former.
  x, weight, scale = self.cuts[6 * i], self.cuts[6 * i + 1], self.cuts[6 * i + 2]
  size = x.size(-1)
  back, weight_slope, none = torch.native_layer_norm_backward(d, x.detach(), [size], torch.zeros_like(scale), scale, weight.detach(), None, [True, True, False])
  back.add_(torch.matmul(d, weight.detach()).unsqueeze(-1).mul_(scale).div_(size))
  self.send(weight, weight_slope, inputs, slopes, leaves, g)
  self.send(x, back, inputs, slopes, leaves, g)


def attention_slopes(self, i: int, d: Tensor, inputs: List[Tensor], slopes: List[Optional[Tensor]], leaves: List[Tensor], g: List[Tensor]) -> None:
  q, k, v, log_sums, out = self.cuts[6 * i], self.cuts[6 * i + 1], self.cuts[6 * i + 2], self.cuts[6 * i + 3], self.cuts[6 * i + 5]
  lengths: List[int] = self.cuts[6 * i + 4].tolist()
  n, h, s = q.shape
  q_slopes: List[Tensor] = []
  k_slopes: List[Tensor] = []
  v_slopes: List[Tensor] = []
  start = 0
  for count, length in self.stretches(lengths):
    dq, dk, dv = torch._scaled_dot_product_flash_attention_for_cpu_backward(
      self.heads_first(d.view(n, h, s), start, count, length, h),
      self.heads_first(q.detach(), start, count, length, h),
      self.heads_first(k.detach(), start, count, length, h),
      self.heads_first(v.detach(), start, count, length, h),
      self.heads_first(out.detach().view(n, h, s), start, count, length, h),
      self.heads_first(log_sums.unsqueeze(2), start, count, length, h).squeeze(3), 0.0, True)
    q_slopes.append(dq.transpose(1, 2).reshape(-1, h, s))
    k_slopes.append(self.summed(dk, k.size(1)))
    v_slopes.append(self.summed(dv, v.size(1)))
    start += count * length
  self.send(q, self.stacked(q_slopes), inputs, slopes, leaves, g)
  self.send(k, self.stacked(k_slopes), inputs, slopes, leaves, g)
  self.send(v, self.stacked(v_slopes), inputs, slopes, leaves, g)


def summed(self, d: Tensor, keys: int) -> Tensor:
  # Slopes of repeated keys or values [B, H, T, S] as those of the keys [B * T, K, S].
  heads, size = d.size(1), d.size(3)
  rows = d.transpose(1, 2).reshape(-1, keys, heads // keys, size)
  return rows.squeeze(2) if heads == keys else rows.sum(2)
