#include "hsconas/accel/layer.hpp"

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <map>

#include <nlohmann/json.hpp>

#include "accel/layers.hpp"
#include "catch.hpp"
#include "hsconas/space/subspace.hpp"
#include "support/errors.hpp"
#include "support/reference_data.hpp"
#include "support/spaces.hpp"

using namespace hsconas;
using namespace hsconas::test;
using nlohmann::json;

namespace {

Network shipped_network(const std::string& name) {
  return load_network(source_folder() / "configs" / "networks" / (name + ".json"));
}

}  // namespace

TEST_CASE("a convolution's output follows from its input, window, stride and padding", "[accel]") {
  const Layer layer = make_conv({.channels = 6,
                                 .filters = 4,
                                 .in_y = 224,
                                 .in_x = 30,
                                 .r = 7,
                                 .s = 3,
                                 .stride = 2,
                                 .dilation = 2,
                                 .pad_y = 6,
                                 .pad_x = 2,
                                 .groups = 2,
                                 .batch = 3});
  CHECK(layer.oy == 112);
  CHECK(layer.ox == 15);
  CHECK(layer.k == 2);
  CHECK(layer.c == 3);
  CHECK(layer.macs() == 3LL * 2 * 2 * 3 * 7 * 3 * 112 * 15);
  CHECK(layer.weights() == 2LL * 2 * 3 * 7 * 3);
  CHECK(layer.outputs() == 3LL * 4 * 112 * 15);
}

TEST_CASE("input words count what outputs read, without padding", "[accel]") {
  // With stride 2 and a window of one pixel, rows 0 to 12 of 14 are read, but not the last.
  const Layer strided = make_conv({.in_y = 14, .in_x = 14, .stride = 2});
  CHECK(strided.inputs() == 13 * 13);
  const Layer padded =
      make_conv({.channels = 2, .in_y = 14, .in_x = 14, .r = 3, .s = 3, .pad_y = 1, .pad_x = 1});
  CHECK(padded.inputs() == 2 * 14 * 14);
}

TEST_CASE("an invalid layer is an error that names it", "[accel]") {
  CHECK(error_of([] { make_conv({.name = "a", .channels = 3, .filters = 4, .groups = 2}); }) ==
        "usage: layer a: 2 groups do not divide 3 channels and 4 filters");
  CHECK(error_of([] { make_conv({.name = "a", .in_y = 2, .in_x = 9, .r = 5}); }) ==
        "usage: layer a: a window of 5 does not fit 2 pixels");
  CHECK(error_of([] { make_conv({.name = "a", .filters = 0}); }) ==
        "usage: layer a: filters must be in [1, 1048576], got 0");
  CHECK(contains(error_of([] {
                   make_conv({.name = "a",
                              .channels = 1 << 20,
                              .filters = 1 << 20,
                              .in_y = 1 << 10,
                              .in_x = 1 << 10});
                 }),
                 "multiply-adds are too many"));
}

TEST_CASE("every architecture of every shipped space is a workload with its multiply-adds",
          "[accel]") {
  Rng rng(1, "layer-test");
  for (const auto& file :
       std::filesystem::directory_iterator(source_folder() / "configs" / "spaces")) {
    const SearchSpace space = shipped_space(file.path().stem().string());
    for (int i = 0; i < 20; ++i) {
      const Architecture arch = sample(Subspace::full(space), rng);
      const Network network = network_of(space, arch);
      CAPTURE(space.encode(arch));
      CHECK(network.macs() == space.cost(arch).macs);
      CHECK(network.name == space.encode(arch));
      // Images are square, so all outputs must be.
      CHECK(std::all_of(network.layers.begin(), network.layers.end(),
                        [](const Layer& layer) { return layer.oy == layer.ox; }));
    }
  }
}

TEST_CASE("layers of a block keep its strides, groups and padding", "[accel]") {
  const SearchSpace space = tiny_space();
  const auto layers = layers_of(space.block(0, {0, 1}));  // shuffle_k3, 16 -> 32, stride 2.
  REQUIRE(layers.size() == 5);
  const Layer& depthwise = layers[0];
  CHECK(depthwise.name == "shuffle_k3/0");
  CHECK(depthwise.g == 16);
  CHECK(depthwise.k == 1);
  CHECK(depthwise.c == 1);
  CHECK(depthwise.r == 3);
  CHECK(depthwise.stride == 2);
  CHECK(depthwise.in_y == 16);
  CHECK(depthwise.oy == 8);
  CHECK(depthwise.pad_y == 1);
}

TEST_CASE("the shipped networks have the multiply-adds that torchvision lists", "[accel]") {
  const auto giga = [](const char* name) {
    return std::round(static_cast<double>(shipped_network(name).macs()) / 1e7) / 100.0;
  };
  CHECK(giga("resnet18") == 1.81);
  CHECK(giga("mobilenetv2") == 0.30);
  CHECK(giga("shufflenetv2") == 0.14);
}

namespace {

void check_layers_are_shipped(const std::filesystem::path& file) {
  const CsvTable csv = CsvTable::load(file);
  const std::map<std::string, Network> networks{
      {"resnet18", shipped_network("resnet18")},
      {"mobilenetv2", shipped_network("mobilenetv2")},
      {"shufflenetv2_1x", shipped_network("shufflenetv2")}};
  int missing = 0;
  for (std::size_t row = 0; row < csv.rows(); ++row) {
    const auto network = networks.find(csv.text(row, csv.column("net")));
    if (network == networks.end()) continue;
    const Layer wanted = reference_layer(csv, row);
    const auto& layers = network->second.layers;
    const bool is_there = std::any_of(layers.begin(), layers.end(), [&](const Layer& layer) {
      return layer.k == wanted.k && layer.c == wanted.c && layer.g == wanted.g &&
             layer.r == wanted.r && layer.stride == wanted.stride && layer.oy == wanted.oy;
    });
    if (!is_there && ++missing < 4) UNSCOPED_INFO(network->first << " " << wanted.name);
  }
  CHECK(missing == 0);
}

}  // namespace

TEST_CASE("the shipped networks hold every layer of the reference tables", "[accel]") {
  check_few_and_all("maestro.csv", "accelerator/maestro.csv.gz", check_layers_are_shipped);
}

TEST_CASE("a network file is read strictly", "[accel]") {
  const auto reading = [](const char* text) {
    return error_of([&] { read_network(json::parse(text)); });
  };
  CHECK(reading(R"({"name": "a", "layers": []})") ==
        "usage: network.layers must be a list of layers");
  CHECK(reading(R"({"name": "a", "layers": [{"name": "l", "input": [1, 2], "filters": 3}]})") ==
        "usage: network.layers[0].input must be [channels, rows, columns]");
  CHECK(reading(R"({"name": "a", "layers": [{"name": "l", "type": "pool"}]})") ==
        "usage: network.layers[0].type must be conv or gemm, got \"pool\"");
  CHECK(contains(reading(R"({"name": "a", "layers": [{"name": "l", "input": [1, 2, 2],
                              "filters": 3, "kernal": 3}]})"),
                 "network.layers[0].kernal is not a known key (did you mean 'kernel'?)"));
  CHECK(contains(reading(R"({"name": "a", "layers": [{"name": "l", "input": [1, 2, 2],
                              "filters": 3, "count": 0}]})"),
                 "count must be at least 1, got 0"));
}
