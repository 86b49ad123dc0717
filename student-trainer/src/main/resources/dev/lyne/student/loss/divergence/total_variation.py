def divergence(self, t: Tensor, log_t: Tensor, s: Tensor, log_s: Tensor, row: Dict[str, Tensor]) -> Tuple[Tensor, Tensor]:
  # Half the sum of |T - S|, h = sign(S - T) / 2.
  return (0.5 * (t - s).abs(), 0.5 * s * torch.sign(s - t))
