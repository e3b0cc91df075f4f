#include "hsconas/train/trainer.hpp"

#include <array>
#include <functional>
#include <limits>
#include <memory>
#include <vector>

#include <nlohmann/json.hpp>
#include <torch/types.h>
#include <torch/utils.h>

#include "catch.hpp"
#include "hsconas/supernet/safetensors.hpp"
#include "hsconas/train/checkpoint.hpp"
#include "supernet/networks.hpp"
#include "support/errors.hpp"
#include "support/temporary_folder.hpp"
#include "support/thread_group.hpp"
#include "train/images.hpp"
#include "train/training.hpp"

using namespace hsconas;

TEST_CASE("the same seed gives the same weights, another seed gives others", "[train]") {
  Training a, b, c(bright_description(), 2);
  a.run();
  torch::manual_seed(77);
  b.run();
  c.run();
  CHECK(same_state(a.supernet, b.supernet));
  CHECK_FALSE(same_state(a.supernet, c.supernet));
}

TEST_CASE("a run stopped anywhere and resumed ends with the weights of an uninterrupted one",
          "[train]") {
  const TemporaryFolder folder;
  Rng rng(3, "test");
  for (const double dropout : {0.0, 0.4}) {
    SpaceDescription description = bright_description();
    description.head.dropout = dropout;
    Training unbroken(description);
    unbroken.run();
    for (int i = 0; i < 3; ++i) {
      const auto last = static_cast<std::int64_t>(1 + rng.below(28));
      INFO("dropout " << dropout << ", stop asked for after step " << last);
      const auto path = folder / "checkpoint";
      Training broken(description);
      broken.stage.save_minutes = 0.0;  // Saves after every step; one of the saves requests a stop.
      std::int64_t saved = 0;
      broken.on_save = [&](std::int64_t next_step) {
        if (broken.stop.requested()) {
          save_tensors(path, {broken.supernet.tensors(), {}});
          saved = next_step;
        }
        if (next_step == last) broken.stop.request();
      };
      CHECK(error_of([&] { broken.run(); }) ==
            "interrupted: supernet: stopped on request after step " + std::to_string(last + 1) +
                " of 30; --resume continues");
      REQUIRE(saved == last + 1);

      Training resumed(description, 1);
      for (const auto& [name, tensor] : resumed.supernet.tensors())
        torch::Tensor(tensor).fill_(7.0);
      resumed.supernet.load(load_tensors(path).tensors);
      resumed.run(saved);
      CHECK(same_state(resumed.supernet, unbroken.supernet));
    }
  }
}

TEST_CASE("a stop requested during the last step does not interrupt the run", "[train]") {
  Training training;
  training.stage.total_steps = 1;
  training.stop.request();
  int saves = 0;
  training.on_save = [&](std::int64_t) { ++saves; };
  training.run();
  CHECK(saves == 0);  // The caller saves a finished stage.
  CHECK(training.metrics.size() == 1);
}

TEST_CASE("the hook before a step sees its batch, and a training that is over ends after its step",
          "[train]") {
  Training plain;
  plain.stage.total_steps = 7;
  plain.run();
  Training hooked;
  std::vector<std::int64_t> order;  // Steps as n before, and as -n - 1 when paths are drawn.
  hooked.before_step = [&](std::int64_t step, const Batch& batch) {
    order.push_back(step);
    CHECK(batch.images.size(0) == hooked.stage.settings.batch);
  };
  hooked.paths = [&](std::int64_t step) {
    order.push_back(-step - 1);
    return std::vector<TrainedPath>{{.arch = hooked.space.uniform(0)}};
  };
  hooked.is_over = [&] { return order.size() == 4; };
  hooked.run();
  CHECK(order == std::vector<std::int64_t>{0, -1, 1, -2});
  CHECK(hooked.metrics.back().at("step") == 2);
  // A hook that changes nothing leaves every bit as it is.
  Training watched;
  watched.stage.total_steps = 7;
  watched.before_step = [](std::int64_t, const Batch&) {};
  watched.run();
  CHECK(same_state(watched.supernet, plain.supernet));
}

