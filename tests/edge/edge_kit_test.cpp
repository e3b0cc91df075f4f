#include "hsconas/edge/edge_kit.hpp"

#include <algorithm>
#include <cmath>
#include <map>
#include <set>
#include <string>
#include <utility>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "catch.hpp"
#include "hsconas/base/csv.hpp"
#include "hsconas/base/error.hpp"
#include "hsconas/base/files.hpp"
#include "hsconas/base/rng.hpp"
#include "hsconas/latency/measure.hpp"
#include "onnx/onnx_interpreter.hpp"
#include "support/errors.hpp"
#include "support/spaces.hpp"
#include "support/temporary_folder.hpp"

using namespace hsconas;

namespace {

const DeviceInfo kDevice{
    .device = "phone", .threads = 1, .batch = 1, .precision = "fp32", .versions = "test"};

EdgeKit tiny_kit() {
  Log log(Verbosity::Quiet, false);
  return plan_edge_kit(tiny_space(), {.batch = 2, .bias_networks = 12, .test_networks = 6}, 1, log);
}

/// The time of a block on the simulated device.
double block_ms(const Block& block) {
  return block.is_identity() ? 0.0 : 0.02 + 1e-6 * static_cast<double>(cost_of(block).macs);
}

/// The kit's results on a simulated device, where a network takes the sum of its blocks plus 0.3
/// ms.
std::map<std::string, double> results_of(const EdgeKit& kit) {
  const SearchSpace space(kit.space);
  std::map<std::string, double> times;
  for (const Block& block : distinct_blocks(space)) times[block.key()] = block_ms(block);
  std::map<std::string, double> by_file;
  for (const KitModel& model : kit.models) {
    double ms = 0.3;
    if (model.role == "block") {
      ms = times.at(model.key);
    } else {
      for (const Block& block : space.network(space.decode(model.key))) ms += block_ms(block);
    }
    by_file[model.file] = ms;
  }
  return by_file;
}

std::string as_csv(const std::map<std::string, double>& times) {
  std::string text = "file,ms\n";
  for (const auto& [file, ms] : times) text += fmt::format("{},{}\n", file, ms);
  return text;
}

}  // namespace

TEST_CASE("a kit holds every block of the table once, and networks of every role", "[deploy]") {
  const EdgeKit kit = tiny_kit();
  std::set<std::string> blocks;
  for (const Block& block : distinct_blocks(tiny_space())) blocks.insert(block.key());
  std::map<std::string, int> roles;
  std::set<std::string> keys;
  std::set<std::string> files;
  for (const KitModel& model : kit.models) {
    ++roles[model.role];
    CHECK(keys.insert(model.key).second);
    CHECK(files.insert(model.file).second);
    if (model.role == "block") blocks.erase(model.key);
  }
  CHECK(blocks.empty());
  CHECK(roles["fit"] == 12);
  CHECK(roles["test"] == 6);
  CHECK(roles["spread"] == 6);
  CHECK(files.contains(kit.reference));
}

TEST_CASE("a kit's models run with the shared weights, and their values neither vanish nor explode",
          "[deploy]") {
  const TemporaryFolder folder;
  const EdgeKit kit = tiny_kit();
  write_edge_kit(folder / "kit", kit, 1);
  Rng rng(1, "images");
  std::set<std::string> seen;
  for (const KitModel& model : kit.models) {
    const bool is_first_network = model.role != "block" && seen.insert("network").second;
    if (model.role == "block" || is_first_network) {
      const test::OnnxFile file(folder / "kit" / model.file);
      test::Array images{{kit.batch, model.channels, model.size, model.size}, {}};
      for (std::int64_t i = 0; i < test::count_of(images.dims); ++i) {
        images.values.push_back(static_cast<float>(rng.uniform()));
      }
      for (const float value : file.run(images).values) {
        CHECK(std::isfinite(value));
        CHECK(std::abs(value) < 100.0F);
        CHECK((value == 0.0F || std::abs(value) > 1e-30F));
      }
    }
  }
  CHECK(std::filesystem::file_size(folder / "kit" / "weights.bin") < 4'000'000);
  CHECK(read_file(folder / "kit" / "run.py").starts_with("#!/usr/bin/env python3\n"));
  CHECK(read_file(folder / "kit" / "run_trtexec.sh").starts_with("#!/bin/sh\n"));
  const CsvTable manifest = CsvTable::load(folder / "kit" / "manifest.csv");
  CHECK(manifest.rows() == kit.models.size() + 1);  // The reference has a second row.
  CHECK(manifest.text(manifest.rows() - 1, manifest.column("role")) == "reference");
  CHECK_THROWS_WITH(write_edge_kit(folder / "kit", kit, 1),
                    (folder / "kit").string() + " is not empty; name a new folder for the kit");
}

