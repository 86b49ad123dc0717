def distil(self, z: Tensor, s: Tensor, lse: Tensor, ids: Tensor, row: Dict[str, Tensor]) -> Tensor:
  # Logits of the kept ids, both sides centred on them; the mean over them. Nothing is said of the others.
  kept = row["kept"]
  count = kept.sum(-1, True).clamp(1).to(z.dtype)
  teacher = torch.where(kept, row["teacher_logits"].to(z.dtype).reshape(z.size(0), -1), 0.)
  student = torch.where(kept, z.gather(-1, ids), 0.)
  teacher = torch.where(kept, teacher - teacher.sum(-1, True) / count, 0.)
  student = torch.where(kept, student - student.sum(-1, True) / count, 0.)
  terms, slopes = self.divergence(teacher, teacher, student, student, row)
  slopes = torch.where(kept, slopes / count, 0.)
  on = slopes - slopes.sum(-1, True) / count
  self.mend(s, ids, s.gather(-1, ids), on, torch.zeros_like(count), row)
  return torch.where(kept, terms, 0.).sum(-1, True) / count
