#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdint>
#include <functional>
#include <utility>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "hsconas/base/error.hpp"
#include "hsconas/dance/cost_networks.hpp"
#include "hsconas/dance/dance_search.hpp"
#include "hsconas/pipeline/run.hpp"
#include "hsconas/stages/codesign_run.hpp"
#include "hsconas/train/checkpoint.hpp"
#include "run_data.hpp"
#include "run_state.hpp"

namespace hsconas {

using nlohmann::json;

namespace {

constexpr const char* kDanceStage = "dance";
constexpr const char* kChoices = "dance choices";
constexpr const char* kCostNetworks = "dance-evaluator";  ///< The name of their checkpoint.
constexpr int kUpdatesPerReport = 10;

/// `count` consecutive images of a random batch, or the whole batch if it has fewer.
Batch some_images(const std::vector<Batch>& batches, std::int64_t count, Rng& rng) {
  const Batch& all = batches[rng.index(batches.size())];
  const std::int64_t size = std::min(count, all.labels.size(0));
  const auto starts = static_cast<std::uint64_t>(all.labels.size(0) - size + 1);
  const auto first = static_cast<std::int64_t>(rng.below(starts));
  return {all.images.slice(0, first, first + size), all.labels.slice(0, first, first + size)};
}

/// The fraction of layers whose operator is a skip.
double skip_share(const SearchSpace& space, const Architecture& arch) {
  double skips = 0.0;
  for (int layer = 0; layer < space.layers(); ++layer) {
    const LayerChoice choice = arch[static_cast<std::size_t>(layer)];
    if (space.mid_channels(layer, choice) == 0) skips += 1.0;
  }
  return skips / space.layers();
}

/// Tests the trained networks and logs what their designs cost.
CostNetworksSummary test(const CostNetworks& networks, const DesignSpace& designs,
                         const DanceConfig& dance, Log& log) {
  const CostNetworksReport judged = networks.test();
  log.info(
      fmt::format("dance: the designs that the cost networks choose cost {:.4f} times as much "
                  "as the best ones (median of {} networks)",
                  judged.regret_median, dance.test_networks));
  CostNetworksSummary record{.regret_median = judged.regret_median,
                             .regret_mean = judged.regret_mean,
                             .regret_p95 = judged.regret_p95,
                             .right = {},
                             .pair_error = judged.pair_error,
                             .best_error = judged.best_error};
  for (std::size_t axis = 0; axis < judged.right.size(); ++axis) {
    record.right[designs.axes()[axis].key] = judged.right[axis];
  }
  return record;
}

/// Trains the architecture parameters between the training steps of the weights.
class ChoiceTraining {
 public:
  ChoiceTraining(DanceSearch& search, std::vector<Batch> held_out, const Config& config,
                 std::int64_t steps_per_epoch, std::function<void(json)> write_metrics)
      : search_(search),
        held_out_(std::move(held_out)),
        config_(config),
        warmup_steps_(config.codesign.dance.warmup_epochs * static_cast<double>(steps_per_epoch)),
        write_metrics_(std::move(write_metrics)) {}

  /// Call this after each step of the weights; `step` counts them from 0. Throws Error(Usage) that
  /// names the step when the loss is not finite.
  void after_step(std::int64_t step) {
    const DanceConfig& dance = config_.codesign.dance;
    if (step % dance.choice_every != 0) return;
    const std::int64_t update = step / dance.choice_every;
    const auto done = static_cast<double>(step);
    const double weight =
        dance.penalty_weight * (done < warmup_steps_ ? done / warmup_steps_ : 1.0);
    Rng rng(config_.seed, "dance images", static_cast<std::uint64_t>(update));
    const auto [error, penalty] =
        search_.update(some_images(held_out_, config_.supernet.batch, rng), weight, update);
    check_choice_losses(kDanceStage, step, {error, penalty});
    sums_.error += error;
    sums_.penalty += penalty;
    if ((update + 1) % kUpdatesPerReport != 0) return;
    write_metrics_({{"stage", kChoices},
                    {"step", step + 1},
                    {"held_out_loss", sums_.error / kUpdatesPerReport},
                    {"penalty", sums_.penalty / kUpdatesPerReport},
                    {"penalty_weight", weight}});
    sums_ = {};
  }

