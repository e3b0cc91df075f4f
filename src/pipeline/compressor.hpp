#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "hsconas/base/log.hpp"
#include "hsconas/base/stop_token.hpp"
#include "hsconas/codesign/compressed_network.hpp"
#include "hsconas/config/config.hpp"
#include "hsconas/deploy/deployed_model.hpp"
#include "hsconas/deploy/int8_model.hpp"
#include "hsconas/loader/loader.hpp"
#include "hsconas/stages/compression_run.hpp"
#include "hsconas/supernet/supernet.hpp"
#include "run_data.hpp"

namespace hsconas {

/// A trained network from which compression starts.
struct TrainedStart {
  std::string folder;  ///< As the config names it.
  DeployedModel model;
};

/// The networks in the folders of config.codesign.start. Throws Error(Usage) that names the folder
/// and what differs when one of them has another space than the config or other classes than
/// `classes`, Error(Data) when a folder holds no finished model.
std::vector<TrainedStart> load_starts(const Config& config, const std::vector<std::string>& classes,
                                      Log& log);

/// A compressed network that can be deployed.
struct CompressedModel {
  DeployedModel model;            ///< In fp32; where weights have bits, rounded to these.
  std::optional<Int8Model> int8;  ///< Absent if nothing is rounded to integers.
  double accuracy = 0.0;          ///< On the held-out images, of `int8` if there is one.
};

/// Compresses trained networks and tests them on the held-out images. A network starts with the
/// weights of its trained network; lower widths keep the inner channels with the largest norms,
/// see with_sorted_channels(). It is trained for codesign.tune_steps steps with rounded weights, on
/// the same images as every other network, and then rounded. Batch norm statistics and the scales
/// of activations are those of score.calibration_images training images.
class Compressor final : public CompressedEvaluator {
 public:
  /// The config, the data and the stop must outlive this object.
  Compressor(const Config& config, const RunData& data, std::vector<TrainedStart> starts, Log& log,
             const StopToken& stop);

  std::vector<double> accuracy(std::span<const CompressedNetwork> networks) override;
  /// The same network that accuracy() tests.
  CompressedModel make(const CompressedNetwork& network);

  /// The trained networks as they are. Tests each of them on the held-out images.
  std::vector<StartNetwork> starts();
  /// What accuracy() processes for each network.
  ImageCount images_per_network();
  torch::Device device() const { return supernet_.device(); }

 private:
  void load_images();
  SupernetConfig tuning() const;

  const Config& config_;
  const RunData& data_;
  std::vector<TrainedStart> starts_;
  std::vector<FrozenNetwork> sorted_;  ///< The starts, with sorted channels.
  Log& log_;
  const StopToken& stop_;
  Supernet supernet_;                       ///< Holds the weights of one network at a time.
  std::vector<torch::Tensor> calibration_;  ///< Loaded on first use, as are the held-out images.
  std::vector<Batch> held_out_;
};

}  // namespace hsconas
