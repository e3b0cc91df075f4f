#include "hsconas/config/precision.hpp"

#include <algorithm>
#include <string>
#include <vector>

#include "catch.hpp"

using namespace hsconas;

namespace {

struct Device {
  std::string name;
  Purpose purpose;
  std::vector<std::string> words;  ///< That it has.
  std::string automatic;
};

const std::vector<Device>& devices() {
  static const std::vector<Device> all{
      {"cpu", Purpose::Training, {"fp32", "bf16"}, "fp32"},
      {"cpu", Purpose::Scoring, {"fp32", "fp16"}, "fp32"},
      {"cuda", Purpose::Training, {"fp32", "bf16"}, "bf16"},
      {"cuda:1", Purpose::Training, {"fp32", "bf16"}, "bf16"},
      {"cuda", Purpose::Scoring, {"fp32", "bf16", "fp16"}, "fp16"}};
  return all;
}

}  // namespace

TEST_CASE("a precision is what its device has, and auto the one that suits it", "[config]") {
  for (const Device& device : devices()) {
    INFO(device.name);
    CHECK(resolved_precision("key", "auto", device.purpose, device.name) == device.automatic);
    for (const std::string word : {"fp32", "bf16", "fp16"}) {
      const bool is_there =
          std::find(device.words.begin(), device.words.end(), word) != device.words.end();
      if (is_there) {
        CHECK(resolved_precision("key", word, device.purpose, device.name) == word);
      } else {
        CHECK_THROWS(resolved_precision("key", word, device.purpose, device.name));
      }
    }
  }
}

TEST_CASE("a precision's word names a type of numbers", "[config]") {
  const auto on_gpu = [](const char* word) {
    return precision_of("score.precision", word, Purpose::Scoring, "cuda");
  };
  CHECK(on_gpu("fp32") == Number::Fp32);
  CHECK(on_gpu("bf16") == Number::Bf16);
  CHECK(on_gpu("fp16") == Number::Fp16);
  CHECK(on_gpu("auto") == Number::Fp16);
}

TEST_CASE("a precision that the device does not have is refused with what it has", "[config]") {
  Config config;
  check_precisions(config);
  config.retrain.precision = "fp16";
  CHECK_THROWS_WITH(check_precisions(config),
                    "retrain.precision is \"fp16\", but training on device.type \"cpu\" takes fp32 "
                    "or bf16: set one of these, or auto");
  config.retrain.precision = "auto";
  config.score.precision = "bf16";
  CHECK_THROWS_WITH(check_precisions(config),
                    "score.precision is \"bf16\", but scoring on device.type \"cpu\" takes fp32 or "
                    "fp16: set one of these, or auto");
  config.device.type = "cuda";
  check_precisions(config);
  config.supernet.precision = "fp16";
  CHECK_THROWS_WITH(check_precisions(config),
                    "supernet.precision is \"fp16\", but training on device.type \"cuda\" takes "
                    "bf16 or fp32: set one of these, or auto");
}