TEST_CASE("a learning rate far too large is a usage error", "[train]") {
  Training training;
  training.stage.settings.lr = 1e38;
  const std::string error = error_of([&] { training.run(); });
  CHECK(contains(error, "usage: supernet: the loss is not finite at step "));
  CHECK(contains(error, "lower the learning rate or set supernet.clip_norm"));
}

TEST_CASE("the error names the first step whose loss is not finite, even if checked later",
          "[train]") {
  Training training;
  training.on_metrics = [&] { training.poison(); };  // After step 19; the next check is at the end.
  CHECK(contains(error_of([&] { training.run(); }), "the loss is not finite at step 20;"));
}

TEST_CASE("with save_steps a checkpoint is saved after every that many steps but the last",
          "[train]") {
  Training training;
  training.stage.save_minutes = 1e9;
  training.stage.save_steps = 7;
  std::vector<std::int64_t> saved;
  training.on_save = [&](std::int64_t next_step) { saved.push_back(next_step); };
  training.run();
  CHECK(saved == std::vector<std::int64_t>{7, 14, 21, 28});
}

TEST_CASE("no checkpoint is saved after a loss that is not finite", "[train]") {
  Training training;
  training.stage.save_minutes = 0.0;
  std::vector<std::int64_t> saves;
  training.on_save = [&](std::int64_t next_step) {
    saves.push_back(next_step);
    if (next_step == 3) training.poison();
  };
  CHECK(contains(error_of([&] { training.run(); }), "the loss is not finite at step 3;"));
  CHECK(saves == std::vector<std::int64_t>{1, 2, 3});
}

TEST_CASE("the loss falls on a learnable task", "[train]") {
  Training training;
  training.stage.total_steps = 100;
  training.stage.settings.label_smoothing = 0.0;
  training.run();
  REQUIRE(training.metrics.size() == 5);
  CHECK(training.metrics.front()["loss"].get<double>() > 0.2);
  CHECK(training.metrics.back()["loss"].get<double>() <
        0.5 * training.metrics.front()["loss"].get<double>());
}

TEST_CASE("bf16 training runs and its weights stay finite", "[train]") {
  Training training;
  training.stage.settings.precision = Precision::Bf16;
  training.stage.total_steps = 4;
  training.run();
  for (const auto& [name, tensor] : training.supernet.tensors()) {
    CHECK(tensor.isfinite().all().item<bool>());
  }
}

TEST_CASE("on a CPU, precision auto means fp32, and fp16 is refused", "[train]") {
  const auto trained = [](Precision precision) {
    Training training;
    training.stage.settings.precision = precision;
    training.stage.total_steps = 2;
    training.run();
    return training.supernet.tensors();
  };
  const auto fp32 = trained(Precision::Fp32);
  for (const auto& [name, tensor] : trained(Precision::Auto))
    CHECK(same_bits(tensor, fp32.at(name)));
  CHECK(contains(error_of([&] { trained(Precision::Fp16); }), "supports fp32 or bf16"));
}

TEST_CASE("metrics are reported every twenty steps and at the end", "[train]") {
  Training training;
  training.stage.total_steps = 45;
  training.run();
  std::vector<std::int64_t> steps;
  for (const auto& line : training.metrics) {
    CHECK(line["stage"] == "supernet");
    CHECK(line["images_per_second"].get<double>() >= 0.0);
    steps.push_back(line["step"].get<std::int64_t>());
  }
  CHECK(steps == std::vector<std::int64_t>{20, 40, 45});
  CHECK(training.metrics.front()["lr"].get<double>() == Approx(0.1 * (1.0 - 19.0 / 45.0)));
}

