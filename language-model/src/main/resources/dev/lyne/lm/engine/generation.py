# Further tokens of one sequence. cache holds keys and values of each layer in turn, [1, capacity, K, S], filled up to start.


def extend(self, ids: Tensor, start: int, cos: Tensor, sin: Tensor, w: Dict[str, Tensor], cache: List[Tensor]) -> Tensor:
  # Logits after the last of ids [1, T], in statistics_type, [vocabulary_size]; writes the cache at start to start + T.
  # T is 1, or the whole prompt with start = 0.
  t = ids.size(1)
  positions = torch.arange(start, start + t, device=ids.device)
  c, s = self.cosines(cos, positions), self.sines(sin, positions)
  x = self.embed(ids.squeeze(0), positions, w)
  for i in range(len(self.windows)):
    q, k, v = self.queries_keys_values(x, c, s, w, i)
    cache[2 * i][0, start:start + t].copy_(k)
    cache[2 * i + 1][0, start:start + t].copy_(v)
    if start == 0:
      a = self.attend(q, k, v, [t], self.windows[i])
    else:
      a = self.attend_cached(q, cache[2 * i], cache[2 * i + 1], start, self.windows[i])
    x = self.after_attention(x, a, w, i)
  last = self.final_norm(x[t - 1:], w)
  return self.logits(last, self.output_matrix(w), self.output_bias(w)).squeeze(0).cpu()


def attend_cached(self, q: Tensor, keys: Tensor, values: Tensor, position: int, window: int) -> Tensor:
  # Attention of the one query at position, [1, H, S], over the cached positions that it may see. The queries that share a
  # key make the rows of one product with it.
  first = max(0, position + 1 - window) if window > 0 else 0
  k = keys[:, first:position + 1].transpose(1, 2)
  v = values[:, first:position + 1].transpose(1, 2)
  q = q.view(1, self.key_value_heads, self.heads // self.key_value_heads, self.head_size)
  return torch.scaled_dot_product_attention(q, k, v).reshape(1, self.heads * self.head_size)


def cast(self, tensors: List[Tensor]) -> List[Tensor]:
  # The tensors in compute_type.
  out: List[Tensor] = []
  for tensor in tensors:
    out.append(tensor.to(self.compute_type))
  return out
