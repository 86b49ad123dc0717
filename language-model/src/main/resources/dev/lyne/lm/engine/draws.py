# Independent draws with replacement from rows of weights, as distinct ids with counts (random sampling KD, arXiv 2503.16870).


def draw(self, weights: Tensor, keys: Tensor, draws: int) -> Tuple[Tensor, Tensor, Tensor]:
  # Distinct ids [n, m] in ascending order, how often each was drawn [n, m] (zeros behind), and how many there are [n]. weights
  # [n, V], not normalised; keys int64 [n, 2]. A draw inverts the cumulative sum in 64 bits: in 32, ids behind a large sum
  # would get no width at all. A few rows at a time, about a million numbers.
  ids: List[Tensor] = []
  counts: List[Tensor] = []
  distinct: List[Tensor] = []
  rows = max(1, 1048576 // max(weights.size(1), draws))
  start = 0
  while start < weights.size(0):
    end = min(start + rows, weights.size(0))
    cumulative = weights[start:end].cumsum(-1, dtype=7)
    # Uniform numbers are below 1 by at least 2^-53, so their product with the last sum is below that: a drawn id has width.
    heights = (self.uniform(keys[start:end], draws) * cumulative[:, -1:]).sort(-1)[0]
    drawn = torch.searchsorted(cumulative, heights, right=True).clamp(max=weights.size(1) - 1)
    some_ids, some_counts, some_distinct = self.runs(drawn)
    ids.append(some_ids)
    counts.append(some_counts)
    distinct.append(some_distinct)
    start = end
  return (self.joined(ids), self.joined(counts), torch.cat(distinct, 0))


def runs(self, sorted: Tensor) -> Tuple[Tensor, Tensor, Tensor]:
  # Distinct values of rows [n, N] in ascending order, how often each stands there, and how many there are.
  length = sorted.size(1)
  first = torch.constant_pad_nd(sorted[:, 1:] != sorted[:, :-1], [1, 0], True)
  distinct = first.sum(-1)
  starts = torch.arange(length, device=sorted.device).masked_fill(first.logical_not(), length).sort(-1)[0]
  starts = torch.constant_pad_nd(starts, [0, 1], length)[:, :int(distinct.max()) + 1]
  values = sorted.gather(1, starts[:, :-1].clamp(max=length - 1))
  return (values, starts[:, 1:] - starts[:, :-1], distinct)


def uniform(self, keys: Tensor, draws: int) -> Tensor:
  # Uniform numbers in [0, 1) with 53 bits, float64 [n, draws]: a hash of the key and the number of the draw, by two rounds of
  # the finaliser of SplitMix64. 64-bit products wrap.
  counters = torch.arange(draws, device=keys.device) * -7046029254386353131
  mixed = self.mix(self.mix(keys[:, :1] + counters) ^ keys[:, 1:])
  return ((mixed >> 11) & 9007199254740991).to(7) * 1.1102230246251565e-16


def mix(self, x: Tensor) -> Tensor:
  # The shifts fill with zeros.
  x = (x ^ ((x >> 30) & 17179869183)) * -4658895280553007687
  x = (x ^ ((x >> 27) & 137438953471)) * -7723592293110705685
  return x ^ ((x >> 31) & 8589934591)
