#pragma once

#include <string>
#include <string_view>

#include "hsconas/config/config.hpp"
#include "hsconas/kernels/number.hpp"

namespace hsconas {

/// What activations are computed for.
enum class Purpose { Training, Scoring };

/// Where something is computed, and the type of its activations.
struct ComputePolicy {
  std::string device;  ///< As device.type names it.
  Number precision = Number::Fp32;
};

/// The precision that `precision` means on `device` (as device.type names it), never Auto: a CPU
/// trains in fp32 or bf16 and scores in fp32 or fp16, a GPU trains in bf16 or fp32 and scores in
/// fp16, bf16 or fp32; the first of each is what Auto means. Throws Error(Usage) that names `key`
/// when the device does not have it.
Precision resolved_precision(std::string_view key, Precision precision, Purpose purpose,
                             std::string_view device);

/// The policy for `precision` on `device`; throws as resolved_precision() does.
ComputePolicy compute_policy(std::string_view key, Precision precision, Purpose purpose,
                             std::string_view device);

/// `config` with the precisions that Auto means on its device, so that weights trained and
/// accuracies taken in one precision never count as those of another. retrain.precision stays: a
/// retraining may use another device and has inputs of its own.
Config with_resolved_precisions(Config config);

/// Throws Error(Usage) when the config's device does not have one of its precisions.
void check_precisions(const Config& config);

}  // namespace hsconas
