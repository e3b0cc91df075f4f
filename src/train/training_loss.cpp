#include "training_loss.hpp"

#include <fmt/format.h>

#include "hsconas/base/error.hpp"
#include "hsconas/config/precision.hpp"

namespace hsconas {

Number activation_type(const Supernet& supernet, const SupernetConfig& settings) {
  return compute_policy("precision", settings.precision, Purpose::Training, supernet.device().str())
      .precision;
}

torch::Tensor teacher_loss(const Distillation& distillation, const torch::Tensor& images,
                           const torch::Tensor& logits) {
  const double t = distillation.temperature;
  // Autograd cannot save tensors made in inference mode, so it gets a copy.
  const torch::Tensor answers = distillation.teacher->forward(images).clone();
  return soft_loss(answers / t, logits / t) * (t * t);
}

torch::Tensor soft_loss(const torch::Tensor& teacher, const torch::Tensor& student) {
  return -(torch::softmax(teacher, 1) * torch::log_softmax(student, 1)).sum(1).mean();
}

torch::Tensor training_loss(const torch::Tensor& logits, const Batch& batch,
                            const SupernetConfig& settings, const Distillation& distillation) {
  const torch::Tensor loss = torch::cross_entropy_loss(
      logits, batch.labels, {}, at::Reduction::Mean, -100, settings.label_smoothing);
  if (distillation.teacher == nullptr) return loss;
  return (1.0 - distillation.weight) * loss +
         distillation.weight * teacher_loss(distillation, batch.images, logits);
}

Error not_finite(const TrainingStage& stage, const char* what, std::int64_t step) {
  return {ErrorKind::Usage,
          fmt::format("{0}: the {1} is not finite at step {2}; the checkpoint before it is kept: "
                      "lower the learning rate or set {3}.clip_norm",
                      stage.name, what, step, stage.section)};
}

}  // namespace hsconas
