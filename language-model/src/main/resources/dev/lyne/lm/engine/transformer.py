# The decoder-only transformer, as far as all architectures share it. What tells them apart stands in a script of its own (llama.py,
# gpt2.py, gpt_neox.py), which gives
#   embed(ids, positions, w)                  the residual stream of tokens at their positions, [N, D]
#   queries_keys_values(x, cos, sin, w, i)    those of layer i, from the stream: [N, H, S], [N, K, S], [N, K, S]
#   after_attention(x, a, w, i)               the stream after layer i, whose attention gave a [N, H * S]
#   final_norm(x, w)                          what the output matrix is applied to
#   output_name(w)                            name of the output matrix, [vocabulary, D]
# Products with weights, norms, rotation and attention are those of products.py, or of products_onednn.py and cuts.py.
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
    x = self.layer(x, lengths, c, s, w, i)
  return self.final_norm(x, w)


def layer(self, x: Tensor, lengths: List[int], cos: Tensor, sin: Tensor, w: Dict[str, Tensor], i: int) -> Tensor:
  # The stream after layer i, from the one before. cos and sin as rotate takes them.
  q, k, v = self.queries_keys_values(x, cos, sin, w, i)
  return self.after_attention(x, self.attend(q, k, v, lengths, self.windows[i]), w, i)


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
