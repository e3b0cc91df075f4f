#include "hsconas/train/fine_tuning.hpp"

#include <algorithm>
#include <cmath>
#include <vector>

#include <torch/types.h>

#include "catch.hpp"
#include "hsconas/int8/integer_weights.hpp"
#include "supernet/networks.hpp"
#include "support/errors.hpp"
#include "train/images.hpp"
#include "train/training.hpp"

using namespace hsconas;

namespace {

/// Fine-tuning of the largest network on bright_sides().
struct Tuned {
  explicit Tuned(std::vector<int> bits, std::int64_t steps = 40, double lr = 0.05)
      : tuning{.bits = std::move(bits), .settings = small_settings(), .steps = steps} {
    tuning.settings.lr = lr;
  }

  std::vector<double> run() {
    const auto source = bright_sides();
    TrainLoader loader(source, all_indices(*source), plain_images(),
                       {.batch = tuning.settings.batch, .workers = 1});
    return fine_tune(supernet, space.uniform(0), tuning, loader, stop);
  }

  SearchSpace space{bright_description()};
  Supernet supernet{space, torch::kCPU, 1};
  FineTuning tuning;
  StopToken stop;
};

double mean_of_last(const std::vector<double>& losses) {
  double sum = 0.0;
  for (std::size_t i = losses.size() - 8; i < losses.size(); ++i) sum += losses[i];
  return sum / 8.0;
}

}  // namespace

TEST_CASE("a rounded weight stands for the integers of quantise_weights()", "[compression]") {
  torch::Tensor weight = normal_tensor({6, 4, 3, 3}, 1);
  weight[2].zero_();
  for (const int bits : {2, 4, 7, 8}) {
    const torch::Tensor rounded = rounded_weight(weight, bits);
    const IntegerWeights integers =
        quantise_weights({.values = {weight.data_ptr<float>(), 6 * 36}, .bias = {}}, 6, {}, bits);
    bool is_same = true;
    for (std::size_t i = 0; i < integers.values.size(); ++i) {
      const float real = integers.scales[i / 36] * static_cast<float>(integers.values[i]);
      is_same = is_same && rounded.data_ptr<float>()[i] == real;
    }
    CHECK(is_same);
    CHECK(same_bits(rounded_weight(rounded, bits), rounded));
  }
}

TEST_CASE(
    "fine-tuning with rounded weights changes the weights before rounding and lowers the loss",
    "[compression]") {
  Tuned tuned({4, 3, 4, 8});
  const torch::Tensor before = tuned.supernet.flat_values().clone();
  const std::vector<double> losses = tuned.run();
  REQUIRE(losses.size() == 40);
  CHECK(mean_of_last(losses) < 0.8 * losses.front());
  CHECK(max_difference(before, tuned.supernet.flat_values()) > 1e-3);
  // The weights are not rounded themselves, until they are asked to be.
  const auto stem = [&] { return tuned.supernet.parameters(0, 0)[0].value; };
  CHECK(!same_bits(rounded_weight(stem(), 4), stem()));
  round_weights(tuned.supernet, tuned.space.uniform(0), tuned.tuning.bits);
  CHECK(same_bits(rounded_weight(stem(), 4), stem()));
  // Weights of other operators are untouched.
  Tuned other({4, 3, 4, 8});
  CHECK(same_bits(other.supernet.parameters(1, 1)[0].value,
                  tuned.supernet.parameters(1, 1)[0].value));
}

TEST_CASE("fine-tuning without bits rounds nothing, and learns more", "[compression]") {
  Tuned plain({});
  Tuned rough({2, 2, 2, 2});
  CHECK(mean_of_last(plain.run()) < mean_of_last(rough.run()));
  const torch::Tensor before = plain.supernet.flat_values().clone();
  round_weights(plain.supernet, plain.space.uniform(0), {});
  CHECK(same_bits(before, plain.supernet.flat_values()));
}

TEST_CASE("fine-tuning repeats bit for bit, stops on request and reports a loss that is not finite",
          "[compression]") {
  Tuned first({4, 4, 4, 4}, 6);
  Tuned again({4, 4, 4, 4}, 6);
  CHECK(first.run() == again.run());
  CHECK(same_state(first.supernet, again.supernet));
  Tuned wild({}, 6, 1e30);
  CHECK(contains(error_of([&] { wild.run(); }), "lower the learning rate, codesign.tune_lr"));
  first.stop.request();
  CHECK(contains(error_of([&] { first.run(); }), "stopped on request"));
}
