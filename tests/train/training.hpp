#pragma once

#include <cstdint>
#include <functional>
#include <limits>
#include <memory>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>
#include <torch/types.h>

#include "hsconas/base/process_group.hpp"
#include "hsconas/base/stop_token.hpp"
#include "hsconas/config/groups.hpp"
#include "hsconas/train/trainer.hpp"
#include "supernet/networks.hpp"
#include "train/images.hpp"

namespace hsconas {

inline SupernetConfig small_settings() {
  return {.batch = 16, .lr = 0.1, .momentum = 0.9, .weight_decay = 1e-4, .label_smoothing = 0.1};
}

/// A training on bright_sides(), with the metrics it reported.
struct Training {
  explicit Training(SpaceDescription description = bright_description(), std::uint64_t seed = 1)
      : space(std::move(description)),
        supernet(space, torch::kCPU, seed),
        stage{.name = "supernet",
              .region = std::make_shared<Subspace>(Subspace::full(space)),
              .settings = small_settings(),
              .seed = seed,
              .total_steps = 30} {}

  void run(std::int64_t first_step = 0) {
    const auto source = bright_sides();
    const GroupShare share = share_of(stage.settings, group->rank(), group->size());
    TrainLoader loader(source, all_indices(*source), plain_images(Augment::Small),
                       {.batch = stage.settings.batch,
                        .first_image = share.first_image(),
                        .images = share.images(),
                        .seed = stage.seed,
                        .first_step = first_step,
                        .workers = 1});
    train(supernet, stage, loader, first_step,
          {.log = log,
           .stop = GroupStop(stop, group),
           .metrics =
               [this](const nlohmann::json& line) {
                 metrics.push_back(line);
                 on_metrics();
               },
           .save = [this](std::int64_t next_step) { on_save(next_step); },
           .before_step = before_step,
           .paths = paths,
           .is_over = is_over});
  }

  /// Makes every following loss NaN.
  void poison() {
    supernet.parameters(space.layers() + 1, 0)
        .at(1)
        .value.fill_(std::numeric_limits<float>::quiet_NaN());
  }

  SearchSpace space;
  Supernet supernet;
  TrainingStage stage;
  Log log{Verbosity::Quiet, false};
  StopToken stop;
  std::shared_ptr<ProcessGroup> group = std::make_shared<SingleGroup>();
  std::vector<nlohmann::json> metrics;
  std::function<void()> on_metrics = [] {};
  std::function<void(std::int64_t)> on_save = [](std::int64_t) {};
  std::function<void(std::int64_t, const Batch&)> before_step;
  /// When set, replaces the path method.
  std::function<std::vector<TrainedPath>(std::int64_t)> paths;
  std::function<bool()> is_over;
};

inline bool same_state(const Supernet& a, const Supernet& b) {
  const auto tensors = b.tensors();
  for (const auto& [name, tensor] : a.tensors()) {
    if (!same_bits(tensor, tensors.at(name))) return false;
  }
  return true;
}

}  // namespace hsconas
