def divergence(self, t: Tensor, log_t: Tensor, s: Tensor, log_s: Tensor, row: Dict[str, Tensor]) -> Tuple[Tensor, Tensor]:
  # Soft cross-entropy, weighted by row with 1 - exp(-ratio) of the teacher's and the student's probability of the label (Raman et
  # al. 2023); no gradient flows through the weight. PARAMETER: 1 for t / s, -1 for s / t.
  teacher = row["teacher_label_log_prob"].to(s.dtype).reshape(s.size(0), 1)
  student = row["student_label_log_prob"].clamp(-20.72326583694641)
  weight = -torch.expm1(-(PARAMETER * (teacher - student)).exp())
  return (-weight * t * log_s, -weight * t)
