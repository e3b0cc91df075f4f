#include "hsconas/train/weight_average.hpp"

#include <algorithm>
#include <cmath>

#include <torch/types.h>

#include "catch.hpp"
#include "hsconas/supernet/calibration.hpp"
#include "hsconas/supernet/training_path.hpp"
#include "hsconas/train/trainer.hpp"
#include "supernet/networks.hpp"
#include "support/spaces.hpp"
#include "train/images.hpp"

using namespace hsconas;

TEST_CASE("the average follows its formula and changes the weights only in apply()", "[train]") {
  const torch::Tensor weight = torch::full({1}, 10.0F);
  WeightAverage average({{"w", weight}}, 0.9);
  double expected = 10.0;
  for (int step = 0; step < 200; ++step) {
    weight.fill_(step % 2 == 0 ? 4.0F : 2.0F);
    average.update(step);
    const double d = std::min(0.9, (1.0 + step) / (10.0 + step));
    expected = d * expected + (1.0 - d) * (step % 2 == 0 ? 4.0 : 2.0);
    REQUIRE(average.averages().at("w").item<double>() == Approx(expected).epsilon(1e-5));
  }
  CHECK(expected == Approx(3.0).margin(0.1));
  CHECK(weight.item<float>() == 2.0F);
  average.apply();
  CHECK(weight.item<double>() == Approx(expected));
}

TEST_CASE("tensors_of() returns views into the supernet, sliced to the path's widths",
          "[supernet]") {
  const SearchSpace space = tiny_space();
  Supernet supernet(space, torch::kCPU, 1);
  const Architecture arch{{0, 0}, {1, 1}, {2, 0}};
  const auto tensors = supernet.tensors_of(arch);
  std::int64_t weights = 0;
  for (const auto& [name, tensor] : tensors) {
    if (!name.ends_with(".momentum")) weights += tensor.numel();
  }
  CHECK(weights == space.cost(arch).weights);
  CHECK(tensors.contains("stem.0"));
  CHECK(tensors.contains("head.1"));
  tensors.at("layer0.0").fill_(7.0F);
  CHECK(supernet.parameters(1, 0)[0].value.flatten()[0].item<float>() == 7.0F);
}

TEST_CASE("the loss with a teacher follows the distillation formula", "[train]") {
  const SearchSpace space = tiny_space();
  const Architecture arch = space.uniform(0);
  const Batch batch{normal_images(space, 8, 1), torch::arange(8)};
  const SupernetConfig settings{.label_smoothing = 0.1};
  const FrozenNetwork teacher = FrozenNetwork::random(space.network(arch), torch::kCPU, 3);
  const auto loss = [&](const Distillation& distillation) {
    Supernet supernet(space, torch::kCPU, 1);
    return train_step(supernet, arch, batch, settings, 0.0, distillation).item<double>();
  };
  // The student's logits enter the formula below.
  Supernet supernet(space, torch::kCPU, 1);
  TrainingPath path(supernet, arch);
  const torch::Tensor logits = path.forward(batch.images).detach();
  const torch::Tensor answers = teacher.forward(batch.images).clone();
  const double labels_alone = loss({});
  for (const double t : {1.0, 4.0}) {
    const torch::Tensor p = torch::softmax(answers / t, 1);
    const double soft =
        -t * t * (p * torch::log_softmax(logits / t, 1)).sum(1).mean().item<double>();
    CHECK(loss({.teacher = &teacher, .weight = 1.0, .temperature = t}) ==
          Approx(soft).epsilon(1e-4));
    CHECK(loss({.teacher = &teacher, .weight = 0.25, .temperature = t}) ==
          Approx(0.75 * labels_alone + 0.25 * soft).epsilon(1e-4));
  }
}

TEST_CASE("a network that learns only from a teacher approaches the teacher's answers", "[train]") {
  const SearchSpace space = tiny_space(1);
  const Architecture arch = space.uniform(0);
  const torch::Tensor images = normal_images(space, 64, 2);
  Supernet taught(space, torch::kCPU, 5);
  const FrozenNetwork teacher = freeze(taught, arch, calibrate(taught, arch, {images}));
  Supernet supernet(space, torch::kCPU, 1);
  SupernetConfig settings;
  settings.weight_decay = 0.0;
  // The labels are all 0, so only the teacher carries information.
  const Batch batch{images, torch::zeros({64}, torch::kLong)};
  std::vector<double> losses;
  for (int step = 0; step < 30; ++step) {
    losses.push_back(train_step(supernet, arch, batch, settings, 0.2,
                                {.teacher = &teacher, .weight = 1.0, .temperature = 0.05})
                         .item<double>());
  }
  CHECK(losses.back() < 0.9 * losses.front());
}
