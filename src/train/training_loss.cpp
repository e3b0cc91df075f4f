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
  const torch::Tensor targets = torch::softmax(answers / t, 1);
  return -(targets * torch::log_softmax(logits / t, 1)).sum(1).mean() * (t * t);
}

torch::Tensor training_loss(TrainingPath& path, const Batch& batch, const torch::Device& device,
                            const SupernetConfig& settings, const Distillation& distillation) {
  const torch::Tensor images = batch.images.to(device);
  const torch::Tensor logits = path.forward(images);
  const torch::Tensor loss = torch::cross_entropy_loss(
      logits, batch.labels.to(device), {}, at::Reduction::Mean, -100, settings.label_smoothing);
  if (distillation.teacher == nullptr) return loss;
  return (1.0 - distillation.weight) * loss +
         distillation.weight * teacher_loss(distillation, images, logits);
}

Error not_finite(const TrainingStage& stage, const char* what, std::int64_t step) {
  return {ErrorKind::Usage,
          fmt::format("{0}: the {1} is not finite at step {2}; the checkpoint before it is kept: "
                      "lower the learning rate or set {3}.clip_norm",
                      stage.name, what, step, stage.section)};
}

}  // namespace hsconas
