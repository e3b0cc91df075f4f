#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "hsconas/base/log.hpp"
#include "hsconas/config/config.hpp"
#include "hsconas/deploy/deployed_model.hpp"
#include "hsconas/int8/integer_network.hpp"
#include "hsconas/report/evaluation.hpp"

namespace hsconas {

/// The images that set the scales of an int8 network.
struct Calibration {
  std::int64_t images = 0;
  std::uint64_t seed = 0;  ///< With which they were drawn from the training images.
  std::string data_set;    ///< Fingerprint of the whole training part.
};

/// A trained network as int8.
struct Int8Model {
  IntegerNetwork network;
  Calibration calibration;
  std::vector<int> weight_bits;  ///< Of each block: the stem, the layers, the head.
};

struct Int8Settings {
  int images = 512;  ///< Training images that calibrate the scales.
  /// The number of bits of every weight. The default is 7 because the sum of two products of a
  /// weight and an activation then fits into 16 bits. On x86 processors without VNNI, ONNX Runtime
  /// saturates larger sums, which can cost percents of accuracy.
  int weight_bits = 7;
};

inline constexpr const char* kInt8File = "int8.json";

/// Rounds the network to int8. The scales of its activations are measured on settings.images of the
/// training images of config.data (all, if there are fewer), which config.seed draws. The result
/// depends only on the arguments. Throws what open_dataset() throws, and Error(Usage) when the
/// images have other classes or channels than the network.
Int8Model make_int8(const DeployedModel& model, const Config& config, const Int8Settings& settings,
                    Log& log);

/// The content of the file int8.json (format "hsconas-int8-1", docs/formats.md): calibration, all
/// activation scales, and the test accuracies in fp32 and in int8.
nlohmann::json describe_int8(const DeployedModel& model, const Int8Model& int8,
                             const Evaluation& fp32, const Evaluation& tested);

/// The calibration as an object.
nlohmann::json to_json(const Calibration& calibration);

/// The bits per weight: a number or, if blocks differ, a list with that of each block.
nlohmann::json weight_bits_json(const Int8Model& int8);

}  // namespace hsconas
