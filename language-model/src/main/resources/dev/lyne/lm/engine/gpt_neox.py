# GPT-NeoX (Pythia): layer norms, the first rotary_size dimensions of a head turn, queries, keys and values of a head side by side.
# parallel_residual: int (1: the feed-forward reads the stream from before the attention)
# tanh_gelu: int (1: the approximation by a hyperbolic tangent; 0: the function itself)


def embed(self, ids: Tensor, positions: Tensor, w: Dict[str, Tensor]) -> Tensor:
  return torch.embedding(w["gpt_neox.embed_in.weight"], ids)


def rotate_first(self, x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
  if self.rotary_size == self.head_size:
    return self.rotate(x, cos, sin)
  turned = self.rotate(x.narrow(-1, 0, self.rotary_size), cos, sin)
  return torch.cat([turned, x.narrow(-1, self.rotary_size, self.head_size - self.rotary_size)], -1)


def queries_keys_values(self, x: Tensor, cos: Tensor, sin: Tensor, w: Dict[str, Tensor], i: int) -> Tuple[Tensor, Tensor, Tensor]:
  layer = "gpt_neox.layers." + str(i) + "."
  h = self.project(self.layer_norm(x, w, layer + "input_layernorm"), w, layer + "attention.query_key_value")
  q, k, v = h.view(x.size(0), self.heads, 3, self.head_size).unbind(2)
  return (self.rotate_first(q, cos, sin), self.rotate_first(k, cos, sin), v)


def after_attention(self, x: Tensor, a: Tensor, w: Dict[str, Tensor], i: int) -> Tensor:
  layer = "gpt_neox.layers." + str(i) + "."
  y = self.project_onto(a, w, layer + "attention.dense", x)
  h = self.layer_norm(x if self.parallel_residual == 1 else y, w, layer + "post_attention_layernorm")
  widen = layer + "mlp.dense_h_to_4h"
  h = self.gelu_product(h, w[widen + ".weight"], self.bias(w, widen), self.tanh_gelu == 1)
  return self.project_onto(h, w, layer + "mlp.dense_4h_to_h", y)


def final_norm(self, x: Tensor, w: Dict[str, Tensor]) -> Tensor:
  return self.layer_norm(x, w, "gpt_neox.final_layer_norm")


def output_name(self, w: Dict[str, Tensor]) -> str:
  # The embedding itself where the two are tied.
  return "embed_out" if "embed_out.weight" in w else "gpt_neox.embed_in"
