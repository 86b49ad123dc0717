# Llama, Mistral, Qwen2 and Qwen3: RMS norms, rotary positions, gated feed-forward.


def norm(self, x: Tensor, weight: Tensor) -> Tensor:
  return self.rms_norm(x, weight, self.norm_epsilon, self.statistics_type)


def embed(self, ids: Tensor, positions: Tensor, w: Dict[str, Tensor]) -> Tensor:
  return torch.embedding(w["model.embed_tokens.weight"], ids)


def queries_keys_values(self, x: Tensor, cos: Tensor, sin: Tensor, w: Dict[str, Tensor], i: int) -> Tuple[Tensor, Tensor, Tensor]:
  # The three matrices may stand in one, qkv_proj, their rows in this order.
  n = x.size(0)
  layer = "model.layers." + str(i) + "."
  name = layer + "self_attn."
  h = self.norm(x, w[layer + "input_layernorm.weight"])
  turning = self.heads + self.key_value_heads
  if name + "qkv_proj.weight" in w:
    merged = self.project(h, w, name + "qkv_proj").view(n, -1, self.head_size)
    q, k, v = merged[:, :self.heads], merged[:, self.heads:turning], merged[:, turning:]
    if name + "q_norm.weight" not in w:
      turned = self.rotate(merged[:, :turning], cos, sin)
      return (turned[:, :self.heads], turned[:, self.heads:], v)
  else:
    q = self.project(h, w, name + "q_proj").view(n, self.heads, self.head_size)
    k = self.project(h, w, name + "k_proj").view(n, self.key_value_heads, self.head_size)
    v = self.project(h, w, name + "v_proj").view(n, self.key_value_heads, self.head_size)
  if name + "q_norm.weight" in w:
    q = self.norm(q, w[name + "q_norm.weight"])
    k = self.norm(k, w[name + "k_norm.weight"])
  return (self.rotate(q, cos, sin), self.rotate(k, cos, sin), v)


def after_attention(self, x: Tensor, a: Tensor, w: Dict[str, Tensor], i: int) -> Tensor:
  layer = "model.layers." + str(i) + "."
  x = self.project_onto(a, w, layer + "self_attn.o_proj", x)
  return self.feed_forward(self.norm(x, w[layer + "post_attention_layernorm.weight"]), w, layer + "mlp.", x)


def feed_forward(self, h: Tensor, w: Dict[str, Tensor], name: str, x: Tensor) -> Tensor:
  gate, up = name + "gate_proj", name + "up_proj"
  g = self.gated_product(h, w[gate + ".weight"], self.bias(w, gate), w[up + ".weight"], self.bias(w, up))
  return self.project_onto(g, w, name + "down_proj", x)


def final_norm(self, x: Tensor, w: Dict[str, Tensor]) -> Tensor:
  return self.norm(x, w["model.norm.weight"])


def output_name(self, w: Dict[str, Tensor]) -> str:
  # The embedding itself where the two are tied.
  return "lm_head" if "lm_head.weight" in w else "model.embed_tokens"
