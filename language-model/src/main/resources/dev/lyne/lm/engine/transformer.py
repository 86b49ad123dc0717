# The decoder-only transformer, as far as all architectures share it. What tells them apart stands in a script of its own (llama.py,
# gpt2.py, gpt_neox.py), which gives
#   embed(ids, start, w)                      the residual stream of tokens at positions start and on, [B, T, D]
#   queries_keys_values(x, cos, sin, w, i)    those of layer i, from the stream: [B, T, H, S], [B, T, K, S], [B, T, K, S]
#   after_attention(x, a, w, i)               the stream after layer i, whose attention gave a [B, T, H * S]
#   final_norm(x, w)                          what the output matrix is applied to
#   output_name(w)                            name of the output matrix, [vocabulary, D]
# Products with weights are product(x, weight, bias) of products.py or products_onednn.py.
# Within an architecture, details are read from the weights that are there (biases, norms of queries and keys) and from constants:
#   heads, key_value_heads, head_size: int     windows: List[int] (a layer; 0: sees everything)
#   rotary_size: int (dimensions of a head that turn with the position, the first ones)
#   norm_epsilon: float                        compute_type, statistics_type: int (PyTorch's numbers of the types)
#   logit_scale, logit_softcap: float          of the output layer; a softcap of 0 is none
# Weights carry the names of Hugging Face `transformers`. Shapes: B sequences, T positions, D width, H heads, K key-value
# heads, S head size. Norms and softmax statistics are computed in statistics_type, products in compute_type.


def bias(self, w: Dict[str, Tensor], name: str) -> Optional[Tensor]:
  found: Optional[Tensor] = None
  if name + ".bias" in w:
    found = w[name + ".bias"]
  return found


def project(self, x: Tensor, w: Dict[str, Tensor], name: str) -> Tensor:
  return self.product(x, w[name + ".weight"], self.bias(w, name))


def layer_norm(self, x: Tensor, w: Dict[str, Tensor], name: str) -> Tensor:
  # arXiv 1607.06450, with a bias.
  return torch.layer_norm(x, [x.size(-1)], w[name + ".weight"], w[name + ".bias"], self.norm_epsilon)


def rotate(self, x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
  # Rotary positions (arXiv 2104.09864) in the half-split layout, x [B, T, heads, R]: of a pair (a, b) half of R apart,
  # a cos - b sin and b cos + a sin. cos and sin [T, 1, R], the first half of sin negated.
  return torch.addcmul(x * cos, x.roll(x.size(-1) // 2, -1), sin)


def per_query_head(self, x: Tensor) -> Tensor:
  # Keys or values [B, T, K, S] as [B, H, T, S], each repeated for the queries that share it: the fused CPU attention
  # takes equal numbers of heads only.
  y = x.transpose(1, 2)
  if self.heads == self.key_value_heads:
    return y
  b, k, t, s = y.shape
  groups = self.heads // self.key_value_heads
  return y.unsqueeze(2).expand(b, k, groups, t, s).reshape(b, self.heads, t, s)


def window_mask(self, t: int, window: int, like: Tensor) -> Tensor:
  # True where query i may see key j: i - window < j <= i. [T, T]
  i = torch.arange(t, device=like.device)
  distance = i.unsqueeze(1) - i.unsqueeze(0)
  return (distance >= 0) & (distance < window)


def attend(self, q: Tensor, k: Tensor, v: Tensor, window: int) -> Tensor:
  # Causal attention of whole sequences from position 0. Right padding needs no mask: no real position sees it.
  b, t, h, s = q.shape
  q = q.transpose(1, 2)
  if window > 0 and t > window:
    a = torch.scaled_dot_product_attention(q, self.per_query_head(k), self.per_query_head(v), self.window_mask(t, window, q))
  else:
    a = torch.scaled_dot_product_attention(q, self.per_query_head(k), self.per_query_head(v), None, 0.0, True)
  return a.transpose(1, 2).reshape(b, t, h * s)


def cosines(self, table: Tensor, start: int, length: int) -> Tensor:
  # Of positions from start, as rotate takes them. table [at least start + length, R], both halves alike.
  return table[start:start + length].to(self.compute_type).unsqueeze(1)


def sines(self, table: Tensor, start: int, length: int) -> Tensor:
  a, b = self.cosines(table, start, length).chunk(2, -1)
  return torch.cat([-a, b], -1)


def hidden(self, ids: Tensor, cos: Tensor, sin: Tensor, w: Dict[str, Tensor]) -> Tensor:
  # Hidden states after the final norm, [B, T, D]. ids [B, T]; cos and sin [at least T, R], both halves alike.
  c, s = self.cosines(cos, 0, ids.size(1)), self.sines(sin, 0, ids.size(1))
  x = self.embed(ids, 0, w)
  for i in range(len(self.windows)):
    q, k, v = self.queries_keys_values(x, c, s, w, i)
    x = self.after_attention(x, self.attend(q, k, v, self.windows[i]), w, i)
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
