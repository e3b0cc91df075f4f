#pragma once

#include <torch/types.h>

#include "hsconas/kernels/number.hpp"
#include "hsconas/supernet/training_path.hpp"
#include "hsconas/train/trainer.hpp"

namespace hsconas {

/// The type of activations in the training of `supernet`.
Number activation_type(const Supernet& supernet, const SupernetConfig& settings);

/// The distillation term of the loss for the student's `logits` [N, classes] on `images`.
torch::Tensor teacher_loss(const Distillation& distillation, const torch::Tensor& images,
                           const torch::Tensor& logits);

/// The mean cross entropy between the softmax of the teacher's logits and that of the student's,
/// both [N, classes].
torch::Tensor soft_loss(const torch::Tensor& teacher, const torch::Tensor& student);

/// The mean loss of `logits` [N, classes] on the images of `batch`, which is on their device.
torch::Tensor training_loss(const torch::Tensor& logits, const Batch& batch,
                            const SupernetConfig& settings, const Distillation& distillation);

/// The error of a training whose loss or gradient, `what`, is not finite at `step`.
Error not_finite(const TrainingStage& stage, const char* what, std::int64_t step);

}  // namespace hsconas
