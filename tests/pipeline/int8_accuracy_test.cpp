// A trained network as int8: what it loses, and that ONNX Runtime answers as this program does.

#include <cmath>
#include <map>
#include <string>
#include <vector>

#include <fmt/format.h>
#include <nlohmann/json.hpp>
#include <torch/types.h>

#include "catch.hpp"
#include "hsconas/base/files.hpp"
#include "hsconas/config/config_file.hpp"
#include "hsconas/data/dataset.hpp"
#include "hsconas/deploy/classify.hpp"
#include "hsconas/deploy/deployed_model.hpp"
#include "hsconas/deploy/export.hpp"
#include "hsconas/deploy/int8_model.hpp"
#include "hsconas/loader/loader.hpp"
#include "hsconas/pipeline/retraining.hpp"
#include "hsconas/supernet/int8_network.hpp"
#include "onnx/onnx_interpreter.hpp"
#include "support/errors.hpp"
#include "support/onnx_runtime.hpp"
#include "support/skip.hpp"
#include "support/spaces.hpp"
#include "support/temporary_folder.hpp"

using namespace hsconas;

namespace {

constexpr double kMostLost = 0.005;
constexpr double kMostApart = 0.002;

/// A network of the quickstart's space with all of its operators, trained for a few seconds on the
/// built-in images until it is right on most of them.
struct Trained {
  TemporaryFolder folder;
  Config config = load_config(
      source_folder() / "configs/quickstart.json",
      {"data.train_images=3000", "data.test_images=2000", "device.threads=1", "data.workers=1",
       "retrain.epochs=2", "retrain.warmup_epochs=0.2", "retrain.average_decay=0.9"});
  DeployedModel model = train();
  std::vector<Batch> test = load_test();

  DeployedModel train() const {
    Log log(Verbosity::Quiet, false);
    const Architecture arch = SearchSpace(config.space).decode("0:7-1:8-2:9-3:6-4:9-3:9");
    retrain({.config = config, .arch = arch, .run = {}},
            WorkDir::open(folder / "net", WorkDirMode::Fresh), log, StopToken{});
    return load_model(folder / "net");
  }

  std::vector<Batch> load_test() const {
    Log log(Verbosity::Quiet, false);
    DataConfig data = config.data;
    data.image_size = model.space.image_size;
    const Dataset set = open_test_set(data, model.classes, config.seed, log);
    return load_all(*set.test, all_indices(*set.test),
                    {data.image_size, set.channels, data.augment, model.normalisation}, 250, 1);
  }

  Int8Model int8(const Int8Settings& settings = {}) const { return int8(settings, config); }
  Int8Model int8(const Int8Settings& settings, const Config& with) const {
    Log log(Verbosity::Quiet, false);
    return make_int8(model, with, settings, log);
  }

  template <typename Network>
  double accuracy(const Network& network) const {
    Evaluation evaluation(model.classes);
    for (const Batch& batch : test) classify(network, batch, evaluation);
    return evaluation.top1();
  }
};

const Trained& trained() {
  static const Trained network;
  return network;
}

/// How often each kind of node occurs in an ONNX file.
std::map<std::string, int> kinds_in(const std::filesystem::path& file) {
  std::map<std::string, int> kinds;
  const std::string contents = read_file(file);
  const test::ProtoMessage model(contents);
  const test::ProtoMessage graph = model.messages(7).at(0);
  for (const test::ProtoMessage& node : graph.messages(1)) ++kinds[node.text(4)];
  return kinds;
}

}  // namespace

TEST_CASE("a trained network loses at most half a percent as int8, with 7 or 8 bits per weight",
          "[int8]") {
  const double fp32 = trained().accuracy(trained().model.network);
  CHECK(fp32 > 0.9);
  for (const Int8Settings& settings :
       {Int8Settings{.images = 64, .weight_bits = 8}, {.weight_bits = 8}, {.weight_bits = 7}}) {
    const Int8Model int8 = trained().int8(settings);
    CHECK(int8.calibration.images == settings.images);
    const double accuracy = trained().accuracy(Int8Network(int8.network, torch::kCPU));
    INFO(fmt::format("fp32 {:.2f} %, int8 {:.2f} %, {} images, {} bits", 100 * fp32, 100 * accuracy,
                     settings.images, settings.weight_bits));
    CHECK(accuracy >= fp32 - kMostLost);
  }
  // Weights of 4 bits lose more, but are no noise.
  const Int8Model four = trained().int8({.weight_bits = 4});
  CHECK(four.network.weight_bytes() < trained().int8().network.weight_bytes() * 3 / 4);
  CHECK(trained().accuracy(Int8Network(four.network, torch::kCPU)) > 0.5);
}

TEST_CASE("the same images give the same int8 network, and other ones another", "[int8]") {
  const Int8Model first = trained().int8({.images = 32});
  const Int8Model again = trained().int8({.images = 32});
  CHECK((first.network.scales.input == again.network.scales.input));
  CHECK((first.network.scales.points == again.network.scales.points));
  for (std::size_t i = 0; i < first.network.weights.size(); ++i) {
    for (std::size_t slot = 0; slot < first.network.weights[i].size(); ++slot) {
      CHECK(first.network.weights[i][slot].values == again.network.weights[i][slot].values);
      CHECK(first.network.weights[i][slot].bias == again.network.weights[i][slot].bias);
    }
  }
  CHECK(!first.calibration.data_set.empty());
  Config other = trained().config;
  other.seed = 2;
  CHECK(
      (trained().int8({.images = 32}, other).network.scales.points != first.network.scales.points));
  // There are fewer images than asked for.
  CHECK(trained().int8({.images = 1'000'000}).calibration.images == 3000);
}

TEST_CASE("ONNX Runtime computes an int8 network on integers and answers as this program does",
          "[int8]") {
  if (const auto why = why_no_onnx_runtime(); !why.empty()) return skip_test(why);
  const TemporaryFolder folder;
  // Weights of 7 bits are exact on every processor, those of 8 bits if no sum saturates.
  for (const int bits : {8, 7}) {
    const Int8Model int8 = trained().int8({.weight_bits = bits});
    write_onnx(folder / "model.onnx", trained().model, int8);
    const double ours = trained().accuracy(Int8Network(int8.network, torch::kCPU));
    const double theirs =
        accuracy_in_onnx_runtime(folder / "model.onnx", trained().test, bits == 8);
    INFO(fmt::format("{} bits: here {:.2f} %, in ONNX Runtime {:.2f} %", bits, 100 * ours,
                     100 * theirs));
    CHECK(std::abs(ours - theirs) <= kMostApart);
  }
  auto kinds = kinds_in(folder / "model.onnx.optimized");
  CHECK(kinds["QLinearConv"] > 10);
  for (const char* kind : {"Conv", "Relu", "Gemm", "Concat", "AveragePool", "GlobalAveragePool"}) {
    INFO(kind);
    CHECK(kinds[kind] == 0);
  }
  CHECK(kinds["QuantizeLinear"] == 1);  // Of the images.
}

TEST_CASE("calibration without the data, or with those of other classes, is an error", "[int8]") {
  Config config = trained().config;
  config.data.format = DataFormat::Idx;
  config.data.path = trained().folder / "nowhere";
  CHECK(contains(error_of([&] { trained().int8({.images = 8}, config); }), "nowhere"));
  DeployedModel other = trained().model;
  other.classes[3] = "unicorn";
  Log log(Verbosity::Quiet, false);
  CHECK(contains(error_of([&] { make_int8(other, trained().config, {.images = 8}, log); }),
                 "usage: the data set has other classes than the network"));
}
