#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "hsconas/config/config.hpp"
#include "hsconas/kernels/number.hpp"

namespace hsconas {

/// What activations are computed for.
enum class Purpose { Training, Scoring };

/// What supernet.precision, retrain.precision and score.precision may say. Which of these a device
/// has depends on the purpose: a CPU trains in fp32 or bf16 and scores in fp32 or fp16, a GPU
/// trains in fp32 or bf16 and scores in all three. "auto" is fp32 on a CPU; on a GPU it is bf16 for
/// training and fp16 for scoring.
std::vector<std::string> precision_words();

/// The word that `word` stands for on `device`, as device.type names it: never "auto". Throws
/// Error(Usage) with `key` when the device does not have it.
std::string resolved_precision(std::string_view key, const std::string& word, Purpose purpose,
                               std::string_view device);

/// The type of activations behind the word; throws as resolved_precision().
Number precision_of(std::string_view key, const std::string& word, Purpose purpose,
                    std::string_view device);

/// `config` with the precisions that "auto" means on its device, so that weights trained and
/// accuracies taken in one precision never count as those of another. retrain.precision stays: a
/// retraining may use another device and has inputs of its own.
Config with_resolved_precisions(Config config);

/// Throws Error(Usage) when the config's device does not have one of its precisions.
void check_precisions(const Config& config);

}  // namespace hsconas
