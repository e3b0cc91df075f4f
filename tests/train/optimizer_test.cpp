#include "hsconas/train/optimizer.hpp"

#include <cmath>
#include <map>
#include <set>

#include <torch/optim/sgd.h>
#include <torch/types.h>

#include "catch.hpp"
#include "supernet/networks.hpp"
#include "support/spaces.hpp"

using namespace hsconas;

namespace {

TrainingPath::Slice slice_of(const torch::Tensor& value, const torch::Tensor& momentum,
                             const torch::Tensor& gradient, bool decays) {
  torch::Tensor leaf = value.detach().clone().set_requires_grad(true);
  leaf.mutable_grad() = gradient.clone();
  return {value, momentum, leaf, decays};
}

}  // namespace

TEST_CASE("a step equals that of torch's SGD, with and without weight decay", "[train]") {
  const SupernetConfig config{.momentum = 0.9, .weight_decay = 0.01};
  for (const bool decays : {true, false}) {
    torch::Tensor value = normal_tensor({3, 5}, 1);
    torch::Tensor momentum = torch::zeros({3, 5});
    torch::Tensor plain = value.clone().set_requires_grad(true);
    torch::optim::SGD reference(
        std::vector<torch::Tensor>{plain},
        torch::optim::SGDOptions(0.1).momentum(0.9).weight_decay(decays ? 0.01 : 0.0));
    for (std::uint64_t step = 0; step < 6; ++step) {
      const torch::Tensor gradient = normal_tensor({3, 5}, 10 + step);
      const double lr = 0.1 / (1.0 + static_cast<double>(step));
      static_cast<torch::optim::SGDOptions&>(reference.param_groups().front().options()).lr(lr);
      plain.mutable_grad() = gradient.clone();
      reference.step();
      std::vector<TrainingPath::Slice> slices{slice_of(value, momentum, gradient, decays)};
      sgd_step(slices, config, lr);
      CHECK(max_difference(value, plain) < 1e-6);
    }
  }
}

TEST_CASE("clipping scales all gradients together down to the norm, never up", "[train]") {
  const torch::Tensor first = torch::tensor({3.0, 0.0});
  const torch::Tensor second = torch::tensor({{0.0}, {4.0}});  // Both together have norm 5.
  const auto stepped = [&](double clip_norm) {
    torch::Tensor a = torch::zeros({2});
    torch::Tensor b = torch::zeros({2, 1});
    std::vector<TrainingPath::Slice> slices{slice_of(a, torch::zeros({2}), first, true),
                                            slice_of(b, torch::zeros({2, 1}), second, true)};
    sgd_step(slices, {.momentum = 0.0, .weight_decay = 0.0, .clip_norm = clip_norm}, 1.0);
    return torch::cat({a, b.flatten()});
  };
  const torch::Tensor whole = torch::tensor({-3.0, -0.0, -0.0, -4.0});
  CHECK(torch::equal(stepped(0.0), whole));
  CHECK(torch::equal(stepped(100.0), whole));
  CHECK(max_difference(stepped(0.5), whole * 0.1) < 1e-6);
}

TEST_CASE("weight decay is added after clipping", "[train]") {
  torch::Tensor value = torch::ones({1});
  std::vector<TrainingPath::Slice> slices{
      slice_of(value, torch::zeros({1}), torch::full({1}, 10.0), true)};
  sgd_step(slices, {.momentum = 0.0, .weight_decay = 0.5, .clip_norm = 1.0}, 0.1);
  CHECK(value.item<double>() == Approx(1.0 - 0.1 * (1.0 + 0.5)));
}

