#include "hsconas/deploy/export.hpp"

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include <fmt/format.h>
#include <nlohmann/json.hpp>
#include <torch/script.h>

#include "catch.hpp"
#include "deploy/models.hpp"
#include "hsconas/base/files.hpp"
#include "onnx/onnx_interpreter.hpp"
#include "support/errors.hpp"
#include "support/skip.hpp"
#include "support/spaces.hpp"
#include "support/temporary_folder.hpp"

using namespace hsconas;

namespace {

constexpr double kOnnxTolerance = 1e-4;
constexpr double kTorchScriptTolerance = 1e-6;

std::vector<std::string> shipped_spaces() {
  std::vector<std::string> names;
  for (const auto& file : std::filesystem::directory_iterator(source_folder() / "configs/spaces")) {
    names.push_back(file.path().stem().string());
  }
  std::sort(names.begin(), names.end());
  return names;
}

/// Networks per space: HSCONAS_EXPORT_ARCHS, each at the space's image size; by default one, at
/// 32 pixels.
int archs_per_space() {
  const char* count = std::getenv("HSCONAS_EXPORT_ARCHS");
  return count == nullptr ? 1 : std::atoi(count);
}

std::vector<DeployedModel> models_of(const std::string& name) {
  SpaceDescription space = shipped_description(name);
  if (std::getenv("HSCONAS_EXPORT_ARCHS") == nullptr) space.image_size = 32;
  std::vector<DeployedModel> models;
  for (int i = 0; i < archs_per_space(); ++i) {
    models.push_back(random_model(space, static_cast<std::uint64_t>(i)));
  }
  return models;
}

void write_floats(const std::filesystem::path& file, const torch::Tensor& tensor) {
  const torch::Tensor dense = tensor.contiguous();
  std::ofstream(file, std::ios::binary)
      .write(static_cast<const char*>(dense.data_ptr()),
             static_cast<std::streamsize>(dense.nbytes()));
}

/// Writes images and this program's logits for the model `file`, at batch 1 and 8, to `folder`, and
/// adds an entry for each to `cases`, for run_program().
void add_case(const std::filesystem::path& folder, const std::string& file,
              const DeployedModel& model, nlohmann::json& cases) {
  const SearchSpace space(model.space);
  for (const int batch : {1, 8}) {
    const torch::Tensor images = normal_images(space, batch, 7);
    const std::string name = fmt::format("{}-{}", file, batch);
    write_floats(folder / (name + ".in"), images);
    write_floats(folder / (name + ".out"), model.network.forward(images));
    cases.push_back({{"model", file},
                     {"shape", images.sizes().vec()},
                     {"images", name + ".in"},
                     {"logits", name + ".out"}});
  }
}

/// Runs another program on the cases.json in `folder`, which prints the largest difference of
/// logits that it found. Returns its exit status.
int run_program(const std::string& command, const std::filesystem::path& folder) {
  return std::system(fmt::format("{} '{}' >&2", command, folder.string()).c_str());
}

std::string python_with_torch() {
  for (const char* python : {"python3", "/usr/bin/python3"}) {
    const std::string probe = fmt::format("{} -c 'import torch, numpy' 2> /dev/null", python);
    if (std::system(probe.c_str()) == 0) return python;
  }
  return "";
}

}  // namespace

TEST_CASE("an exported ONNX network gives the same logits, in every space and at any batch",
          "[deploy]") {
  const TemporaryFolder folder;
  for (const std::string& name : shipped_spaces()) {
    if (archs_per_space() > 1) continue;  // The test's interpreter would take hours.
    const DeployedModel model = models_of(name).front();
    write_onnx(folder / "model.onnx", model);
    const test::OnnxFile file(folder / "model.onnx");
    for (const int batch : {1, 3}) {
      const torch::Tensor images = normal_images(SearchSpace(model.space), batch, 7).contiguous();
      const auto* data = images.data_ptr<float>();
      const test::Array out = file.run({images.sizes().vec(), {data, data + images.numel()}});
      REQUIRE(out.dims == std::vector<std::int64_t>{batch, model.space.classes});
      INFO(name);
      CHECK(relative_difference(model.network.forward(images),
                                torch::tensor(out.values).view({batch, -1})) < kOnnxTolerance);
    }
    CHECK(nlohmann::json::parse(file.metadata.at("classes")).size() == model.classes.size());
    CHECK(file.metadata.at("arch") == SearchSpace(model.space).encode(model.arch));
    CHECK(file.metadata.at("mean").starts_with("[0.25"));
  }
}

TEST_CASE("the ONNX checker and its shape inference accept the exported files", "[deploy]") {
#ifdef HSCONAS_ONNX_CHECK
  const TemporaryFolder folder;
  std::string files;
  for (const std::string& name : shipped_spaces()) {
    int count = 0;
    for (const DeployedModel& model : models_of(name)) {
      const auto file = folder / fmt::format("{}-{}.onnx", name, count++);
      write_onnx(file, model);
      files += fmt::format(" '{}'", file.string());
    }
  }
  CHECK(std::system(fmt::format("'{}'{}", HSCONAS_ONNX_CHECK, files).c_str()) == 0);
#else
  skip_test("no libonnx-dev, so there is no ONNX checker");
#endif
}

