#include "pipeline/compressor.hpp"

#include <algorithm>
#include <cmath>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include <fmt/format.h>
#include <torch/types.h>

#include "catch.hpp"
#include "hsconas/base/files.hpp"
#include "hsconas/config/config_file.hpp"
#include "hsconas/deploy/classify.hpp"
#include "hsconas/deploy/export.hpp"
#include "hsconas/pipeline/retraining.hpp"
#include "hsconas/supernet/int8_network.hpp"
#include "supernet/networks.hpp"
#include "support/errors.hpp"
#include "support/onnx_runtime.hpp"
#include "support/skip.hpp"
#include "support/spaces.hpp"
#include "support/temporary_folder.hpp"

using namespace hsconas;

namespace {

/// Two networks of the quickstart's space, trained for a few seconds on the built-in images.
struct TrainedNetworks {
  TemporaryFolder folder;
  Config config = load_config(
      source_folder() / "configs/quickstart.json",
      {"data.train_images=2000", "data.test_images=1000", "data.holdout_images=500",
       "device.threads=1", "data.workers=1", "retrain.epochs=2", "retrain.warmup_epochs=0.2",
       "retrain.average_decay=0.9", "retrain.use_holdout=false", "score.calibration_images=200",
       "score.validation_images=500", "codesign.method=compress",
       "codesign.designs=" + (source_folder() / "configs/designs/dance.json").string(),
       fmt::format("codesign.start={},{}", (folder / "a").string(), (folder / "b").string()),
       "codesign.tune_steps=0"});
  SearchSpace space{config.space};

  TrainedNetworks() {
    train("a", "0:7-1:8-2:9-3:6-4:9-3:9");
    train("b", "1:9-4:9-0:5-0:9-1:5-4:9");
  }

  void train(const std::string& name, const std::string& arch) {
    Log log(Verbosity::Quiet, false);
    retrain({.config = config, .arch = space.decode(arch), .run = {}},
            WorkDir::open(folder / name, WorkDirMode::Fresh), log, StopToken{});
  }
};

const TrainedNetworks& shared_networks() {
  static const TrainedNetworks networks;
  return networks;
}

/// A compressor with its own settings.
struct CompressionTest {
  explicit CompressionTest(int tune_steps = 0, const std::function<void(Config&)>& change = {}) {
    config.codesign.tune_steps = tune_steps;
    if (change) change(config);
    data.emplace(config, log);
    compressor.emplace(config, *data, load_starts(config, data->classes(), log), log, stop);
  }

  CompressedNetwork start(std::size_t index, int bits = 0) {
    const Architecture& arch = starts().at(index).arch;
    std::vector<int> all;
    if (bits > 0) all.assign(arch.size() + 2, bits);
    return {.start = index, .arch = arch, .bits = std::move(all)};
  }
  const std::vector<StartNetwork>& starts() {
    if (starts_.empty()) starts_ = compressor->starts();
    return starts_;
  }
  double accuracy(const CompressedNetwork& network) {
    return compressor->accuracy({&network, 1}).front();
  }

  Config config = shared_networks().config;
  Log log{Verbosity::Quiet, false};
  StopToken stop;
  std::optional<RunData> data;
  std::optional<Compressor> compressor;
  std::vector<StartNetwork> starts_;
};

/// `network` with the inner channels of every layer cut to the factor at `width`, if they are
/// wider.
CompressedNetwork cut(CompressedNetwork network, int width) {
  for (LayerChoice& choice : network.arch) choice.width = std::min(choice.width, width);
  network.arch = shared_networks().space.canonical(network.arch);
  return network;
}

std::string error_with(const std::function<void(Config&)>& change) {
  return error_of([&] { CompressionTest(0, change); });
}

}  // namespace

TEST_CASE(
    "a network that is not compressed is as accurate as its start, and hardly less with 8 bits",
    "[compression]") {
  CompressionTest compression;
  for (std::size_t i = 0; i < compression.starts().size(); ++i) {
    const double start = compression.starts()[i].accuracy;
    const double same = compression.accuracy(compression.start(i));
    const double eight = compression.accuracy(compression.start(i, 8));
    INFO(fmt::format("start {:.2f} %, again {:.2f} %, 8 bits {:.2f} %", 100 * start, 100 * same,
                     100 * eight));
    CHECK(start > 0.6);
    CHECK(std::abs(same - start) <= 0.01);
    CHECK(eight >= start - 0.015);
  }
}