TEST_CASE("steps change nothing outside the sampled slices, momentum included", "[train]") {
  const SearchSpace space = tiny_space(3);
  Supernet supernet(space, torch::kCPU, 1);
  const SupernetConfig config{.momentum = 0.9, .weight_decay = 0.1};
  const torch::Tensor labels = torch::tensor({1, 2, 3, 4}, torch::kLong);
  Rng rng(1, "test");
  for (std::uint64_t step = 0; step < 8; ++step) {
    std::map<std::string, torch::Tensor> before;
    for (const auto& [name, tensor] : supernet.tensors()) before[name] = tensor.clone();
    const Architecture arch = sample(Subspace::full(space), rng);
    INFO("step " << step << ": " << space.describe(arch));
    TrainingPath path(supernet, arch);
    torch::cross_entropy_loss(path.forward(normal_images(space, 4, step)), labels).backward();
    sgd_step(path.slices(), config, 0.1);

    const auto after = supernet.tensors();
    std::set<std::string> sampled;
    const auto network = space.network(arch);
    for (std::size_t position = 0; position < network.size(); ++position) {
      const std::string block =
          position == 0 ? "stem"
          : position == network.size() - 1
              ? "head"
              : "layer" + std::to_string(position - 1) + "." + network[position].name;
      int slot = 0;
      for (const auto& way : network[position].paths) {
        for (const Primitive& p : way.primitives) {
          if (!p.has_weight()) continue;
          for (const std::string suffix : {"", ".momentum"}) {
            const std::string name = block + "." + std::to_string(slot) + suffix;
            INFO(name);
            sampled.insert(name);
            torch::Tensor old_rest = before.at(name).clone();
            torch::Tensor new_rest = after.at(name).clone();
            torch::Tensor old_part = sliced(old_rest, p);
            torch::Tensor new_part = sliced(new_rest, p);
            CHECK(old_part.ne(new_part).any().item<bool>());
            old_part.zero_();
            new_part.zero_();
            CHECK(same_bits(old_rest, new_rest));
          }
          ++slot;
        }
      }
    }
    for (const auto& [name, tensor] : after) {
      INFO(name);
      if (!sampled.contains(name)) CHECK(same_bits(tensor, before.at(name)));
    }
  }
}

TEST_CASE("the learning rate falls from its full value to almost 0", "[train]") {
  for (const Schedule schedule : {Schedule::Linear, Schedule::Cosine}) {
    INFO(word_of(schedule));
    CHECK(learning_rate(schedule, 0.5, 0, 0, 100) == 0.5);
    CHECK(learning_rate(schedule, 0.5, 50, 0, 100) == Approx(0.25));
    CHECK(learning_rate(schedule, 0.5, 99, 0, 100) > 0.0);
    CHECK(learning_rate(schedule, 0.5, 99, 0, 100) <= Approx(0.005));
    for (std::int64_t step = 1; step < 100; ++step) {
      CHECK(learning_rate(schedule, 0.5, step, 0, 100) <
            learning_rate(schedule, 0.5, step - 1, 0, 100));
    }
  }
  CHECK(learning_rate(Schedule::Cosine, 1.0, 25, 0, 100) == Approx(0.5 + 0.5 * std::sqrt(0.5)));
  CHECK(learning_rate(Schedule::Linear, 1.0, 25, 0, 100) == Approx(0.75));
}

TEST_CASE("a warm-up rises linearly to the full rate, where the schedule starts", "[train]") {
  for (const Schedule schedule : {Schedule::Linear, Schedule::Cosine}) {
    CHECK(learning_rate(schedule, 0.5, 0, 10, 110) == Approx(0.05));
    CHECK(learning_rate(schedule, 0.5, 4, 10, 110) == Approx(0.25));
    CHECK(learning_rate(schedule, 0.5, 9, 10, 110) == 0.5);
    CHECK(learning_rate(schedule, 0.5, 10, 10, 110) == 0.5);
    CHECK(learning_rate(schedule, 0.5, 60, 10, 110) == Approx(0.25));
  }
  // A run shorter than its warm-up never gets further.
  CHECK(learning_rate(Schedule::Linear, 0.5, 4, 10, 5) == Approx(0.25));
  CHECK(learning_rate(Schedule::Linear, 0.5, 9, 10, 10) == 0.5);
}
