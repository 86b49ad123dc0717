# Further tokens of one sequence. cache holds keys and values of each layer in turn, [1, capacity, K, S], filled up to start.


def extend(self, ids: Tensor, start: int, cos: Tensor, sin: Tensor, w: Dict[str, Tensor], cache: List[Tensor]) -> Tensor:
  # Logits after the last of ids [1, T], in statistics_type, [vocabulary_size]; writes the cache at start to start + T.
  # T is 1, or the whole prompt with start = 0.
  t = ids.size(1)
  c, s = self.cosines(cos, start, t), self.sines(sin, start, t)
  x = self.embed(ids, start, w)
  for i in range(len(self.windows)):
    q, k, v = self.queries_keys_values(x, c, s, w, i)
    cache[2 * i][:, start:start + t].copy_(k)
    cache[2 * i + 1][:, start:start + t].copy_(v)
    if start == 0:
      a = self.attend(q, k, v, self.windows[i])
    else:
      a = self.attend_cached(q, cache[2 * i], cache[2 * i + 1], start, self.windows[i])
    x = self.after_attention(x, a, w, i)
  last = self.final_norm(x[:, t - 1], w)
  return self.logits(last, self.output_matrix(w), self.output_bias(w)).squeeze(0).cpu()


def attend_cached(self, q: Tensor, keys: Tensor, values: Tensor, position: int, window: int) -> Tensor:
  # Attention of the one query at position, [1, 1, H, S], over the cached positions that it may see.
  first = max(0, position + 1 - window) if window > 0 else 0
  k = self.per_query_head(keys[:, first:position + 1])
  v = self.per_query_head(values[:, first:position + 1])
  return torch.scaled_dot_product_attention(q.transpose(1, 2), k, v).transpose(1, 2).reshape(1, 1, self.heads * self.head_size)


def cast(self, tensors: List[Tensor]) -> List[Tensor]:
  # The tensors in compute_type.
  out: List[Tensor] = []
  for tensor in tensors:
    out.append(tensor.to(self.compute_type))
  return out