TEST_CASE("an int8 kit's blocks take and return integers, which neither vanish nor saturate",
          "[deploy][int8]") {
  const TemporaryFolder folder;
  EdgeKit kit = tiny_kit();
  write_edge_kit(folder / "fp32", kit, 1);
  kit.is_int8 = true;
  write_edge_kit(folder / "int8", kit, 1);
  Rng rng(1, "images");
  const std::string stem = tiny_space().stem().key();
  bool has_network = false;
  for (const KitModel& model : kit.models) {
    const bool is_block = model.role == "block";
    if (!is_block && std::exchange(has_network, true)) continue;
    const test::OnnxFile file(folder / "int8" / model.file);
    const bool is_inside = is_block && model.key != stem;
    CHECK(file.inputs.at(0).type == (is_inside ? 2 : 1));
    test::Array images{{kit.batch, model.channels, model.size, model.size}, {}};
    for (std::int64_t i = 0; i < test::count_of(images.dims); ++i) {
      const double draw = rng.uniform();
      images.values.push_back(static_cast<float>(is_inside ? std::floor(256.0 * draw) : draw));
    }
    const test::Array out = file.run(images);
    std::set<float> different(out.values.begin(), out.values.end());
    CHECK(different.size() > 5);
    if (file.outputs.at(0).type == 1) continue;  // Logits.
    const auto ends = std::count_if(out.values.begin(), out.values.end(),
                                    [](float value) { return value == 255.0F; });
    CHECK(ends < std::ssize(out.values) / 20);
  }
  // Weights of one byte instead of four.
  CHECK(std::filesystem::file_size(folder / "int8/weights.bin") <
        std::filesystem::file_size(folder / "fp32/weights.bin") / 3);
  CHECK(std::filesystem::exists(folder / "int8/run.py"));
  CHECK(!std::filesystem::exists(folder / "int8/run_trtexec.sh"));
  const EdgeKit back = load_edge_kit(folder / "int8");
  CHECK(back.is_int8);
  CHECK(!load_edge_kit(folder / "fp32").is_int8);
  write_file(folder / "int8/results.csv", as_csv(results_of(back)));
  CHECK(table_of_results(folder / "int8/results.csv", back, kDevice).device.precision == "int8");
}

TEST_CASE("the same seed writes the same kit", "[deploy]") {
  const TemporaryFolder folder;
  for (const bool is_int8 : {false, true}) {
    EdgeKit kit = tiny_kit();
    kit.is_int8 = is_int8;
    const std::string kind = is_int8 ? "int8" : "fp32";
    for (const char* name : {"a", "b"}) write_edge_kit(folder / (kind + name), kit, 1);
    for (const char* file : {"manifest.json", "manifest.csv", "weights.bin", "network0003.onnx"}) {
      CHECK(read_file(folder / (kind + "a") / file) == read_file(folder / (kind + "b") / file));
    }
  }
}

TEST_CASE("a kit's results become a table that predicts networks it was not fitted on",
          "[deploy]") {
  const TemporaryFolder folder;
  write_edge_kit(folder / "kit", tiny_kit(), 1);
  const EdgeKit kit = load_edge_kit(folder / "kit");
  const auto file = folder / "kit" / "results.csv";
  write_file(file, as_csv(results_of(kit)));
  const LatencyTable table = table_of_results(file, kit, kDevice);
  CHECK(table.device.batch == 2);
  CHECK(table.calibration.size() == 12);
  REQUIRE(table.test.size() == 6);
  REQUIRE(table.test_spread.size() == 6);
  for (const auto* list : {&table.test, &table.test_spread}) {
    for (const MeasuredNetwork& network : *list) {
      CHECK(network.predicted_ms == Approx(network.measured_ms).epsilon(0.01));
    }
  }
  // Random networks are in `test`, spread ones in `test_spread`.
  std::set<std::string> random;
  for (const KitModel& model : kit.models) {
    if (model.role == "test") random.insert(model.key);
  }
  for (const MeasuredNetwork& network : table.test) CHECK(random.contains(network.arch));
  for (const MeasuredNetwork& network : table.test_spread) CHECK(!random.contains(network.arch));
}

TEST_CASE("incomplete or invalid results are an error that names the model", "[deploy]") {
  const TemporaryFolder folder;
  const EdgeKit kit = tiny_kit();
  const auto file = folder / "results.csv";
  const auto complaint = [&](const std::map<std::string, double>& times,
                             const std::string& more = "") {
    write_file(file, as_csv(times) + more);
    try {
      table_of_results(file, kit, kDevice);
    } catch (const Error& error) {
      CHECK(error.kind() == ErrorKind::Data);
      const std::string text = error.what();
      REQUIRE(text.starts_with(file.string()));
      return text.substr(file.string().size());
    }
    return std::string("nothing");
  };
  const auto all = results_of(kit);
  auto some = all;
  some.erase("block0001.onnx");
  some.erase("network0000.onnx");
  CHECK(complaint(some) ==
        fmt::format(": lacks the times of 2 of the kit's {} models, first block0001.onnx ({}); let "
                    "the runner finish on the device",
                    kit.models.size(), kit.models[1].key));
  CHECK(complaint(all, "block9.onnx,1\n") ==
        fmt::format(":{}: file block9.onnx is no model of this kit", all.size() + 2));
  CHECK(complaint(all, "block0001.onnx,1\n") ==
        fmt::format(":{}: file block0001.onnx is given twice", all.size() + 2));
  some = all;
  some["block0000.onnx"] = 0.0;
  CHECK(complaint(some) == ":2: ms must be a time > 0, got 0");
}

TEST_CASE("a manifest of another format is an error that names the file", "[deploy]") {
  const TemporaryFolder folder;
  write_file(folder / "manifest.json", "{\"format\": \"other\"}");
  const std::string error = error_of([&] { load_edge_kit(folder / ""); });
  CHECK(contains(error, "manifest.json: not the manifest of an edge kit"));
  CHECK(error.starts_with("data: "));
  EdgeKit kit = tiny_kit();
  kit.is_int8 = true;
  write_edge_kit(folder / "kit", kit, 1);
  nlohmann::json manifest = read_json(folder / "kit/manifest.json");
  manifest["precision"] = "int3";
  write_json(folder / "kit/manifest.json", manifest);
  CHECK(contains(error_of([&] { load_edge_kit(folder / "kit"); }), "precision is unknown: int3"));
}
