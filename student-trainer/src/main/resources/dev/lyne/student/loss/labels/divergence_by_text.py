def divergence(self, t: Tensor, log_t: Tensor, s: Tensor, log_s: Tensor, row: Dict[str, Tensor]) -> Tuple[Tensor, Tensor]:
  # One divergence on the student's own text, another on data.
  own = row["own_text"].reshape(s.size(0), 1) > 0
  own_terms, own_sh = self.divergence_on_own_text(t, log_t, s, log_s, row)
  terms, sh = self.divergence_on_data(t, log_t, s, log_s, row)
  return (torch.where(own, own_terms, terms), torch.where(own, own_sh, sh))
