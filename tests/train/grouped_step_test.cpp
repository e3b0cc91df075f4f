// Batches of several groups, and several ranks that share them.

#include <algorithm>
#include <array>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include <torch/types.h>
#include <torch/utils.h>

#include "catch.hpp"
#include "hsconas/supernet/calibration.hpp"
#include "hsconas/supernet/frozen_network.hpp"
#include "hsconas/train/optimizer.hpp"
#include "support/errors.hpp"
#include "support/thread_group.hpp"
#include "train/training.hpp"

using namespace hsconas;

namespace {

constexpr int kGroups = 4;

using Ranks = std::vector<std::unique_ptr<Training>>;
using Tensors = std::map<std::string, torch::Tensor>;

/// A training of four groups, to be changed by `prepare` and run by the ranks of a group.
struct SharedTraining {
  SpaceDescription description = bright_description();
  std::function<void(Training& training, int rank)> prepare = [](Training&, int) {};
  std::int64_t first_step = 0;
  const Tensors* tensors = nullptr;  ///< When set, loaded before.

  std::vector<std::string> ends{};
  Ranks ranks{};

  void run(int size) {
    ranks.clear();
    ranks.resize(static_cast<std::size_t>(size));
    ends = run_ranks(size, [&](const std::shared_ptr<ProcessGroup>& group) {
      torch::set_num_threads(1);
      auto& training = ranks[static_cast<std::size_t>(group->rank())];
      training = std::make_unique<Training>(description);
      training->group = group;
      training->stage.settings.groups = kGroups;
      if (tensors != nullptr) training->supernet.load(*tensors);
      prepare(*training, group->rank());
      training->run(first_step);
    });
  }

  bool all_end(const std::string& how) const {
    return std::all_of(ends.begin(), ends.end(), [&](const auto& end) { return end == how; });
  }
  /// Whether every rank has the weights and momentum of `other`, and reported the same losses.
  bool ends_like(const Training& other) const {
    return std::all_of(ranks.begin(), ranks.end(), [&](const auto& rank) {
      return same_state(rank->supernet, other.supernet) && losses_of(*rank) == losses_of(other);
    });
  }
  static std::vector<double> losses_of(const Training& training) {
    std::vector<double> losses;
    for (const auto& line : training.metrics) losses.push_back(line.at("loss").get<double>());
    return losses;
  }
};

Tensors copy_of(const Supernet& supernet) {
  Tensors copies;
  for (const auto& [name, tensor] : supernet.tensors()) copies[name] = tensor.clone();
  return copies;
}

}  // namespace

TEST_CASE("the weights of a training in groups do not depend on the number of processes",
          "[train][group]") {
  SharedTraining alone;
  SECTION("plain") {}
  SECTION("with dropout, clipping and bf16") {
    alone.description.head.dropout = 0.4;
    alone.prepare = [](Training& training, int) {
      training.stage.settings.clip_norm = 0.5;
      training.stage.settings.precision = Precision::Bf16;
    };
  }
  SECTION("with a teacher, on a single path") {
    const SearchSpace space(bright_description());
    Supernet teaching(space, torch::kCPU, 9);
    const Architecture arch = space.uniform(0, 1);
    const auto images = normal_images(space, 32, 3);
    const auto teacher = std::make_shared<FrozenNetwork>(
        freeze(teaching, arch, calibrate(teaching, arch, {images})));
    alone.prepare = [teacher, arch](Training& training, int) {
      training.stage.region = std::make_shared<Subspace>(Subspace::only(arch));
      training.stage.distillation = {.teacher = teacher.get(), .weight = 0.5, .temperature = 2.0};
    };
  }
  alone.run(1);
  REQUIRE(alone.all_end("nothing"));
  const Training& one = *alone.ranks.front();
  REQUIRE(one.metrics.size() == 2);
  for (const int size : {2, 3, 4}) {
    CAPTURE(size);
    SharedTraining shared = {.description = alone.description, .prepare = alone.prepare};
    shared.run(size);
    CHECK(shared.all_end("nothing"));
    CHECK(shared.ends_like(one));
  }
  // The number of groups does change the weights.
  SharedTraining halves = {.description = alone.description,
                           .prepare = [&](Training& training, int rank) {
                             alone.prepare(training, rank);
                             training.stage.settings.groups = 2;
                           }};
  halves.run(2);
  CHECK(halves.all_end("nothing"));
  CHECK_FALSE(halves.ends_like(one));
}

