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
  std::vector<Precision> precisions;  ///< That it has.
  Precision automatic;
};

const std::vector<Device>& devices() {
  static const std::vector<Device> all{
      {"cpu", Purpose::Training, {Precision::Fp32, Precision::Bf16}, Precision::Fp32},
      {"cpu", Purpose::Scoring, {Precision::Fp32, Precision::Fp16}, Precision::Fp32},
      {"cuda", Purpose::Training, {Precision::Fp32, Precision::Bf16}, Precision::Bf16},
      {"cuda:1", Purpose::Training, {Precision::Fp32, Precision::Bf16}, Precision::Bf16},
      {"cuda",
       Purpose::Scoring,
       {Precision::Fp32, Precision::Bf16, Precision::Fp16},
       Precision::Fp16}};
  return all;
}

}  // namespace

TEST_CASE("a precision is what its device has, and auto the one that suits it", "[config]") {
  for (const Device& device : devices()) {
    INFO(device.name);
    CHECK(resolved_precision("key", Precision::Auto, device.purpose, device.name) ==
          device.automatic);
    for (const Precision word : {Precision::Fp32, Precision::Bf16, Precision::Fp16}) {
      const bool is_there = std::find(device.precisions.begin(), device.precisions.end(), word) !=
                            device.precisions.end();
      if (is_there) {
        CHECK(resolved_precision("key", word, device.purpose, device.name) == word);
      } else {
        CHECK_THROWS(resolved_precision("key", word, device.purpose, device.name));
      }
    }
  }
}

TEST_CASE("a compute policy names the device and the type of activations", "[config]") {
  const auto on_gpu = [](Precision precision) {
    return compute_policy("score.precision", precision, Purpose::Scoring, "cuda").precision;
  };
  CHECK(on_gpu(Precision::Fp32) == Number::Fp32);
  CHECK(on_gpu(Precision::Bf16) == Number::Bf16);
  CHECK(on_gpu(Precision::Fp16) == Number::Fp16);
  CHECK(on_gpu(Precision::Auto) == Number::Fp16);
}

TEST_CASE("a precision that the device does not have is refused with what it has", "[config]") {
  Config config;
  check_precisions(config);
  config.retrain.precision = Precision::Fp16;
  CHECK_THROWS_WITH(
      check_precisions(config),
      "retrain.precision is \"fp16\", but training on device.type \"cpu\" supports fp32 "
      "or bf16: set one of these, or auto");
  config.retrain.precision = Precision::Auto;
  config.score.precision = Precision::Bf16;
  CHECK_THROWS_WITH(
      check_precisions(config),
      "score.precision is \"bf16\", but scoring on device.type \"cpu\" supports fp32 or "
      "fp16: set one of these, or auto");
  config.device.type = "cuda";
  check_precisions(config);
  config.supernet.precision = Precision::Fp16;
  CHECK_THROWS_WITH(check_precisions(config),
                    "supernet.precision is \"fp16\", but training on device.type \"cuda\" supports "
                    "bf16 or fp32: set one of these, or auto");
}
