#include "compressor.hpp"

#include <algorithm>
#include <filesystem>
#include <set>
#include <utility>

#include <fmt/format.h>
#include <nlohmann/json.hpp>
#include <torch/types.h>

#include "hsconas/base/error.hpp"
#include "hsconas/base/files.hpp"
#include "hsconas/base/text.hpp"
#include "hsconas/config/config_file.hpp"
#include "hsconas/deploy/classify.hpp"
#include "hsconas/pipeline/trained_model.hpp"
#include "hsconas/stages/work_dir.hpp"
#include "hsconas/supernet/calibration.hpp"
#include "hsconas/supernet/channel_order.hpp"
#include "hsconas/supernet/device.hpp"
#include "hsconas/supernet/int8_network.hpp"
#include "hsconas/supernet/thaw.hpp"
#include "hsconas/train/fine_tuning.hpp"

namespace hsconas {

using nlohmann::json;

namespace {

constexpr const char* kTuning = "compression";  ///< Names the random streams.

/// The keys in which two spaces differ, apart from their names.
std::vector<std::string> differences(const SpaceDescription& a, const SpaceDescription& b) {
  const json first = to_json(a);
  const json second = to_json(b);
  std::vector<std::string> keys;
  for (const auto& [key, value] : first.items()) {
    if (key != "name" && value != second.value(key, json())) keys.push_back("space." + key);
  }
  return keys;
}

/// Warns if the images that test the compressed networks have trained this one.
void warn_of_known_images(const std::string& folder, const Config& config, Log& log) {
  const WorkDir dir{.root = folder, .lock = nullptr};
  if (!is_there(dir.config())) return;  // A copied model does not say how it was trained.
  const Config trained = load_config(dir.config(), {});
  const bool is_same_split =
      trained.seed == config.seed && trained.data.holdout_images == config.data.holdout_images;
  if (!trained.retrain.use_holdout && is_same_split) return;
  log.warn(fmt::format(
      "{}: was trained on held-out images that now test compressed networks, whose accuracies are "
      "therefore too high: retrain it with retrain.use_holdout=false and the same seed and "
      "data.holdout_images",
      folder));
}

std::int64_t images_in(const std::vector<torch::Tensor>& batches) {
  std::int64_t count = 0;
  for (const torch::Tensor& batch : batches) count += batch.size(0);
  return count;
}

template <typename Network>
double accuracy_of(const Network& network, const std::vector<Batch>& batches,
                   const std::vector<std::string>& classes, const StopToken& stop) {
  Evaluation evaluation(classes);
  for (const Batch& batch : batches) {
    stop.check();
    classify(network, batch, evaluation);
  }
  return evaluation.top1();
}

}  // namespace

std::vector<TrainedStart> load_starts(const Config& config, const std::vector<std::string>& classes,
                                      Log& log) {
  std::vector<TrainedStart> starts;
  std::set<std::filesystem::path> taken;
  for (const std::string& folder : config.codesign.start) {
    const std::filesystem::path found = find_model(folder, ModelChoice::Best);
    if (!taken.insert(std::filesystem::canonical(found)).second) {
      throw Error(ErrorKind::Usage,
                  fmt::format("codesign.start names the network in {} twice: leave out one of them",
                              folder));
    }
    DeployedModel model = load_model(found);
    if (const auto keys = differences(config.space, model.space); !keys.empty()) {
      throw Error(ErrorKind::Usage,
                  fmt::format("{}: its network is of another space ({} differ): name networks of "
                              "the config's space in codesign.start",
                              folder, join(keys, ", ")));
    }
    if (model.classes != classes) {
      throw Error(ErrorKind::Usage,
                  fmt::format("{}: its network was trained for other classes than those of the "
                              "data set: name networks for this data set in codesign.start",
                              folder));
    }
    warn_of_known_images(found.string(), config, log);
    starts.push_back({folder, std::move(model)});
  }
  return starts;
}

Compressor::Compressor(const Config& config, const RunData& data, std::vector<TrainedStart> starts,
                       Log& log, const StopToken& stop)
    : config_(config),
      data_(data),
      starts_(std::move(starts)),
      log_(log),
      stop_(stop),
      supernet_(SearchSpace(config.space), open_device(config.device.type), config.seed) {
  for (const TrainedStart& start : starts_) {
    sorted_.push_back(with_sorted_channels(start.model.network));
  }
}

void Compressor::load_images() {
  if (!held_out_.empty()) return;
  for (const Batch& batch : data_.calibration()) calibration_.push_back(batch.images);
  held_out_ = data_.validation();
}

SupernetConfig Compressor::tuning() const {
  SupernetConfig settings = config_.retrain;
  settings.lr = config_.codesign.tune_lr;
  settings.groups = 1;
  return settings;
}

std::vector<StartNetwork> Compressor::starts() {
  load_images();
  std::vector<StartNetwork> networks;
  for (const TrainedStart& start : starts_) {
    const FrozenNetwork network = start.model.network.to(supernet_.device());
    const double accuracy = accuracy_of(network, held_out_, data_.classes(), stop_);
    log_.info(
        fmt::format("start {}: {:.2f} % on the held-out images", start.folder, 100.0 * accuracy));
    networks.push_back({start.folder, start.model.arch, accuracy});
  }
  return networks;
}

ImageCount Compressor::images_per_network() {
  load_images();
  ImageCount count{.trained = std::int64_t{config_.codesign.tune_steps} * config_.retrain.batch};
  count.tested = images_in(calibration_);
  for (const Batch& batch : held_out_) count.tested += batch.labels.size(0);
  return count;
}

std::vector<double> Compressor::accuracy(std::span<const CompressedNetwork> networks) {
  std::vector<double> accuracies;
  for (const CompressedNetwork& network : networks) {
    accuracies.push_back(make(network).accuracy);
    log_.detail(fmt::format("{} from {}: {:.2f} %", supernet_.space().encode(network.arch),
                            starts_[network.start].folder, 100.0 * accuracies.back()));
  }
  return accuracies;
}

CompressedModel Compressor::make(const CompressedNetwork& network) {
  load_images();
  stop_.check();
  const FineTuning tuning{.bits = network.bits,
                          .settings = this->tuning(),
                          .steps = config_.codesign.tune_steps,
                          .seed = config_.seed};
  thaw(sorted_.at(network.start), starts_[network.start].model.arch, supernet_);
  if (tuning.steps > 0) {
    const auto batches = data_.train_loader(kTuning, tuning.settings, SingleGroup(), 0);
    fine_tune(supernet_, network.arch, tuning, *batches, stop_);
  }
  // Statistics are those of the rounded weights, whose rounding quantise() repeats exactly.
  round_weights(supernet_, network.arch, network.bits);
  stop_.check();
  CompressedModel made{
      .model = {.space = config_.space,
                .arch = network.arch,
                .network = freeze(supernet_, network.arch,
                                  calibrate(supernet_, network.arch, calibration_)),
                .classes = data_.classes(),
                .normalisation = data_.normalisation(),
                .weights = kCompressedWeights},
      .int8 = {}};
  const FrozenNetwork& frozen = made.model.network;
  if (network.bits.empty()) {
    made.accuracy = accuracy_of(frozen, held_out_, data_.classes(), stop_);
    return made;
  }
  const WeightBits bits = [&](std::size_t block, std::size_t, const Primitive&) {
    return network.bits.at(block);
  };
  made.int8 = {.network = quantise(frozen, measure_scales(frozen, calibration_), bits),
               .calibration = {.images = images_in(calibration_),
                               .seed = config_.seed,
                               .data_set = data_.train_identity().fingerprint},
               .weight_bits = network.bits};
  made.accuracy = accuracy_of(Int8Network(made.int8->network, supernet_.device()), held_out_,
                              data_.classes(), stop_);
  return made;
}

}  // namespace hsconas