TEST_CASE("ONNX Runtime gives the same logits at batch 1 and 8", "[deploy]") {
  if (std::getenv("HSCONAS_ORT_NODE") == nullptr) {
    return skip_test("HSCONAS_ORT_NODE names no folder with onnxruntime-node");
  }
  if (std::system("node --version > /dev/null 2>&1") != 0) return skip_test("no node");
  for (const std::string& name : shipped_spaces()) {
    const TemporaryFolder folder;
    nlohmann::json cases = nlohmann::json::array();
    int count = 0;
    for (const DeployedModel& model : models_of(name)) {
      const std::string file = fmt::format("{}-{}.onnx", name, count++);
      write_onnx(folder / file, model);
      add_case(folder / "", file, model, cases);
    }
    write_json(folder / "cases.json", cases);
    const auto script = source_folder() / "tests/scripts/run_onnx.mjs";
    CHECK(
        run_program(fmt::format("HSCONAS_TOLERANCE={} node '{}'", kOnnxTolerance, script.string()),
                    folder / "") == 0);
  }
}

TEST_CASE("an exported TorchScript network gives the same logits in C++, in every space",
          "[deploy]") {
  const TemporaryFolder folder;
  double largest = 0.0;
  for (const std::string& name : shipped_spaces()) {
    for (const DeployedModel& model : models_of(name)) {
      write_torchscript(folder / "model.pt", model);
      torch::jit::Module module = torch::jit::load((folder / "model.pt").string());
      module.eval();
      for (const int batch : {1, 8}) {
        const torch::NoGradGuard guard;
        const torch::Tensor images = normal_images(SearchSpace(model.space), batch, 7);
        const torch::Tensor logits = module.forward({images}).toTensor();
        INFO(name);
        const double difference = relative_difference(model.network.forward(images), logits);
        CHECK(difference < kTorchScriptTolerance);
        largest = std::max(largest, difference);
      }
    }
  }
  if (archs_per_space() > 1) WARN(fmt::format("largest relative difference {:.3g}", largest));
}

TEST_CASE("a TorchScript network loaded in Python gives the same logits", "[deploy]") {
  const std::string python = python_with_torch();
  if (python.empty()) return skip_test("no python3 with torch and numpy");
  const TemporaryFolder folder;
  nlohmann::json cases = nlohmann::json::array();
  for (const char* name : {"fashion-28", "fbnet"}) {
    const DeployedModel model = models_of(name).front();
    const std::string file = std::string(name) + ".pt";
    write_torchscript(folder / file, model);
    add_case(folder / "", file, model, cases);
  }
  write_json(folder / "cases.json", cases);
  const auto script = source_folder() / "tests/scripts/run_torchscript.py";
  CHECK(run_program(fmt::format("HSCONAS_TOLERANCE=1e-5 {} '{}'", python, script.string()),
                    folder / "") == 0);
}

TEST_CASE("a saved model is loaded without any change", "[deploy]") {
  const TemporaryFolder folder;
  for (const std::string& name : shipped_spaces()) {
    const DeployedModel model = models_of(name).front();
    save_model(folder / kModelFile, model);
    const DeployedModel back = load_model(folder / "");
    CHECK((back.arch == model.arch));
    CHECK(back.classes == model.classes);
    CHECK(back.normalisation.mean == model.normalisation.mean);
    CHECK(back.weights == "retrained");
    CHECK(describe_model(back) == describe_model(model));
    const torch::Tensor images = normal_images(SearchSpace(model.space), 2, 7);
    CHECK(same_bits(back.network.forward(images), model.network.forward(images)));
  }
}

TEST_CASE(
    "a model whose files are missing or contradict each other is an error that names the file",
    "[deploy]") {
  const TemporaryFolder folder;
  const DeployedModel model = random_model(tiny_description(), 1);
  const auto complaint = [&] { return error_of([&] { load_model(folder / ""); }); };
  CHECK(contains(complaint(), "architecture.json"));
  save_model(folder / kModelFile, model);
  const auto change = [&](const char* key, const nlohmann::json& value) {
    nlohmann::json description = describe_model(model);
    description[key] = value;
    write_json(folder / kArchitectureFile, description);
    return complaint();
  };
  CHECK(contains(change("arch", "0:0"), "architecture.json: "));
  CHECK(contains(change("classes", {"a"}), "do not fit the space"));
  CHECK(contains(change("format", "x"), "has the format x, not hsconas-architecture-1"));
  DeployedModel other = random_model(tiny_description(), 4);
  REQUIRE((other.arch != model.arch));
  write_json(folder / kArchitectureFile, describe_model(other));
  CHECK(contains(complaint(), "model.safetensors: "));
  CHECK(complaint().starts_with("data: "));
}
