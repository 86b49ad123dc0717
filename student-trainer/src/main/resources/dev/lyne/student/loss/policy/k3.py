def policy(self, log_s: Tensor, log_t: Tensor, row: Dict[str, Tensor]) -> Tuple[Tensor, Tensor, Tensor, Tensor]:
  # t/s - 1 - log(t/s), differentiated: the mean of its gradient over draws from s is that of KL(t||s), forward KL.
  d = log_t - log_s
  return (torch.expm1(d) - d, torch.expm1(d), torch.ones_like(d), torch.zeros_like(d))