TEST_CASE("a compressed network with 8 bits is the int8 form that export makes of its model",
          "[int8][compression]") {
  // All training images calibrate both.
  CompressionTest compression(0, [](Config& config) { config.score.calibration_images = 5000; });
  const CompressedModel made = compression.compressor->make(compression.start(0, 8));
  Log log(Verbosity::Quiet, false);
  const Int8Model exported =
      make_int8(made.model, compression.config, {.images = 5000, .weight_bits = 8}, log);
  REQUIRE(made.int8);
  CHECK(made.int8->calibration.images == exported.calibration.images);
  CHECK(made.int8->weight_bits == exported.weight_bits);
  const auto& ours = made.int8->network;
  for (std::size_t block = 0; block < ours.weights.size(); ++block) {
    for (std::size_t slot = 0; slot < ours.weights[block].size(); ++slot) {
      CHECK(ours.weights[block][slot].values == exported.network.weights[block][slot].values);
    }
    for (std::size_t point = 0; point < ours.scales.points[block].size(); ++point) {
      CHECK(ours.scales.points[block][point].scale ==
            Approx(exported.network.scales.points[block][point].scale).epsilon(1e-4));
    }
  }
}

TEST_CASE("the accuracy of a compressed network depends on no other", "[compression]") {
  CompressionTest first(4);
  const std::vector<CompressedNetwork> networks{cut(first.start(0, 4), 4), first.start(1),
                                                cut(first.start(1, 8), 2)};
  const std::vector<double> forwards = first.compressor->accuracy(networks);
  CompressionTest second(4);
  for (std::size_t i = networks.size(); i-- > 0;) {
    CHECK(second.accuracy(networks[i]) == forwards[i]);
  }
  const FrozenNetwork made = first.compressor->make(networks[0]).model.network;
  const FrozenNetwork again = second.compressor->make(networks[0]).model.network;
  for (std::size_t i = 0; i < made.layers().size(); ++i) {
    for (std::size_t slot = 0; slot < made.layers()[i].weights.size(); ++slot) {
      CHECK(same_bits(made.layers()[i].weights[slot].value, again.layers()[i].weights[slot].value));
    }
  }
}

TEST_CASE("fine-tuning recovers what a few bits and a cut lose", "[compression]") {
  CompressionTest rough(0);
  CompressionTest tuned(60);
  const CompressedNetwork network = cut(rough.start(0, 3), 4);
  const double before = rough.accuracy(network);
  const double after = tuned.accuracy(network);
  INFO(fmt::format("without steps {:.2f} %, with 60 {:.2f} %", 100 * before, 100 * after));
  CHECK(after > before + 0.02);
  CHECK(tuned.compressor->images_per_network().trained == 60 * tuned.config.retrain.batch);
  CHECK(tuned.compressor->images_per_network().tested == 200 + 500);
}

TEST_CASE("ONNX Runtime answers as a compressed network does", "[int8][compression]") {
  if (const auto why = why_no_onnx_runtime(); !why.empty()) return skip_test(why);
  CompressionTest compression(4);
  CompressedNetwork network = cut(compression.start(0, 8), 6);
  for (std::size_t block = 0; block < network.bits.size(); block += 2) network.bits[block] = 4;
  const CompressedModel made = compression.compressor->make(network);
  std::vector<Batch> test;
  compression.data->for_each_test_batch([&](const Batch& batch) { test.push_back(batch); });
  Evaluation ours(made.model.classes);
  for (const Batch& batch : test) {
    classify(Int8Network(made.int8->network, torch::kCPU), batch, ours);
  }
  const TemporaryFolder folder;
  write_onnx(folder / "model.onnx", made.model, *made.int8);
  const double theirs = accuracy_in_onnx_runtime(folder / "model.onnx", test, true);
  INFO(fmt::format("here {:.2f} %, in ONNX Runtime {:.2f} %", 100 * ours.top1(), 100 * theirs));
  CHECK(std::abs(ours.top1() - theirs) <= 0.002);
}

TEST_CASE("starts of another space or of other classes are named", "[compression]") {
  const std::string space = error_with([](Config& config) { config.space.head.channels *= 2; });
  CHECK(contains(space, "usage: "));
  CHECK(contains(space, "/a: its network is of another space (space.head differ)"));
  Log log(Verbosity::Quiet, false);
  CHECK(contains(error_of([&] {
                   load_starts(shared_networks().config, {"cat", "dog"}, log);
                 }),
                 "was trained for other classes than those of the data set"));
  CHECK(contains(error_with([](Config& config) {
                   config.codesign.start.push_back(shared_networks().folder / "nothing");
                 }),
                 "is neither a run nor a model"));
  CompressionTest compression;
  compression.stop.request();
  CHECK(contains(error_of([&] { compression.compressor->make({.start = 0}); }),
                 "stopped on request"));
}
