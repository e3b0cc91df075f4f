#include <algorithm>
#include <cstdint>
#include <functional>
#include <memory>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <nlohmann/json.hpp>
#include <torch/types.h>

#include "hsconas/base/error.hpp"
#include "hsconas/dance/gradient_search.hpp"
#include "hsconas/pipeline/run.hpp"
#include "hsconas/search/latency_bins.hpp"
#include "hsconas/stages/result.hpp"
#include "hsconas/train/trainer.hpp"
#include "run_data.hpp"
#include "run_state.hpp"

namespace hsconas {

// The training of architecture parameters together with the shared weights, and the choice among
// the networks that it has read off.

using nlohmann::json;

namespace {

constexpr const char* kGradientStage = "supernet";
constexpr const char* kChoicesLines = "supernet choices";  ///< "stage" of the lines in metrics.
constexpr int kUpdatesPerLine = 10;

/// The most probable networks in the order in which they are read off: one every `every` steps, and
/// one after the last step.
class ReadingList {
 public:
  ReadingList(const SearchSpace& space, std::int64_t total_steps, std::int64_t every)
      : space_(space),
        total_steps_(total_steps),
        every_(every),
        columns_(torch::full({(total_steps + every - 1) / every, space.layers()}, kNone,
                             torch::kLong)) {}

  /// Whether a network is read off after `steps` steps.
  bool is_due(std::int64_t steps) const { return steps % every_ == 0 || steps == total_steps_; }

  void add(std::int64_t steps, const Architecture& arch) {
    torch::Tensor row = columns_[(steps + every_ - 1) / every_ - 1];
    for (std::size_t layer = 0; layer < arch.size(); ++layer) {
      row[static_cast<std::int64_t>(layer)] = column_of(space_, arch[layer]);
    }
  }

  std::vector<NetworkReading> all() const {
    std::vector<NetworkReading> readings;
    for (std::int64_t i = 0; i < columns_.size(0); ++i) {
      if (columns_[i][0].item<std::int64_t>() == kNone) break;
      NetworkReading& reading = readings.emplace_back();
      reading.step = std::min((i + 1) * every_, total_steps_);
      for (std::int64_t layer = 0; layer < columns_.size(1); ++layer) {
        reading.arch.push_back(choice_at(space_, columns_[i][layer].item<std::int64_t>()));
      }
    }
    return readings;
  }

  /// For checkpoints; shares memory.
  const torch::Tensor& tensor() const { return columns_; }

 private:
  static constexpr std::int64_t kNone = -1;

  const SearchSpace& space_;
  std::int64_t total_steps_;
  std::int64_t every_;
  torch::Tensor columns_;  ///< [readings, layers]: column_of() the choice; kNone: not yet read off.
};

/// Trains the architecture parameters between the training steps of the weights.
class GradientTraining {
 public:
  GradientTraining(GradientSearch& search, ReadingList& readings, HeldOutBatches held_out,
                   const GradientConfig& config, std::int64_t total_steps,
                   std::function<void(json)> write_metrics)
      : search_(search),
        readings_(readings),
        held_out_(std::move(held_out)),
        config_(config),
        total_steps_(total_steps),
        write_metrics_(std::move(write_metrics)) {}

  /// Throws Error(Usage) that names the step when a loss is not finite.
  void before_step(std::int64_t step, const Batch& batch) {
    if (step % config_.choice_every != 0) return;
    const std::int64_t update = step / config_.choice_every;
    const auto last = static_cast<double>(std::max<std::int64_t>(1, total_steps_ - 1));
    const auto [training, held_out, latency] =
        search_.update(batch, held_out_.at(update), update, static_cast<double>(step) / last);
    check_choice_losses(kGradientStage, step, {training, held_out, latency});
    sums_.training += training;
    sums_.held_out += held_out;
    sums_.latency += latency;
    ++updates_;
  }

  /// `latency_of` predicts the milliseconds of a network. Returns whether one was read off.
  bool after_step(std::int64_t step, const std::function<double(const Architecture&)>& latency_of) {
    const bool is_due = readings_.is_due(step + 1);
    json line;
    if (is_due) {
      const Architecture arch = search_.best();
      readings_.add(step + 1, arch);
      line["most_probable_ms"] = latency_of(arch);
    }
    if (updates_ > 0 && (is_due || updates_ >= kUpdatesPerLine)) {
      line["training_loss"] = sums_.training / updates_;
      line["held_out_loss"] = sums_.held_out / updates_;
      line["relative_latency"] = sums_.latency / updates_;
      sums_ = {};
      updates_ = 0;
    }
    if (line.is_null()) return false;
    line["stage"] = kChoicesLines;
    line["step"] = step + 1;
    write_metrics_(std::move(line));
    return is_due;
  }

