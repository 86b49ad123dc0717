# What layers are made of besides products with weights. No function here reads a constant.


def normalised(self, x: Tensor, weight: Tensor, epsilon: float, statistics_type: int) -> Tensor:
  # RMS norm (arXiv 1910.07467) over the last dimension, the scale applied after the cast back, as `transformers` does.
  h = x.to(statistics_type)
  scale = self.reciprocal_rms(h, epsilon)
  if x.requires_grad or weight.requires_grad:
    return weight * (h * scale).to(x.dtype)
  if x.dtype == h.dtype:
    return (h * scale).mul_(weight)
  return h.mul_(scale).to(x.dtype).mul_(weight)


def reciprocal_rms(self, h: Tensor, epsilon: float) -> Tensor:
  # 1 / sqrt(mean square + epsilon) over the last dimension, which stays with size 1.
  return torch.rsqrt(torch.linalg_vector_norm(h, 2, [-1], True).square() / h.size(-1) + epsilon)


def rotated(self, x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
  # Rotary positions (arXiv 2104.09864) in the half-split layout, x [N, heads, R]: of a pair (a, b) half of R apart,
  # a cos - b sin and b cos + a sin. cos and sin [N, 1, R], the first half of sin negated.
  return torch.addcmul(x * cos, x.roll(x.size(-1) // 2, -1), sin)


def repeated(self, x: Tensor, heads: int) -> Tensor:
  # Keys or values [B, K, T, S] as [B, heads, T, S], each repeated for the queries that share it.
  b, k, t, s = x.shape
  if heads == k:
    return x
  return x.unsqueeze(2).expand(b, k, heads // k, t, s).reshape(b, heads, t, s)


def window_mask(self, start: int, end: int, first: int, window: int, like: Tensor) -> Tensor:
  # True where query i of start to end may see key j of first to end: i - window < j <= i.
  i = torch.arange(start, end, device=like.device).unsqueeze(1)
  j = torch.arange(first, end, device=like.device).unsqueeze(0)
  return (j <= i) & (j > i - window)


def attend_heads(self, q: Tensor, k: Tensor, v: Tensor, window: int) -> Tensor:
  # Causal attention from position 0, all [B, heads, T, S]. Where a window is shorter than T, queries go in blocks that
  # meet only the keys some of them see, so that time and memory grow with T, not with its square.
  t = q.size(2)
  if window == 0 or t <= window:
    return torch.scaled_dot_product_attention(q, k, v, None, 0.0, True)
  blocks: List[Tensor] = []
  start = 0
  while start < t:
    end = min(start + 256, t)
    first = max(0, start + 1 - window)
    mask = self.window_mask(start, end, first, window, q)
    blocks.append(torch.scaled_dot_product_attention(q[:, :, start:end], k[:, :, first:end], v[:, :, first:end], mask))
    start = end
  return torch.cat(blocks, 2)


def alike(self, lengths: List[int]) -> bool:
  # Whether all sequences are of one length.
  found = True
  for length in lengths:
    found = found and length == lengths[0]
  return found


def attend_sequences(self, q: Tensor, k: Tensor, v: Tensor, lengths: List[int], window: int) -> Tensor:
  # Causal attention of sequences of these lengths, each from position 0; [N, H * S].
  n, h, s = q.shape
  sequences = len(lengths)
  if self.alike(lengths):
    q, k, v = q.view(sequences, -1, h, s).transpose(1, 2), k.view(sequences, -1, k.size(1), s).transpose(1, 2), v.view(sequences, -1, v.size(1), s).transpose(1, 2)
    return self.attend_heads(q, self.repeated(k, h), self.repeated(v, h), window).transpose(1, 2).reshape(n, h * s)
  qs, ks, vs = q.split(lengths), k.split(lengths), v.split(lengths)
  if q.requires_grad:
    found: List[Tensor] = []
    for i in range(sequences):
      found.append(self.attend_sequence(qs[i], ks[i], vs[i], window).reshape(-1, h * s))
    return torch.cat(found)
  out = torch.empty([n, k.size(1), h // k.size(1), s], dtype=q.dtype, device=q.device)
  start = 0
  for i in range(sequences):
    out.narrow(0, start, lengths[i]).copy_(self.attend_sequence(qs[i], ks[i], vs[i], window))
    start += lengths[i]
  return out.view(n, h * s)


def attend_sequence(self, q: Tensor, k: Tensor, v: Tensor, window: int) -> Tensor:
  # The same of one sequence, [T, K, H / K, S]. Queries that share a key make a batch of their own, in which the key stands once.
  return self.attend_heads(self.grouped(q, k.size(1)), self.shared(k, q.size(1)), self.shared(v, q.size(1)), window).permute(2, 0, 1, 3)


def attend_in_blocks(self, q: Tensor, k: Tensor, v: Tensor, sequences: int) -> Tensor:
  # The same of bfloat16 sequences of one length, none of them long, [N, H * S]. Without tiles (AMX), PyTorch's operator multiplies bfloat16 in float32; here only scores, whose error would grow
  # with them, are products of float32 numbers, and weights meet values in bfloat16. A block of queries meets the keys up to its last.
  n, h, s = q.shape
  t = n // sequences
  queries = q.view(sequences, t, h, s).transpose(1, 2).to(6).reshape(-1, t, s)
  keys = self.repeated(k.view(sequences, t, k.size(1), s).transpose(1, 2).to(6), h).reshape(-1, t, s).transpose(1, 2)
  values = self.repeated(v.view(sequences, t, v.size(1), s).transpose(1, 2), h).reshape(-1, t, s)
  out = torch.empty_like(values)
  start = 0
  while start < t:
    end = min(start + 64, t)
    mask = torch.full([end - start, end], float("-inf"), dtype=6).triu(start + 1)
    scores = torch.baddbmm(mask, queries[:, start:end], keys[:, :, :end], beta=1., alpha=s ** -0.5)
    out.narrow(1, start, end - start).copy_(torch.bmm(torch.softmax(scores, -1).to(15), values[:, :end]))
    start = end
  return out.view(sequences, h, t, s).transpose(1, 2).reshape(n, h * s)


def grouped(self, q: Tensor, keys: int) -> Tensor:
  # Queries [T, H, S] as [K, H / K, T, S].
  t, h, s = q.shape
  return q.view(t, keys, h // keys, s).permute(1, 2, 0, 3)


def shared(self, k: Tensor, heads: int) -> Tensor:
  # Keys or values [T, K, S] as [K, H / K, T, S], where each stands once in memory.
  return k.transpose(0, 1).unsqueeze(1).expand(-1, heads // k.size(1), -1, -1)