TEST_CASE("a step is that of the mean of the gradients of all groups", "[train][group]") {
  const auto source = bright_sides();
  TrainLoader loader(source, all_indices(*source), plain_images(Augment::Small), {.batch = 16});
  const Batch batch = loader.next();
  const SearchSpace space(bright_description());
  const Architecture arch = space.uniform(1, 1);
  Supernet expected(space, torch::kCPU, 1);
  const SupernetConfig settings = small_settings();
  TrainingPath path(expected, arch);
  torch::Tensor loss = torch::zeros({});
  for (std::int64_t group = 0; group < kGroups; ++group) {
    const torch::Tensor logits = path.forward(batch.images.narrow(0, 4 * group, 4));
    loss = loss + torch::cross_entropy_loss(logits, batch.labels.narrow(0, 4 * group, 4), {},
                                            at::Reduction::Mean, -100, settings.label_smoothing) /
                      kGroups;
  }
  loss.backward();
  sgd_step(path.slices(), settings, settings.lr);

  Training training;
  training.stage.settings.groups = kGroups;
  training.stage.total_steps = 1;
  training.paths = [&](std::int64_t) { return std::vector<TrainedPath>{{.arch = arch}}; };
  training.run();
  CHECK(training.metrics.at(0).at("loss").get<double>() == Approx(loss.item<double>()));
  const Supernet before(space, torch::kCPU, 1);
  CHECK(max_difference(training.supernet.flat_values(), before.flat_values()) > 1e-3);
  CHECK(max_difference(training.supernet.flat_values(), expected.flat_values()) < 1e-6);
}

TEST_CASE("one group is a plain training step, to the bit", "[train][group]") {
  const auto source = bright_sides();
  TrainLoader loader(source, all_indices(*source), plain_images(Augment::Small),
                     {.batch = 16, .seed = 1, .workers = 1});
  const SearchSpace space(bright_description());
  Supernet expected(space, torch::kCPU, 1);
  const SupernetConfig settings = small_settings();
  for (std::int64_t step = 0; step < 30; ++step) {
    Rng rng(1, "supernet path", static_cast<std::uint64_t>(step));
    const Architecture arch = sample(Subspace::full(space), rng);
    const double lr = learning_rate(settings.schedule, settings.lr, step, 0, 30);
    train_step(expected, arch, loader.next(), settings, lr);
  }
  Training training;
  training.run();
  CHECK(same_state(training.supernet, expected));
}

TEST_CASE("a training in groups that is stopped on one process ends the same with another number",
          "[train][group]") {
  for (const double dropout : {0.0, 0.4}) {
    SharedTraining unbroken;
    unbroken.description.head.dropout = dropout;
    unbroken.run(1);
    for (const int stopped : {0, 1, 2}) {
      CAPTURE(dropout, stopped);
      Tensors saved;
      std::array<std::int64_t, 3> steps{};
      SharedTraining broken = {.description = unbroken.description};
      broken.prepare = [&](Training& training, int rank) {
        // Only one rank's clock says that a checkpoint is due.
        training.stage.save_minutes = rank == 2 ? 0.0 : 1e9;
        training.on_save = [&, rank](std::int64_t next_step) {
          steps[static_cast<std::size_t>(rank)] = next_step;
          if (rank == stopped && next_step == 7 + stopped) training.stop.request();
          if (rank == 0) saved = copy_of(training.supernet);
        };
      };
      broken.run(3);
      const std::int64_t last = 8 + stopped;
      CHECK(broken.all_end("interrupted: supernet: stopped on request after step " +
                           std::to_string(last) + " of 30; --resume continues"));
      CHECK(steps == std::array<std::int64_t, 3>{last, last, last});
      for (const int size : {1, 2, 4}) {
        CAPTURE(size);
        SharedTraining rest = {
            .description = unbroken.description, .first_step = last, .tensors = &saved};
        rest.run(size);
        CHECK(rest.all_end("nothing"));
        for (const auto& rank : rest.ranks) {
          CHECK(same_state(rank->supernet, unbroken.ranks.front()->supernet));
        }
      }
    }
  }
}

