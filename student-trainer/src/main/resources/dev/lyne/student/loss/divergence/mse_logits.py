def divergence(self, t: Tensor, log_t: Tensor, s: Tensor, log_s: Tensor, row: Dict[str, Tensor]) -> Tuple[Tensor, Tensor]:
  # Squared difference of centred logits, t the teacher's and s the student's; the slope is that of the student's logit.
  difference = s - t
  return (difference * difference, 2. * difference)
