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

/// The mean loss of `path` on the images of `batch`.
torch::Tensor training_loss(TrainingPath& path, const Batch& batch, const torch::Device& device,
                            const SupernetConfig& settings, const Distillation& distillation);

/// The error of a training whose loss or gradient, `what`, is not finite at `step`.
Error not_finite(const TrainingStage& stage, const char* what, std::int64_t step);

}  // namespace hsconas