 private:
  DanceSearch& search_;
  std::vector<Batch> held_out_;
  const Config& config_;
  double warmup_steps_;
  std::function<void(json)> write_metrics_;
  DanceSearch::Losses sums_;  ///< Sums over the updates since the last line of metrics.
};

/// The pairs of `arch` with every design. The best pair is the one with the lowest cost.
CodesignResult on_all_designs(const Architecture& arch, double accuracy, const PairCostModel& costs,
                              const CostNetworks& networks) {
  CodesignResult result{.networks = {arch}};
  std::vector<PairCost> row(networks.areas().size());
  const std::size_t best =
      best_design(costs, networks.areas(), arch, networks.cost_function(), row);
  for (std::size_t design = 0; design < row.size(); ++design) {
    result.scored.push_back({0, design, accuracy, row[design]});
  }
  result.best = result.scored[best];
  std::vector<Pair> possible = result.scored;  // A pair that overflows a buffer costs infinity.
  std::erase_if(possible, [](const Pair& pair) { return !std::isfinite(pair.cost.ms); });
  result.front = pareto_front(std::move(possible));
  result.counts = {.networks = 1, .pairs = std::ssize(row)};
  return result;
}

}  // namespace

void Run::train_cost_networks(CostNetworks& networks) {
  const json inputs = this->inputs().cost_networks();
  const CheckpointStore store(dir_.checkpoints(), kCostNetworks, fingerprint_of(inputs),
                              dir_.files);
  if (const auto checkpoint = store.load(log_)) {
    naming_errors(store.newest().string(), [&] { networks.load_state(checkpoint->tensors); });
  }
  run_stage({.name = "cost-networks",
             .inputs = inputs,
             .outputs = {store.newest()},
             .produce =
                 [&] {
                   const auto save = [&] { store.save({networks.state(), 0}); };
                   if (networks.is_trained()) return;
                   networks.train(log_, stop_, config_.checkpoint_minutes, save);
                   save();
                 },
             .load = [&] { return networks.is_trained(); }},
            record_, log_);
}

CodesignRecord Run::dance() {
  return codesign_stage(
      dir_, record_, inputs().dance(), [this] { return search_by_gradient(); }, log_);
}

CodesignRecord Run::search_by_gradient() {
  const CodesignConfig& settings = config_.codesign;
  const DanceConfig& dance = settings.dance;
  const DesignSpace designs = designs_of(config_);
  const auto begin = std::chrono::steady_clock::now();
  const auto seconds = [&] {
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  };
  const CostTable costs(space_, designs.designs(), settings.batch);
  CostNetworks networks(space_, designs, costs, dance, config_.seed);
  std::optional<CostNetworksSummary> evaluator;
  if (dance.penalty == Penalty::Cost) {
    train_cost_networks(networks);
    evaluator = test(networks, designs, dance, log_);
    evaluator->seconds = seconds();
  }

  weights_.reset();
  DanceSearch search(
      weights().supernet, &networks, dance, config_.seed,
      config_.supernet.precision == Precision::Bf16 ? torch::kBFloat16 : torch::kFloat);
  ChoiceTraining choices(search, data().validation(), config_,
                         data().training_images() / config_.supernet.batch,
                         [this](json line) { metrics_->add(std::move(line)); });
  const TrainingExtension extension{
      .metrics = kChoices,
      .tensors = search.tensors(),
      .paths =
          [&](std::int64_t step) { return std::vector<TrainedPath>{{.arch = search.path(step)}}; },
      .after_step = [&](std::int64_t step) { choices.after_step(step); }};
  train_stage(kDanceStage, inputs().dance(), std::make_shared<Subspace>(Subspace::full(space_)),
              config_.supernet, &extension);

  const Architecture arch = search.best();
  const double accuracy = this->evaluator().accuracy({&arch, 1})[0];
  const FrozenNetwork winner = weights().evaluator->freeze_candidate(arch);
  Tally tally;
  data().for_each_test_batch([&](const Batch& batch) { tally += classify(winner, batch); });
  // The reported costs come from the accelerator model, not from the cost networks that predict it.
  const CodesignResult result = on_all_designs(arch, accuracy, costs, networks);
  const auto cost_on = [&](std::size_t design) {
    return networks.cost_function()(result.scored[design].cost, networks.areas()[design]);
  };
  const Pair& best = result.best;
  if (evaluator) {
    const std::size_t chosen = networks.design_of(arch);
    evaluator->design = designs.designs()[chosen].name;
    evaluator->regret = cost_on(chosen) / cost_on(best.design);
  }
  CodesignRecord record = codesign_record(config_, result, space_, designs);
  record.dance = {.cost = cost_on(best.design),
                  .edap = best.cost.product() * networks.areas()[best.design],
                  .test_accuracy = tally.accuracy(),
                  .skip_share = skip_share(space_, arch),
                  .macs = space_.cost(arch).macs,
                  .probabilities = search.probabilities(),
                  .evaluator = std::move(evaluator)};
  record.seconds = seconds();
  write_codesign(dir_, result, space_, designs, record);
  return record;
}

}  // namespace hsconas