 private:
  GradientSearch& search_;
  ReadingList& readings_;
  HeldOutBatches held_out_;
  const GradientConfig& config_;
  std::int64_t total_steps_;
  std::function<void(json)> write_metrics_;
  GradientSearch::Losses sums_;  ///< Sums over the updates since the last line with losses.
  int updates_ = 0;
};

/// Whether the last reading is at most `target_ms` and an earlier one was slower.
bool fell_below(const std::vector<NetworkReading>& readings, const LatencyModel& latency,
                double target_ms) {
  const auto is_slow = [&](const NetworkReading& reading) {
    return latency.predict_ms(reading.arch) > target_ms;
  };
  return !readings.empty() && !is_slow(readings.back()) &&
         std::any_of(readings.begin(), readings.end(), is_slow);
}

}  // namespace

json Run::supernet_inputs() {
  json inputs = this->inputs().supernet();
  const GradientConfig& gradient = config_.supernet.gradient;
  if (gradient.stop_below_target || gradient.latency_weight > 0.0) {
    const LatencyIdentity identity = latency_identity();
    inputs["latency_table"] = identity.table;
    if (gradient.stop_below_target) inputs["target_ms"] = identity.target_ms;
  }
  return inputs;
}

Supernet& Run::train_by_gradient() {
  const GradientConfig& gradient = config_.supernet.gradient;
  const std::int64_t total = training_steps(config_.supernet, data().training_images());
  const std::int64_t per_epoch = data().training_images() / config_.supernet.batch;
  const TableModel model(space_, latency().table);
  const double target_ms = latency().objective.target_ms;
  GradientSearch search(
      weights().supernet, config_.supernet, model, config_.seed,
      config_.supernet.precision == Precision::Bf16 ? torch::kBFloat16 : torch::kFloat);
  ReadingList readings(space_, total, std::max<std::int64_t>(1, per_epoch / gradient.readings));
  GradientTraining training(
      search, readings, HeldOutBatches(data().validation(), config_.supernet.batch, config_.seed),
      gradient, total, [this](json line) { metrics_->add(std::move(line)); });
  bool is_over = false;
  TrainingExtension extension{.metrics = kChoicesLines, .tensors = search.tensors()};
  extension.tensors["readings"] = readings.tensor();
  extension.before_step = [&](std::int64_t step, const Batch& batch) {
    training.before_step(step, batch);
  };
  extension.paths = [&](std::int64_t step) {
    return std::vector<TrainedPath>{{.arch = search.path(step)}};
  };
  extension.after_step = [&](std::int64_t step) {
    const bool is_read =
        training.after_step(step, [&](const Architecture& arch) { return model.predict_ms(arch); });
    if (!is_read || !gradient.stop_below_target) return;
    is_over = fell_below(readings.all(), model, target_ms);
    if (!is_over) return;
    log_.info(
        fmt::format("{}: ends after step {} of {}, because the most probable network is no "
                    "longer slower than T",
                    kGradientStage, step + 1, total));
  };
  extension.is_over = [&] { return is_over; };
  train_stage(kGradientStage, supernet_inputs(), std::make_shared<Subspace>(Subspace::full(space_)),
              config_.supernet, &extension);
  readings_ = readings.all();
  return weights().supernet;
}

SearchResult Run::choose_reading() {
  const SearchConfig& settings = config_.search;
  const std::string& method = config_.supernet.method;
  std::vector<Architecture> archs;
  for (const NetworkReading& reading : readings_) archs.push_back(reading.arch);
  log_.info(fmt::format("search: {}, among the networks of {} readings", method, archs.size()));
  SearchResult found = choose_among(archs, scorer(), settings.latency_tolerance,
                                    config_.supernet.gradient.latency_bins);
  if (scorer().gap(found.best.arch) > settings.latency_tolerance) {
    log_.warn(
        fmt::format("search: the most probable network was never within "
                    "search.latency_tolerance of T, so the winner is the one with the "
                    "highest F, at {:.4g} ms: change T, or set "
                    "supernet.gradient.latency_weight",
                    found.best.latency_ms));
  }
  if (is_collapsed(space_, archs.back())) {
    log_.warn(
        fmt::format("search: {} has collapsed: its last most probable network skips every "
                    "layer that can be skipped",
                    method));
  }
  return found;
}

void Run::add_course(const SearchResult& found, ResultRecord& result) const {
  result.method = config_.supernet.method;
  for (const NetworkReading& reading : readings_) {
    const Architecture arch = space_.canonical(reading.arch);
    const auto candidate = std::find_if(found.scored.begin(), found.scored.end(),
                                        [&](const Candidate& known) { return known.arch == arch; });
    result.course.push_back({reading.step, scored(*candidate, space_)});
  }
  result.is_collapsed = is_collapsed(space_, readings_.back().arch);
}

}  // namespace hsconas
