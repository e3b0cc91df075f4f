#include <algorithm>
#include <cmath>
#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <system_error>
#include <utility>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "hsconas/base/error.hpp"
#include "hsconas/base/progress.hpp"
#include "hsconas/base/text.hpp"
#include "hsconas/config/precision.hpp"
#include "hsconas/pipeline/run.hpp"
#include "hsconas/space/subspace.hpp"
#include "hsconas/stages/stage_inputs.hpp"
#include "hsconas/train/checkpoint.hpp"
#include "hsconas/train/supernet_evaluator.hpp"
#include "hsconas/train/trainer.hpp"
#include "run_data.hpp"
#include "run_state.hpp"

namespace hsconas {

// The training of the shared weights, and the scoring of architectures with them.

using nlohmann::json;

namespace {

constexpr const char* kSupernet = "supernet";

void load_weights(Supernet& supernet, const Checkpoint& checkpoint,
                  const std::filesystem::path& file) {
  naming_errors(file.string(), [&] { supernet.load(checkpoint.tensors); });
}

/// Throws Error(Usage) if `folder` is `root` or lies in it, where --overwrite would remove it.
void refuse_inside(const std::filesystem::path& folder, const std::filesystem::path& root) {
  std::error_code unknown;
  const auto inner = std::filesystem::weakly_canonical(folder, unknown);
  const auto outer = std::filesystem::weakly_canonical(root, unknown);
  if (std::mismatch(outer.begin(), outer.end(), inner.begin(), inner.end()).first != outer.end()) {
    return;
  }
  throw Error(ErrorKind::Usage,
              fmt::format("--overwrite would remove the supernet in {} before it is taken: choose "
                          "another --work-dir",
                          folder.string()));
}

}  // namespace

Run::Weights& Run::weights() {
  if (!weights_) {
    weights_ = std::make_unique<Weights>(space_, config_);
    log_.detail(fmt::format("supernet: {} shared weights", weights_->supernet.parameter_count()));
  }
  return *weights_;
}

std::shared_ptr<const Checkpoint> Run::load_supernet_from() {
  const json inputs = this->inputs().supernet();
  if (!supernet_from_.empty() && config_.supernet.learns_choices()) {
    throw Error(ErrorKind::Usage,
                fmt::format("--supernet takes weights alone, but supernet.method {} also learns "
                            "which network to choose: leave --supernet out",
                            config_.supernet.method));
  }
  if (supernet_from_.empty() || record_.is_done(kSupernet, inputs)) return nullptr;
  if (dir_.starts_over) {
    dir_.files.on_root([this] { refuse_inside(supernet_from_, dir_.root); });
  }
  const WorkDir from{.root = supernet_from_, .lock = nullptr};
  const StageRecord trained(from.stages(), false, dir_.files);
  if (!trained.has(kSupernet)) {
    throw Error(ErrorKind::Data,
                dir_.files.exists(from.checkpoint(kSupernet))
                    ? fmt::format("{0}: the training of the supernet has not finished; continue it "
                                  "with hsconas train --config {0}/config.json --work-dir {0} "
                                  "--resume",
                                  supernet_from_.string())
                    : fmt::format("{}: holds no trained supernet; train one with hsconas train",
                                  supernet_from_.string()));
  }
  if (const auto changes = trained.changes(kSupernet, inputs); !changes.empty()) {
    throw Error(ErrorKind::Usage,
                fmt::format("the supernet in {} does not fit this config: {}; use the settings "
                            "with which it was trained, or train another",
                            supernet_from_.string(), join(changes, ", ")));
  }
  auto checkpoint =
      CheckpointStore(from.checkpoints(), kSupernet, fingerprint_of(inputs), dir_.files).load(log_);
  if (!checkpoint ||
      checkpoint->next_step < training_steps(config_.supernet, data().training_images())) {
    throw Error(ErrorKind::Data, fmt::format("{}: the weights of its supernet are gone; train it "
                                             "again with hsconas train",
                                             supernet_from_.string()));
  }
  return std::make_shared<const Checkpoint>(std::move(*checkpoint));
}

void Run::take_supernet(const Checkpoint& taken) {
  const json inputs = this->inputs().supernet();
  CheckpointStore(dir_.checkpoints(), kSupernet, fingerprint_of(inputs), dir_.files).save(taken);
  record_.finish(kSupernet, inputs);
  log_.info(fmt::format("supernet: taken from {}", supernet_from_.string()));
}

Supernet& Run::supernet() {
  if (weights_ && weights_->stage == kSupernet) return weights_->supernet;
  // If this training starts at step 0, it must start from initial weights, not from tuned ones.
  weights_.reset();
  if (config_.supernet.learns_choices()) return train_by_gradient();
  train_stage(kSupernet, inputs().supernet(), std::make_shared<Subspace>(Subspace::full(space_)),
              config_.supernet);
  return weights().supernet;
}

bool Run::has_supernet() {
  return record_.is_done(kSupernet, supernet_inputs()) &&
         dir_.files.exists(dir_.checkpoint(kSupernet));
}

std::vector<Judgement> Run::shared_judgements(std::span<const Architecture> archs) {
  constexpr std::size_t kTogether = 20;
  std::vector<Judgement> judgements;
  Progress progress(log_, "rank", std::ssize(archs), 0);
  while (judgements.size() < archs.size()) {
    stop_.check();
    const std::size_t count = std::min(kTogether, archs.size() - judgements.size());
    const Race none{.floors = std::vector<double>(count), .confidence = 1.0, .rivals = {}};
    const auto some = evaluator().judge(archs.subspan(judgements.size(), count), none);
    judgements.insert(judgements.end(), some.begin(), some.end());
    progress.step(static_cast<int>(count), "");
  }
  return judgements;
}

void check_choice_losses(std::string_view stage, std::int64_t step,
                         std::initializer_list<double> losses) {
  for (const double loss : losses) {
    if (std::isfinite(loss)) continue;
    throw Error(ErrorKind::Usage,
                fmt::format("{}: the loss of the architecture parameters is not finite at step {}; "
                            "the previous checkpoint is kept: lower supernet.lr or set "
                            "supernet.clip_norm",
                            stage, step + 1));
  }
}

void Run::train_stage(const std::string& stage, const json& inputs,
                      std::shared_ptr<const NetworkRegion> region, const SupernetConfig& settings,
                      const TrainingExtension* extension) {
  const TrainingExtension added = extension != nullptr ? *extension : TrainingExtension{};
  Supernet& supernet = weights().supernet;
  const CheckpointStore store(dir_.checkpoints(), stage, fingerprint_of(inputs), dir_.files);
  const std::int64_t total = training_steps(settings, data().training_images());
  const auto checkpoint = store.load(log_);
  const std::int64_t first_step = checkpoint ? checkpoint->next_step : 0;
  if (checkpoint) {
    load_weights(supernet, *checkpoint, store.newest());
    copy_tensors(added.tensors, checkpoint->tensors, store.newest().string());
  }
  const auto save = [&](std::int64_t next_step) {
    auto tensors = supernet.tensors();
    tensors.insert(added.tensors.begin(), added.tensors.end());
    store.save({std::move(tensors), next_step});
    metrics_->flush();
  };
  const auto produce = [&] {
    if (first_step == 0) {
      supernet.reset_momentum();
    } else {
      log_.info(fmt::format("{}: continues at step {}", stage, first_step));
    }
    metrics_->drop_after(stage, first_step);
    if (extension != nullptr) metrics_->drop_after(added.metrics, first_step);
    const auto batches = data().train_loader(stage, settings, stop_.group(), first_step);
    const TrainingHooks hooks{.log = log_,
                              .stop = stop_,
                              .metrics = [&](const json& line) { metrics_->add(line); },
                              .save = save,
                              .before_step = added.before_step,
                              .paths = added.paths,
                              .after_step = added.after_step,
                              .is_over = added.is_over};
    log_.info(fmt::format("{}: {} steps of {} images, in a space of 10^{:.2f} architectures", stage,
                          total, settings.batch, region->log10_size()));
    train(supernet,
          {.name = stage,
           .region = region,
           .settings = settings,
           .seed = config_.seed,
           .total_steps = total,
           .save_minutes = config_.checkpoint_minutes,
           .save_steps = config_.checkpoint_steps},
          *batches, first_step, hooks);
    save(total);
  };
  // The values change from here on. If the training is interrupted, they belong to no stage.
  weights().stage.clear();
  run_stage({.name = stage,
             .inputs = inputs,
             .outputs = {store.newest()},
             .produce = produce,
             .load = [&] { return first_step >= total; }},
            record_, log_);
  weights().stage = stage;
  weights().inputs = inputs;
}

Evaluator& Run::evaluator() {
  Weights& weights = this->weights();
  if (!weights.evaluator) {
    const ScoreConfig& score = config_.score;
    weights.evaluator = std::make_unique<SupernetEvaluator>(
        weights.supernet, data().calibration(), data().validation(), stop_, score.memory_mb,
        scalar_type(compute_policy("score.precision", score.precision, Purpose::Scoring,
                                   config_.device.type)
                        .precision));
    weights.shared_evaluator =
        std::make_unique<ShardedEvaluator>(*weights.evaluator, space_, stop_);
  }
  return *weights.shared_evaluator;
}

Scorer& Run::scorer() {
  Weights& weights = this->weights();
  if (!weights.scorer) {
    // Architectures of another space in candidates.csv could not be decoded.
    const json inputs = {{"space", to_json(config_.space)}};
    if (!record_.changes("candidates", inputs).empty()) {
      dir_.files.on_root([this] {
        std::error_code ignored;  // A file that cannot be removed fails, by name, when it is read.
        std::filesystem::remove(dir_.candidates(), ignored);
      });
    }
    record_.finish("candidates", inputs);
    weights.latency = std::make_unique<TableModel>(space_, latency().table);
    weights.scorer = std::make_unique<Scorer>(space_, evaluator(), *weights.latency,
                                              latency().objective, dir_.candidates(), dir_.files);
    weights.scorer->set_limits(latency().limits);
  }
  // The fingerprint keeps accuracies with other weights or images apart from these.
  const std::string fingerprint =
      fingerprint_of({{"weights", weights.inputs}, {"score", inputs().accuracy()}});
  auto& known = weights.scored_under;
  if (known.empty() || known.back().fingerprint != fingerprint) {
    known.push_back({weights.stage, fingerprint});
  }
  weights.scorer->set_weights(fingerprint);
  return *weights.scorer;
}

}  // namespace hsconas
