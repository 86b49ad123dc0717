# The decoder-only transformer, as far as all architectures share it. What tells them apart stands in a script of its own (llama.py,
# gpt2.py, gpt_neox.py), which gives
#   embed(ids, positions, w)                  the residual stream of tokens at their positions, [N, D]
#   queries_keys_values(x, cos, sin, w, i)    those of layer i, from the stream: [N, H, S], [N, K, S], [N, K, S]
#   after_attention(x, a, w, i)               the stream after layer i, whose attention gave a [N, H * S]
#   final_norm(x, w)                          what the output matrix is applied to
#   output_name(w)                            name of the output matrix, [vocabulary, D]
# Products with weights are those of products.py or products_onednn.py.
# Within an architecture, details are read from the weights that are there (biases, norms of queries and keys) and from constants:
#   heads, key_value_heads, head_size: int     windows: List[int] (a layer; 0: sees everything)
#   rotary_size: int (dimensions of a head that turn with the position, the first ones)
#   norm_epsilon: float                        compute_type, statistics_type: int (PyTorch's numbers of the types)
#   logit_scale, logit_softcap: float          of the output layer; a softcap of 0 is none
# Weights carry the names of Hugging Face `transformers`. Shapes: N tokens of all sequences, one sequence after another without
# padding, T of one of them, D width, H heads, K key-value heads, S head size. Norms and softmax statistics are computed in
# statistics_type, products in compute_type.


def bias(self, w: Dict[str, Tensor], name: str) -> Optional[Tensor]:
  found: Optional[Tensor] = None
  if name + ".bias" in w:
    found = w[name + ".bias"]
  return found


def project(self, x: Tensor, w: Dict[str, Tensor], name: str) -> Tensor:
  return self.product(x, w[name + ".weight"], self.bias(w, name))


def project_onto(self, x: Tensor, w: Dict[str, Tensor], name: str, stream: Tensor) -> Tensor:
  return self.product_onto(x, w[name + ".weight"], self.bias(w, name), stream)


def layer_norm(self, x: Tensor, w: Dict[str, Tensor], name: str) -> Tensor:
  # arXiv 1607.06450, with a bias.
  return torch.layer_norm(x, [x.size(-1)], w[name + ".weight"], w[name + ".bias"], self.norm_epsilon)


def rotate(self, x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
  # Rotary positions (arXiv 2104.09864) in the half-split layout, x [N, heads, R]: of a pair (a, b) half of R apart,
  # a cos - b sin and b cos + a sin. cos and sin [N, 1, R], the first half of sin negated.
  return torch.addcmul(x * cos, x.roll(x.size(-1) // 2, -1), sin)


def repeated(self, x: Tensor) -> Tensor:
  # Keys or values [B, K, T, S] as [B, H, T, S], each repeated for the queries that share it.
  if self.heads == self.key_value_heads:
    return x
  b, k, t, s = x.shape
  return x.unsqueeze(2).expand(b, k, self.heads // k, t, s).reshape(b, self.heads, t, s)


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


def attend(self, q: Tensor, k: Tensor, v: Tensor, lengths: List[int], window: int) -> Tensor:
  # Causal attention of sequences of these lengths, each from position 0; [N, H * S].
  n, h, s = q.shape
  sequences = len(lengths)
  together = sequences * lengths[0] == n
  for length in lengths:
    together = together and length == lengths[0]
  if together and (q.requires_grad or self.heads == self.key_value_heads):
    q, k, v = q.view(sequences, -1, h, s).transpose(1, 2), k.view(sequences, -1, k.size(1), s).transpose(1, 2), v.view(sequences, -1, k.size(1), s).transpose(1, 2)
    return self.attend_heads(q, self.repeated(k), self.repeated(v), window).transpose(1, 2).reshape(n, h * s)
  qs, ks, vs = q.split(lengths), k.split(lengths), v.split(lengths)
  if q.requires_grad:
    found: List[Tensor] = []
    for i in range(sequences):
      found.append(self.attend_sequence(qs[i], ks[i], vs[i], window).reshape(-1, h * s))
    return torch.cat(found)
  out = torch.empty([n, self.key_value_heads, h // self.key_value_heads, s], dtype=q.dtype, device=q.device)
  start = 0
  for i in range(sequences):
    out.narrow(0, start, lengths[i]).copy_(self.attend_sequence(qs[i], ks[i], vs[i], window))
    start += lengths[i]
  return out.view(n, h * s)


def attend_sequence(self, q: Tensor, k: Tensor, v: Tensor, window: int) -> Tensor:
  # The same of one sequence, [T, K, H / K, S]. Queries that share a key make a batch of their own, in which the key stands once.
  t, h, s = q.shape
  groups = self.heads // self.key_value_heads
  q = q.view(t, self.key_value_heads, groups, s).permute(1, 2, 0, 3)
  k = k.transpose(0, 1).unsqueeze(1).expand(-1, groups, -1, -1)
  v = v.transpose(0, 1).unsqueeze(1).expand(-1, groups, -1, -1)
  return self.attend_heads(q, k, v, window).permute(2, 0, 1, 3)


def positions(self, lengths: List[int], like: Tensor) -> Tensor:
  # Of each token within its sequence, [N].
  found: List[Tensor] = []
  for length in lengths:
    found.append(torch.arange(length, device=like.device))
  return torch.cat(found)


def cosines(self, table: Tensor, positions: Tensor) -> Tensor:
  # Of these positions, as rotate takes them. table [more than any position, R], both halves alike.
  return table.index_select(0, positions).to(self.compute_type).unsqueeze(1)


def sines(self, table: Tensor, positions: Tensor) -> Tensor:
  a, b = self.cosines(table, positions).chunk(2, -1)
  return torch.cat([-a, b], -1)


def hidden(self, ids: Tensor, lengths: List[int], cos: Tensor, sin: Tensor, w: Dict[str, Tensor]) -> Tensor:
  # Hidden states after the final norm, [N, D], of sequences of these lengths. ids [N]; cos and sin [at least the greatest length, R], both halves alike.
  positions = self.positions(lengths, ids)
  c, s = self.cosines(cos, positions), self.sines(sin, positions)
  x = self.embed(ids, positions, w)
  for i in range(len(self.windows)):
    x = self.layer_input(x)
    q, k, v = self.queries_keys_values(x, c, s, w, i)
    x = self.after_attention(x, self.attend(q, k, v, lengths, self.windows[i]), w, i)
  return self.final_norm(x, w)


def output_matrix(self, w: Dict[str, Tensor]) -> Tensor:
  # The matrix from hidden states to logits, [vocabulary_size, D], without the rows past the tokenizer's ids.
  return w[self.output_name(w) + ".weight"][:self.vocabulary_size]


def output_bias(self, w: Dict[str, Tensor]) -> Optional[Tensor]:
  found = self.bias(w, self.output_name(w))
  if found is not None:
    found = found[:self.vocabulary_size]
  return found


def scaled_and_capped(self, products: Tensor) -> Tensor:
  # Logits of what the output matrix and its bias give, in place: times logit_scale, then held within the softcap c by c tanh(z / c).
  if self.logit_scale != 1.:
    products = products.mul_(self.logit_scale)
  if self.logit_softcap > 0.:
    products = products.div_(self.logit_softcap).tanh_().mul_(self.logit_softcap)
  return products


def logits(self, states: Tensor, output: Tensor, bias: Optional[Tensor]) -> Tensor:
  # Logits of hidden states in statistics_type. [n, vocabulary_size]
  return self.scaled_and_capped(self.product(states, output, bias).to(self.statistics_type))
