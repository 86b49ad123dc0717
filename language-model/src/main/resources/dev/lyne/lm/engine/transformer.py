# The decoder-only transformer of the Llama, Mistral, Qwen2 and Qwen3 families. What tells them apart is read from the
# weights that are there (biases, norms of queries and keys) and from constants of the module:
#   heads, key_value_heads, head_size: int     windows: List[int] (a layer; 0: sees everything)
#   norm_epsilon: float                        compute_type, statistics_type: int (PyTorch's numbers of the types)
# Weights carry the names of Hugging Face `transformers`. Shapes: B sequences, T positions, D width, H heads, K key-value
# heads, S head size. Norms and softmax statistics are computed in statistics_type, products in compute_type.


def norm(self, x: Tensor, weight: Tensor) -> Tensor:
  # RMS norm (arXiv 1910.07467), the scale applied after the cast back, as `transformers` does.
  h = x.to(self.statistics_type)
  mean_square = torch.linalg_vector_norm(h, 2, [-1], True).square() / x.size(-1)
  return weight * (h * torch.rsqrt(mean_square + self.norm_epsilon)).to(x.dtype)


def project(self, x: Tensor, w: Dict[str, Tensor], name: str) -> Tensor:
  bias: Optional[Tensor] = None
  if name + ".bias" in w:
    bias = w[name + ".bias"]
  return torch.linear(x, w[name + ".weight"], bias)


def rotate(self, x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
  # Rotary positions (arXiv 2104.09864) in the half-split layout, x [B, T, heads, S]: of a pair (a, b) half a head apart,
  # a cos - b sin and b cos + a sin. cos and sin [T, 1, S], the first half of sin negated.
  return torch.addcmul(x * cos, x.roll(self.head_size // 2, -1), sin)


def queries_keys_values(self, x: Tensor, cos: Tensor, sin: Tensor, w: Dict[str, Tensor], name: str) -> Tuple[Tensor, Tensor, Tensor]:
  # Rotated queries [B, T, H, S], rotated keys and values [B, T, K, S].
  b, t, d = x.shape
  q = self.project(x, w, name + "q_proj").view(b, t, self.heads, self.head_size)
  k = self.project(x, w, name + "k_proj").view(b, t, self.key_value_heads, self.head_size)
  v = self.project(x, w, name + "v_proj").view(b, t, self.key_value_heads, self.head_size)
  if name + "q_norm.weight" in w:
    q = self.norm(q, w[name + "q_norm.weight"])
    k = self.norm(k, w[name + "k_norm.weight"])
  return (self.rotate(q, cos, sin), self.rotate(k, cos, sin), v)


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


def feed_forward(self, x: Tensor, w: Dict[str, Tensor], name: str) -> Tensor:
  gate = torch.silu(self.project(x, w, name + "gate_proj"))
  return self.project(gate * self.project(x, w, name + "up_proj"), w, name + "down_proj")


def cosines(self, table: Tensor, start: int, length: int) -> Tensor:
  # Of positions from start, as rotate takes them. table [at least start + length, S], both halves alike.
  return table[start:start + length].to(self.compute_type).unsqueeze(1)


def sines(self, table: Tensor, start: int, length: int) -> Tensor:
  a, b = self.cosines(table, start, length).chunk(2, -1)
  return torch.cat([-a, b], -1)


def hidden(self, ids: Tensor, cos: Tensor, sin: Tensor, w: Dict[str, Tensor]) -> Tensor:
  # Hidden states after the final norm, [B, T, D]. ids [B, T]; cos and sin [at least T, S], both halves alike.
  c, s = self.cosines(cos, 0, ids.size(1)), self.sines(sin, 0, ids.size(1))
  x = torch.embedding(w["model.embed_tokens.weight"], ids)
  for i in range(len(self.windows)):
    name = "model.layers." + str(i) + "."
    q, k, v = self.queries_keys_values(self.norm(x, w[name + "input_layernorm.weight"]), c, s, w, name + "self_attn.")
    x = x + self.project(self.attend(q, k, v, self.windows[i]), w, name + "self_attn.o_proj")
    x = x + self.feed_forward(self.norm(x, w[name + "post_attention_layernorm.weight"]), w, name + "mlp.")
  return self.norm(x, w["model.norm.weight"])


def output_matrix(self, w: Dict[str, Tensor]) -> Tensor:
  # The matrix from hidden states to logits, [vocabulary, D]: the embedding itself where the two are tied.
  if "lm_head.weight" in w:
    return w["lm_head.weight"]
  return w["model.embed_tokens.weight"]
