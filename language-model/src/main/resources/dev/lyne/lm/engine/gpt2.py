# GPT-2: learned positions, layer norms, matrices stored as [in, out] (`Conv1D` in `transformers`), queries, keys and values in one.
# tanh_gelu: int (1: the approximation by a hyperbolic tangent; 0: the function itself)


def convolve(self, x: Tensor, w: Dict[str, Tensor], name: str) -> Tensor:
  return self.product(x, w[name + ".weight"].t(), w[name + ".bias"])


def embed(self, ids: Tensor, start: int, w: Dict[str, Tensor]) -> Tensor:
  return torch.embedding(w["transformer.wte.weight"], ids) + w["transformer.wpe.weight"][start:start + ids.size(1)]


def queries_keys_values(self, x: Tensor, cos: Tensor, sin: Tensor, w: Dict[str, Tensor], i: int) -> Tuple[Tensor, Tensor, Tensor]:
  b, t, d = x.shape
  layer = "transformer.h." + str(i) + "."
  h = self.convolve(self.layer_norm(x, w, layer + "ln_1"), w, layer + "attn.c_attn")
  q, k, v = h.view(b, t, 3, self.heads, self.head_size).unbind(2)
  return (q, k, v)


def after_attention(self, x: Tensor, a: Tensor, w: Dict[str, Tensor], i: int) -> Tensor:
  layer = "transformer.h." + str(i) + "."
  x = x + self.convolve(a, w, layer + "attn.c_proj")
  h = self.convolve(self.layer_norm(x, w, layer + "ln_2"), w, layer + "mlp.c_fc")
  h = torch.gelu(h, approximate="tanh") if self.tanh_gelu == 1 else torch.gelu(h)
  return x + self.convolve(h, w, layer + "mlp.c_proj")


def final_norm(self, x: Tensor, w: Dict[str, Tensor]) -> Tensor:
  return self.layer_norm(x, w, "transformer.ln_f")


def output_name(self, w: Dict[str, Tensor]) -> str:
  # The embedding itself where the two are tied.
  return "lm_head" if "lm_head.weight" in w else "transformer.wte"