TEST_CASE("only operators of the subspace are trained", "[train]") {
  Training training;
  Subspace subspace = Subspace::full(training.space);
  subspace.ops = {{0}, {0, 2}};
  training.stage.region = std::make_shared<Subspace>(subspace);
  const Supernet fresh(training.space, torch::kCPU, 1);
  training.run();
  const auto before = fresh.tensors();
  for (const auto& [name, tensor] : training.supernet.tensors()) {
    INFO(name);
    const bool is_outside = contains(name, "mbconv") || contains(name, "layer0.skip");
    CHECK(same_bits(tensor, before.at(name)) == is_outside);
  }
}

TEST_CASE("ranks that train alike have the same weights and save at the same steps", "[train]") {
  const TemporaryFolder folder;
  std::array<std::unique_ptr<Training>, 2> ranks;
  std::array<std::vector<std::int64_t>, 2> saved;
  const auto ends = run_ranks(2, [&](const std::shared_ptr<ProcessGroup>& group) {
    const auto rank = static_cast<std::size_t>(group->rank());
    torch::set_num_threads(1);
    ranks[rank] = std::make_unique<Training>();
    Training& training = *ranks[rank];
    training.group = group;
    training.stage.settings.groups = 2;
    // Only one rank's clock says that a checkpoint is due, and rank 1 alone is asked to stop.
    training.stage.save_minutes = rank == 1 ? 0.0 : 1e9;
    const auto root = rank == 0 ? folder / "" : std::filesystem::path("/not there");
    const CheckpointStore store(root, "supernet", "settings", GroupFiles(group));
    training.on_save = [&, rank](std::int64_t next_step) {
      saved[rank].push_back(next_step);
      store.save({training.supernet.tensors(), next_step});
      if (rank == 1 && next_step == 3) training.stop.request();
    };
    training.run();
  });
  const std::string stopped =
      "interrupted: supernet: stopped on request after step 4 of 30; --resume continues";
  CHECK(ends == std::vector<std::string>{stopped, stopped});
  CHECK(saved[0] == std::vector<std::int64_t>{1, 2, 3, 4});
  CHECK(saved[1] == saved[0]);
  CHECK(same_state(ranks[0]->supernet, ranks[1]->supernet));

  // All ranks load the checkpoint of rank 0, whatever their number.
  std::array<std::int64_t, 3> steps{};
  std::array<bool, 3> are_same{};
  const auto loads = run_ranks(3, [&](const std::shared_ptr<ProcessGroup>& group) {
    const auto rank = static_cast<std::size_t>(group->rank());
    Log log(Verbosity::Quiet, false);
    const auto root = rank == 0 ? folder / "" : std::filesystem::path("/not there");
    const auto checkpoint =
        CheckpointStore(root, "supernet", "settings", GroupFiles(group)).load(log);
    Training training(bright_description(), 7 + rank);
    training.supernet.load(checkpoint.value().tensors);
    steps[rank] = checkpoint->next_step;
    are_same[rank] = same_state(training.supernet, ranks[0]->supernet);
  });
  CHECK(loads == std::vector<std::string>(3, "nothing"));
  CHECK(steps == std::array<std::int64_t, 3>{4, 4, 4});
  CHECK(are_same == std::array<bool, 3>{true, true, true});
}

TEST_CASE("a loss that is not finite on one rank is one on all, at the first such step",
          "[train]") {
  const auto ends = run_ranks(2, [&](const std::shared_ptr<ProcessGroup>& group) {
    torch::set_num_threads(1);
    Training training;
    training.group = group;
    training.stage.settings.groups = 2;
    if (group->rank() == 1) {
      training.stage.save_minutes = 0.0;
      training.on_save = [&](std::int64_t next_step) {
        if (next_step == 2) training.poison();
      };
    }
    training.run();
  });
  CHECK(contains(ends[0], "usage: supernet: the loss is not finite at step 2;"));
  CHECK(ends[1] == ends[0]);
}
