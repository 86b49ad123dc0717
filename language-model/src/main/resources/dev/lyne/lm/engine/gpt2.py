# GPT-2: learned positions, layer norms, matrices stored as [in, out] (`Conv1D` in `transformers`), queries, keys and values in one.
# tanh_gelu: int (1: the approximation by a hyperbolic tangent; 0: the function itself)


def embed(self, ids: Tensor, positions: Tensor, w: Dict[str, Tensor]) -> Tensor:
  return torch.embedding(w["transformer.wte.weight"], ids) + torch.embedding(w["transformer.wpe.weight"], positions)


def queries_keys_values(self, x: Tensor, cos: Tensor, sin: Tensor, w: Dict[str, Tensor], i: int) -> Tuple[Tensor, Tensor, Tensor]:
  layer = "transformer.h." + str(i) + "."
  name = layer + "attn.c_attn"
  h = self.product(self.layer_norm(x, w, layer + "ln_1"), w[name + ".weight"].t(), w[name + ".bias"])
  q, k, v = h.view(x.size(0), 3, self.heads, self.head_size).unbind(1)
  return (q, k, v)


def after_attention(self, x: Tensor, a: Tensor, w: Dict[str, Tensor], i: int) -> Tensor:
  layer = "transformer.h." + str(i) + "."
  attention, widen, narrow = layer + "attn.c_proj", layer + "mlp.c_fc", layer + "mlp.c_proj"
  x = self.product_onto(a, w[attention + ".weight"].t(), w[attention + ".bias"], x)
  h = self.gelu_product(self.layer_norm(x, w, layer + "ln_2"), w[widen + ".weight"].t(), w[widen + ".bias"], self.tanh_gelu == 1)
  return self.product_onto(h, w[narrow + ".weight"].t(), w[narrow + ".bias"], x)


def final_norm(self, x: Tensor, w: Dict[str, Tensor]) -> Tensor:
  return self.layer_norm(x, w, "transformer.ln_f")


def output_name(self, w: Dict[str, Tensor]) -> str:
  # The embedding itself where the two are tied.
  return "lm_head" if "lm_head.weight" in w else "transformer.wte"
