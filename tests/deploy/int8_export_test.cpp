#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <vector>

#include <fmt/format.h>
#include <nlohmann/json.hpp>
#include <torch/types.h>

#include "catch.hpp"
#include "deploy/models.hpp"
#include "hsconas/base/files.hpp"
#include "hsconas/deploy/export.hpp"
#include "hsconas/supernet/int8_network.hpp"
#include "onnx/onnx_interpreter.hpp"
#include "support/skip.hpp"
#include "support/spaces.hpp"
#include "support/temporary_folder.hpp"

using namespace hsconas;

namespace {

/// A random network of the shipped space `name` at 32 pixels, and its int8 form.
struct Int8Example {
  explicit Int8Example(const std::string& name) {
    SpaceDescription space = shipped_description(name);
    space.image_size = 32;
    model = random_model(space, 3);
    const SearchSpace searched(space);
    int8 = {.network = quantise(model.network,
                                measure_scales(model.network, {normal_images(searched, 4, 1)})),
            .calibration = {.images = 4, .seed = 7, .data_set = "none"}};
    images = normal_images(searched, 2, 7).contiguous();
  }

  DeployedModel model{.space = {}, .arch = {}, .network = FrozenNetwork({})};
  Int8Model int8;
  torch::Tensor images;
};

std::vector<std::string> spaces() {
  std::vector<std::string> names;
  for (const auto& file : std::filesystem::directory_iterator(source_folder() / "configs/spaces")) {
    names.push_back(file.path().stem().string());
  }
  std::sort(names.begin(), names.end());
  return names;
}

}  // namespace

TEST_CASE("an exported int8 network gives this program's logits, in every space", "[int8]") {
  const TemporaryFolder folder;
  for (const std::string& name : spaces()) {
    const Int8Example example(name);
    write_onnx(folder / "model.onnx", example.model, example.int8);
    const test::OnnxFile file(folder / "model.onnx");
    const auto* data = example.images.data_ptr<float>();
    const test::Array out =
        file.run({example.images.sizes().vec(), {data, data + example.images.numel()}});
    const torch::Tensor logits =
        Int8Network(example.int8.network, torch::kCPU).forward(example.images);
    INFO(name);
    REQUIRE(out.dims == logits.sizes().vec());
    // Both compute the same integers, except that sums in fp32 and in fp64 may be rounded to
    // neighbouring ones.
    const double difference =
        relative_difference(logits, torch::tensor(out.values).view(logits.sizes()));
    CHECK(difference < 0.03);
    CHECK(nlohmann::json::parse(file.metadata.at("int8_calibration"))["images"] == 4);
    CHECK(file.metadata.at("arch") == SearchSpace(example.model.space).encode(example.model.arch));
  }
}

TEST_CASE("the ONNX checker and its shape inference accept int8 files", "[int8]") {
#ifdef HSCONAS_ONNX_CHECK
  const TemporaryFolder folder;
  std::string files;
  for (const std::string& name : spaces()) {
    const Int8Example example(name);
    const auto file = folder / (name + ".onnx");
    write_onnx(file, example.model, example.int8);
    files += fmt::format(" '{}'", file.string());
  }
  CHECK(std::system(fmt::format("'{}'{}", HSCONAS_ONNX_CHECK, files).c_str()) == 0);
#else
  skip_test("no libonnx-dev, so there is no ONNX checker");
#endif
}

TEST_CASE("an int8 file is less than half as large, and equal models give equal files", "[int8]") {
  const TemporaryFolder folder;
  const Int8Example example("hsconas-a");
  write_onnx(folder / "fp32.onnx", example.model);
  write_onnx(folder / "int8.onnx", example.model, example.int8);
  const Int8Example again("hsconas-a");
  write_onnx(folder / "again.onnx", again.model, again.int8);
  CHECK(std::filesystem::file_size(folder / "int8.onnx") <
        std::filesystem::file_size(folder / "fp32.onnx") / 2);
  CHECK(read_file(folder / "int8.onnx") == read_file(folder / "again.onnx"));
}
