def on_labels(self, cross_entropy: Tensor, row: Dict[str, Tensor]) -> Tuple[Tensor, List[Tensor]]:
  # What is minimised of the labels' own log-probabilities [n, 1], and sums to report: the negative log-likelihood of the data.
  return (cross_entropy * row["data"], [cross_entropy.sum()])
