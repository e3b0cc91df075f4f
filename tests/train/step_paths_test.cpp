// Training steps on several paths.

#include "train/step_paths.hpp"

#include <map>
#include <string>
#include <vector>

#include <torch/types.h>
#include <torch/utils.h>

#include "catch.hpp"
#include "hsconas/train/optimizer.hpp"
#include "support/thread_group.hpp"
#include "train/training.hpp"

using namespace hsconas;

namespace {

using Gradients = std::map<std::string, torch::Tensor>;

Batch first_batch(int images = 16) {
  const auto source = bright_sides();
  TrainLoader loader(source, all_indices(*source), plain_images(),
                     {.batch = images, .images = images, .workers = 1});
  return loader.next();
}

/// The gradients of a step on `paths`. Without momentum and decay, a step at rate 1 subtracts just
/// these from the weights.
Gradients gradients_of(const std::vector<TrainedPath>& paths) {
  Training training;
  const Gradients before = [&] {
    Gradients copies;
    for (const auto& [name, tensor] : training.supernet.tensors()) copies[name] = tensor.clone();
    return copies;
  }();
  SupernetConfig settings = small_settings();
  settings.momentum = 0.0;
  settings.weight_decay = 0.0;
  train_step(training.supernet, paths, first_batch(), settings, 1.0);
  Gradients result;
  for (const auto& [name, tensor] : training.supernet.tensors()) {
    result[name] = before.at(name) - tensor;
  }
  return result;
}

}  // namespace

TEST_CASE("a step on several paths adds their gradients", "[train]") {
  const SearchSpace space(bright_description());
  const TrainedPath wide{.arch = space.uniform(0, 1)};
  const TrainedPath narrow{.arch = space.uniform(0, 0)};
  const TrainedPath other{.arch = space.uniform(1, 0)};
  const Gradients together = gradients_of({narrow, wide, other});
  const Gradients alone[] = {gradients_of({wide}), gradients_of({narrow}), gradients_of({other})};
  bool any = false;
  for (const auto& [name, gradient] : together) {
    torch::Tensor sum = torch::zeros_like(gradient);
    for (const Gradients& one : alone) sum += one.at(name);
    INFO(name);
    CHECK(max_difference(gradient, sum) < 1e-5);
    any = any || gradient.abs().max().item<double>() > 1e-3;
  }
  CHECK(any);
}

TEST_CASE("a step leaves weights that none of its paths uses as they are", "[train]") {
  const SearchSpace space(bright_description());
  Training training;
  Gradients before;
  for (const auto& [name, tensor] : training.supernet.tensors()) before[name] = tensor.clone();
  const std::vector<TrainedPath> paths{{.arch = space.uniform(0, 0)},
                                       {.arch = space.uniform(2, 0)}};
  train_step(training.supernet, paths, first_batch(), small_settings(), 0.1);
  for (const TrainedPath& path : paths) {
    for (const auto& [name, tensor] : training.supernet.tensors_of(path.arch)) {
      tensor.detach().zero_();
    }
  }
  for (const auto& [name, tensor] : before) {
    // Only the zeros, where the paths are, may differ from before.
    const torch::Tensor now = training.supernet.tensors().at(name);
    const torch::Tensor same = (now == tensor).logical_or(now == 0);
    INFO(name);
    CHECK(same.all().item<bool>());
  }
}

TEST_CASE("one path in a list gives the bits of a step on that path", "[train]") {
  Training one, listed;
  const Architecture arch = one.space.uniform(1, 0);
  const TrainedPath path{.arch = arch};
  train_step(one.supernet, arch, first_batch(), small_settings(), 0.1);
  train_step(listed.supernet, std::span(&path, 1), first_batch(), small_settings(), 0.1);
  CHECK(same_state(one.supernet, listed.supernet));
}

TEST_CASE("a taught path learns the predictions of the first one and the labels", "[train]") {
  Training training;
  const SearchSpace& space = training.space;
  const std::vector<TrainedPath> paths{{.arch = space.uniform(0, 1)},
                                       {.arch = space.uniform(0, 0), .taught = 0.7}};
  const Batch batch = first_batch();
  SupernetConfig settings = small_settings();
  StepPaths step(training.supernet, paths, torch::kFloat);
  const auto loss = step.run(batch, settings, {}).item<double>();
  TrainingPath teacher(training.supernet, paths[0].arch), student(training.supernet, paths[1].arch);
  const torch::Tensor answers = teacher.forward(batch.images).detach();
  const torch::Tensor own = student.forward(batch.images);
  const double hard = torch::cross_entropy_loss(answers, batch.labels, {}, at::Reduction::Mean,
                                                -100, settings.label_smoothing)
                          .item<double>();
  const double soft =
      -(torch::softmax(answers, 1) * torch::log_softmax(own, 1)).sum(1).mean().item<double>();
  const double labels = torch::cross_entropy_loss(own, batch.labels, {}, at::Reduction::Mean, -100,
                                                  settings.label_smoothing)
                            .item<double>();
  CHECK(loss == Approx((hard + 0.3 * labels + 0.7 * soft) / 2).epsilon(1e-5));
}

TEST_CASE("every path method trains, and resumes to the same bits", "[train]") {
  for (const PathMethod& method : path_methods()) {
    INFO(method.name);
    SpaceDescription description = bright_description();
    description.head.dropout = 0.2;
    Training whole(description), first(description), second(description);
    for (Training* training : {&whole, &first, &second}) {
      training->stage.settings.paths = method.name;
      training->stage.total_steps = 60;
    }
    whole.run();
    CHECK(whole.metrics.back().at("loss").get<double>() <
          whole.metrics.front().at("loss").get<double>());
    Gradients saved;
    first.stage.save_steps = 23;
    first.on_save = [&](std::int64_t next_step) {
      if (next_step != 23) return;
      for (const auto& [name, tensor] : first.supernet.tensors()) saved[name] = tensor.clone();
    };
    first.run();
    second.supernet.load(saved);
    second.run(23);
    CHECK(same_state(whole.supernet, second.supernet));
  }
}

TEST_CASE("every path method gives the same bits with one and with two ranks", "[train]") {
  for (const PathMethod& method : path_methods()) {
    INFO(method.name);
    SpaceDescription description = bright_description();
    description.head.dropout = 0.2;
    const auto train_with = [&](int ranks) {
      std::vector<std::unique_ptr<Training>> trainings(static_cast<std::size_t>(ranks));
      run_ranks(ranks, [&](const std::shared_ptr<ProcessGroup>& group) {
        torch::set_num_threads(1);
        auto& training = trainings[static_cast<std::size_t>(group->rank())];
        training = std::make_unique<Training>(description);
        training->group = group;
        training->stage.settings.groups = 2;
        training->stage.settings.paths = method.name;
        training->stage.total_steps = 12;
        training->run();
      });
      return trainings;
    };
    const auto alone = train_with(1);
    const auto both = train_with(2);
    CHECK(same_state(alone[0]->supernet, both[0]->supernet));
    CHECK(same_state(alone[0]->supernet, both[1]->supernet));
  }
}