TEST_CASE("a loss that is not finite in one group ends all processes before the weights change",
          "[train][group]") {
  for (const int poisoned : {0, 2}) {
    CAPTURE(poisoned);
    std::array<Tensors, 3> saved;
    SharedTraining shared;
    shared.prepare = [&](Training& training, int rank) {
      training.stage.save_steps = 2;
      training.on_save = [&, rank](std::int64_t) {
        saved[static_cast<std::size_t>(rank)] = copy_of(training.supernet);
        if (rank == poisoned) training.poison();
      };
    };
    shared.run(3);
    CHECK(shared.all_end(
        "usage: supernet: the loss is not finite at step 2; the checkpoint before it is kept: "
        "lower the learning rate or set supernet.clip_norm"));
    for (std::size_t rank = 0; rank < 3; ++rank) {
      if (static_cast<int>(rank) == poisoned) continue;
      for (const auto& [name, tensor] : shared.ranks[rank]->supernet.tensors()) {
        CHECK(same_bits(tensor, saved[rank].at(name)));
      }
    }
  }
}

TEST_CASE("a learning rate far too large is a usage error with groups, too", "[train][group]") {
  SharedTraining shared;
  shared.prepare = [](Training& training, int) {
    training.stage.settings.lr = 1e38;
    training.stage.section = "retrain";
  };
  shared.run(2);
  CHECK(contains(shared.ends[0], " is not finite at step "));
  CHECK(contains(shared.ends[0], "lower the learning rate or set retrain.clip_norm"));
  CHECK(shared.ends[1] == shared.ends[0]);
}

TEST_CASE("ranks that train different paths, or from different weights, are found",
          "[train][group]") {
  SharedTraining paths;
  paths.prepare = [](Training& training, int rank) {
    training.paths = [&training, rank](std::int64_t step) {
      return std::vector<TrainedPath>{
          {.arch = training.space.uniform(rank == 1 && step == 5 ? 1 : 0)}};
    };
  };
  paths.run(3);
  CHECK(
      paths.all_end("internal: supernet: the ranks diverged: at step 5 they train different "
                    "paths, or from different weights"));
  SharedTraining weights;
  weights.prepare = [](Training& training, int rank) {
    // A single bit.
    if (rank == 1) training.supernet.flat_values()[0].mul_(1.0F + 2e-7F);
  };
  weights.run(2);
  CHECK(
      weights.all_end("internal: supernet: the ranks diverged: at step 0 they train different "
                      "paths, or from different weights"));
}

TEST_CASE("more processes than groups are refused, and so is a wrong part of the batch",
          "[train][group]") {
  SharedTraining five;
  five.run(5);
  CHECK(
      five.all_end("usage: 5 processes but supernet.groups is 4: set supernet.groups=8 (2 images "
                   "each); the result then no longer depends on the number of processes"));
  Training training;
  training.stage.settings.groups = 2;
  const auto source = bright_sides();
  TrainLoader loader(source, all_indices(*source), plain_images(), {.batch = 16, .first_image = 8});
  CHECK(error_of([&] {
          train(training.supernet, training.stage, loader, 0,
                {.log = training.log,
                 .stop = training.stop,
                 .metrics = [](const nlohmann::json&) {},
                 .save = [](std::int64_t) {}});
        }) ==
        "internal: supernet: the loader makes 8 images of a batch, not the 16 of this "
        "process");
}
