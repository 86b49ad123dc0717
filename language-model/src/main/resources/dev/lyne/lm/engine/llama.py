# Llama, Mistral, Qwen2 and Qwen3: RMS norms, rotary positions, gated feed-forward.


def norm(self, x: Tensor, weight: Tensor) -> Tensor:
  # RMS norm (arXiv 1910.07467), the scale applied after the cast back, as `transformers` does.
  h = x.to(self.statistics_type)
  mean_square = torch.linalg_vector_norm(h, 2, [-1], True).square() / x.size(-1)
  return weight * (h * torch.rsqrt(mean_square + self.norm_epsilon)).to(x.dtype)


def embed(self, ids: Tensor, start: int, w: Dict[str, Tensor]) -> Tensor:
  return torch.embedding(w["model.embed_tokens.weight"], ids)


def queries_keys_values(self, x: Tensor, cos: Tensor, sin: Tensor, w: Dict[str, Tensor], i: int) -> Tuple[Tensor, Tensor, Tensor]:
  b, t, d = x.shape
  layer = "model.layers." + str(i) + "."
  name = layer + "self_attn."
  h = self.norm(x, w[layer + "input_layernorm.weight"])
  q = self.project(h, w, name + "q_proj").view(b, t, self.heads, self.head_size)
  k = self.project(h, w, name + "k_proj").view(b, t, self.key_value_heads, self.head_size)
  v = self.project(h, w, name + "v_proj").view(b, t, self.key_value_heads, self.head_size)
  if name + "q_norm.weight" in w:
    q = self.norm(q, w[name + "q_norm.weight"])
    k = self.norm(k, w[name + "k_norm.weight"])
  return (self.rotate(q, cos, sin), self.rotate(k, cos, sin), v)


def after_attention(self, x: Tensor, a: Tensor, w: Dict[str, Tensor], i: int) -> Tensor:
  layer = "model.layers." + str(i) + "."
  x = x + self.project(a, w, layer + "self_attn.o_proj")
  return x + self.feed_forward(self.norm(x, w[layer + "post_attention_layernorm.weight"]), w, layer + "mlp.")


def feed_forward(self, x: Tensor, w: Dict[str, Tensor], name: str) -> Tensor:
  gate = torch.silu(self.project(x, w, name + "gate_proj"))
  return self.project(gate * self.project(x, w, name + "up_proj"), w, name + "down_proj")


def final_norm(self, x: Tensor, w: Dict[str, Tensor]) -> Tensor:
  return self.norm(x, w["model.norm.weight"])


def output_name(self, w: Dict[str, Tensor]) -> str:
  # The embedding itself where the two are tied.
  return "lm_head" if "lm_head.weight" in w else "model.embed_tokens"
