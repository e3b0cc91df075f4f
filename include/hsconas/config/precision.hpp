#pragma once

#include <string>
#include <string_view>

#include "hsconas/config/config.hpp"
#include "hsconas/kernels/number.hpp"

namespace hsconas {

/// The computation whose precision is asked for.
enum class Purpose { Training, Scoring };

/// The device of a computation, and the type of its activations.
struct ComputePolicy {
  std::string device;  ///< "cpu", "cuda" or "cuda:N", like device.type.
  Number precision = Number::Fp32;
};

/// The precision that `precision` means on `device` ("cpu", "cuda" or "cuda:N"); never Auto. The
/// first of each of these lists is what Auto means:
///   CPU: training in fp32, bf16; scoring in fp32, fp16;
///   GPU: training in bf16, fp32; scoring in fp16, bf16, fp32.
/// Throws Error(Usage) that names the config key `key` if `precision` is not in the list.
Precision resolved_precision(std::string_view key, Precision precision, Purpose purpose,
                             std::string_view device);

/// The policy for `precision` on `device`; throws as resolved_precision() does.
ComputePolicy compute_policy(std::string_view key, Precision precision, Purpose purpose,
                             std::string_view device);

/// `config` with every Auto replaced by the precision it means on the config's device. The stages'
/// inputs then hold the actual precision, so that weights and accuracies of one precision are never
/// reused for another. retrain.precision is left as it is, because a retraining may use another
/// device and resolves it itself.
Config with_resolved_precisions(Config config);

/// Throws Error(Usage) when the config asks for a precision that its device does not have.
void check_precisions(const Config& config);

}  // namespace hsconas
