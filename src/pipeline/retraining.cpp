#include "hsconas/pipeline/retraining.hpp"

#include <algorithm>
#include <cmath>
#include <memory>
#include <optional>
#include <utility>

#include <fmt/format.h>
#include <nlohmann/json.hpp>
#include <torch/types.h>

#include "hsconas/base/error.hpp"
#include "hsconas/base/files.hpp"
#include "hsconas/base/hash.hpp"
#include "hsconas/base/text.hpp"
#include "hsconas/config/config_file.hpp"
#include "hsconas/config/groups.hpp"
#include "hsconas/config/precision.hpp"
#include "hsconas/deploy/classify.hpp"
#include "hsconas/deploy/deployed_model.hpp"
#include "hsconas/pipeline/run.hpp"
#include "hsconas/pipeline/version.hpp"
#include "hsconas/report/metrics_log.hpp"
#include "hsconas/space/depths.hpp"
#include "hsconas/stages/result.hpp"
#include "hsconas/stages/run_kind.hpp"
#include "hsconas/stages/stage.hpp"
#include "hsconas/stages/stage_inputs.hpp"
#include "hsconas/supernet/calibration.hpp"
#include "hsconas/supernet/device.hpp"
#include "hsconas/train/checkpoint.hpp"
#include "hsconas/train/trainer.hpp"
#include "hsconas/train/weight_average.hpp"
#include "run_data.hpp"

namespace hsconas {

using nlohmann::json;

namespace {

constexpr const char* kStage = "retrain";
constexpr const char* kBegun = "retraining";  ///< The entry of stages.json that marks the start.
constexpr const char* kAverage = ".average";

/// `tensors` without the state of the optimiser.
std::map<std::string, torch::Tensor> weights_of(std::map<std::string, torch::Tensor> tensors) {
  std::erase_if(tensors, [](const auto& item) { return item.first.ends_with(".momentum"); });
  return tensors;
}

/// The objects of one retraining, and its steps.
class Retraining {
 public:
  Retraining(const RetrainRequest& request, const WorkDir& dir, Log& log, const StopToken& stop)
      : config_(request.config),
        settings_(config_.retrain),
        arch_(request.arch),
        run_(request.run),
        dir_(dir),
        log_(log),
        stop_(stop),
        space_(settings_.depths > 0 ? with_skip(config_.space) : config_.space),
        versions_(settings_.depths > 0 ? shallower(space_, arch_, settings_.depths)
                                       : std::vector<Architecture>{}),
        supernet_(space_, open_device(config_.device.type), config_.seed),
        data_(config_, log) {
    check_batch("retrain.batch", settings_.batch,
                data_.training_images() + (settings_.use_holdout ? data_.held_out_images() : 0));
    if (!learns_from_model()) return;
    DeployedModel model = load_model(settings_.teacher);
    if (model.classes != data_.classes() || model.space.image_size != config_.space.image_size) {
      throw Error(ErrorKind::Usage, fmt::format("retrain.teacher: {} was trained for other "
                                                "classes or another image size; name a model "
                                                "with those of this data set",
                                                settings_.teacher));
    }
    teacher_.emplace(model.network.to(supernet_.device()));
  }

  /// Warns when the images are not those of the search that RUN names: that is allowed, but its
  /// winner and accuracies belong to other images.
  void compare_images() const {
    if (run_.empty()) return;
    const StageRecord record(WorkDir{run_}.stages(), false, dir_.files);
    const json search = record.inputs("search");
    const auto differ = [&](const char* pointer, const DataIdentity& now) {
      const json before =
          search.is_null() ? json() : search.value(json::json_pointer(pointer), json());
      return before.is_string() && before != "" && before != now.fingerprint;
    };
    std::vector<std::string> parts;
    if (differ("/weights/data/images", data_.train_identity())) parts.emplace_back("training");
    if (differ("/test/images", data_.test_identity())) parts.emplace_back("test");
    if (parts.empty()) return;
    log_.warn(fmt::format(
        "retrain: the {} images are not those of the search in {}, whose accuracies are therefore "
        "not comparable",
        join(parts, " and "), run_.string()));
  }

  json inputs() const {
    const StageInputs inputs(config_, {.train = data_.train_identity().fingerprint,
                                       .test = data_.test_identity().fingerprint});
    const std::string run =
        uses_run() ? fingerprint_of(dir_.files.read_sealed_json(WorkDir{run_}.result())) : "";
    return inputs.retrain(space_.encode(arch_), teacher_identity(), run);
  }

  /// Trains to the end. `fingerprint` identifies the checkpoints of the same inputs. Returns the
  /// number of steps of the whole training.
  std::int64_t train(const std::string& fingerprint) {
    take_from_run();
    const auto tensors = supernet_.tensors_of(arch_);
    const CheckpointStore store(dir_.checkpoints(), kStage, fingerprint, dir_.files);
    const std::int64_t first_step = resume(store);
    if (settings_.average_decay > 0.0 && !average_) {
      average_.emplace(weights_of(tensors), settings_.average_decay);
    }
    const auto batches = data_.train_loader(kStage, settings_, *dir_.files.group(), first_step,
                                            settings_.use_holdout);
    const auto total = std::max<std::int64_t>(
        1, std::llround(settings_.epochs * static_cast<double>(batches->steps_per_epoch())));
    MetricsLog metrics(dir_.metrics(), first_step > 0, config_.log.tensorboard, dir_.files);
    metrics.drop_after(kStage, first_step);
    const auto save = [&](std::int64_t next_step) {
      store.save({state(), next_step});
      metrics.flush();
    };
    TrainingHooks hooks{.log = log_,
                        .stop = GroupStop(stop_, dir_.files.group()),
                        .metrics = [&](const json& line) { metrics.add(line); },
                        .save = save,
                        .after_step =
                            [this](std::int64_t step) {
                              if (average_) average_->update(step);
                            }};
    if (!versions_.empty()) {
      hooks.paths = [this](std::int64_t step) { return paths_of(step); };
    }
    log_.info(fmt::format("retrain: {}, {} steps of {} images", space_.encode(arch_), total,
                          settings_.batch));
    if (first_step < total) {
      hsconas::train(supernet_,
                     {.name = kStage,
                      .region = std::make_shared<Subspace>(Subspace::only(arch_)),
                      .settings = settings_,
                      .seed = config_.seed,
                      .total_steps = total,
                      .save_minutes = config_.checkpoint_minutes,
                      .save_steps = config_.checkpoint_steps,
                      .distillation = {.teacher = teacher_ ? &*teacher_ : nullptr,
                                       .weight = settings_.distillation,
                                       .temperature = settings_.temperature},
                      .section = kStage},
                     *batches, first_step, hooks);
      save(total);
    }
    return total;
  }

  /// Makes the averaged weights, if there are any, the network's weights.
  void finish() {
    if (average_) average_->apply();
    for (const Batch& batch : data_.calibration()) {
      calibration_.push_back(batch.images.to(supernet_.device()));
    }
  }

  /// The finished network.
  DeployedModel model() { return model_of(arch_, config_.space); }

  /// The models of the shallower versions.
  std::vector<std::filesystem::path> version_models() const {
    std::vector<std::filesystem::path> models;
    for (std::size_t depth = 1; depth <= versions_.size(); ++depth) {
      models.push_back(
          WorkDir{.root = dir_.depths() / std::to_string(depth), .lock = nullptr}.model());
    }
    return models;
  }

  /// Tests the shallower versions and writes their models, each into a folder of its own.
  std::vector<DepthRecord> write_versions() {
    std::vector<DepthRecord> records;
    for (const std::filesystem::path& file : version_models()) {
      const Architecture& version = versions_[records.size()];
      const DeployedModel model = model_of(version, space_.description());
      const Cost cost = space_.cost(version);
      const WorkDir folder{.root = file.parent_path(), .lock = nullptr};
      records.push_back({.folder = folder.root.lexically_relative(dir_.root).string(),
                         .arch = space_.encode(version),
                         .macs = cost.macs,
                         .parameters = cost.parameters(),
                         .test_accuracy = test(model.network).top1()});
      dir_.files.on_root([&] {
        make_folder(folder.root);
        save_model(file, model);
        write_json(folder.config(), to_json(config_));
      });
    }
    return records;
  }

  Evaluation test(const FrozenNetwork& network) const {
    Evaluation evaluation(data_.classes());
    data_.for_each_test_batch([&](const Batch& batch) { classify(network, batch, evaluation); });
    return evaluation;
  }

 private:
  /// The network, and one of its shallower versions, which learns from it and from the labels.
  std::vector<TrainedPath> paths_of(std::int64_t step) const {
    constexpr double kTaught = 0.5;
    Rng rng(config_.seed, "retrain depth", static_cast<std::uint64_t>(step));
    return {{.arch = arch_}, {.arch = versions_[rng.index(versions_.size())], .taught = kTaught}};
  }

  /// `arch` with the supernet's weights and statistics of its own.
  DeployedModel model_of(const Architecture& arch, const SpaceDescription& space) {
    return {.space = space,
            .arch = arch,
            .network = freeze(supernet_, arch, calibrate(supernet_, arch, calibration_)),
            .classes = data_.classes(),
            .normalisation = data_.normalisation(),
            .weights = "retrained"};
  }

  bool needs_shared_teacher() const {
    return settings_.distillation > 0.0 && settings_.teacher.empty();
  }
  bool learns_from_model() const {
    return settings_.distillation > 0.0 && !settings_.teacher.empty();
  }
  /// The fingerprint of the teacher's model; empty if no trained model is the teacher.
  std::string teacher_identity() const {
    if (!learns_from_model()) return "";
    const WorkDir teacher{.root = settings_.teacher, .lock = nullptr};
    return fingerprint(dir_.files.from_root(
        [&] { return read_file(teacher.architecture()) + read_file(teacher.model()); }));
  }
  bool uses_run() const { return settings_.from_supernet || needs_shared_teacher(); }

  /// Takes the initial weights and the teacher from the search, if the settings ask for that.
  void take_from_run() {
    if (!uses_run()) return;
    Config searched = read_config(json::parse(dir_.files.from_root(
        [this] { return to_json(load_config(WorkDir{run_}.config(), {})).dump(); })));
    const bool is_gone = !dir_.files.exists(searched.data.path);
    // A data set that was moved since may be where config_ says. Run compares its content.
    if (is_gone && searched.data.format == config_.data.format) {
      searched.data.path = config_.data.path;
    }
    Run run(std::move(searched), WorkDir::open(run_, WorkDirMode::Resume, false, dir_.files), log_,
            stop_);
    if (settings_.from_supernet) {
      copy_tensors(weights_of(supernet_.tensors_of(arch_)),
                   weights_of(run.tuned().tensors_of(arch_)), run_.string());
    }
    if (needs_shared_teacher()) {
      const Architecture widest = largest(space_, run.shrunk());
      log_.info("retrain: the teacher is " + space_.encode(widest));
      teacher_.emplace(run.freeze(widest).to(supernet_.device()));
    }
    dir_.files.on_root([this] { log_.attach_file(dir_.log()); });
    set_threads(config_.device.threads);
  }

  /// Loads the checkpoint of this training and returns the step to continue at; 0 if there is none.
  std::int64_t resume(const CheckpointStore& store) {
    const auto checkpoint = store.load(log_);
    if (!checkpoint) return 0;
    const std::string source = store.newest().string();
    const auto tensors = supernet_.tensors_of(arch_);
    copy_tensors(tensors, checkpoint->tensors, source);
    if (settings_.average_decay > 0.0) {
      average_.emplace(weights_of(tensors), settings_.average_decay);
      copy_tensors(named_averages(), checkpoint->tensors, source);
    }
    log_.info(fmt::format("retrain: continues at step {}", checkpoint->next_step));
    return checkpoint->next_step;
  }

  std::map<std::string, torch::Tensor> named_averages() const {
    std::map<std::string, torch::Tensor> averages;
    for (const auto& [name, average] : average_->averages()) averages[name + kAverage] = average;
    return averages;
  }

  /// The tensors that a checkpoint holds.
  std::map<std::string, torch::Tensor> state() {
    auto tensors = supernet_.tensors_of(arch_);
    if (average_) tensors.merge(named_averages());
    return tensors;
  }

  const Config& config_;
  const RetrainConfig& settings_;
  const Architecture& arch_;
  const std::filesystem::path& run_;
  const WorkDir& dir_;
  Log& log_;
  const StopToken& stop_;
  SearchSpace space_;
  std::vector<Architecture> versions_;  ///< Shallower ones of arch_, deepest first.
  Supernet supernet_;
  RunData data_;
  std::vector<torch::Tensor> calibration_;  ///< Images, once training is over.
  std::optional<WeightAverage> average_;
  std::optional<FrozenNetwork> teacher_;
};

/// The test accuracy that the search found for the same architecture with shared weights, if any.
std::optional<double> shared_accuracy(const RetrainRequest& request, const SearchSpace& space,
                                      const GroupFiles& files) {
  if (request.run.empty()) return {};
  const std::filesystem::path file = WorkDir{request.run}.result();
  const ResultRecord result = read_result(files.read_sealed_json(file), file.string());
  if (result.winner.arch != space.encode(request.arch)) return {};
  return result.test_accuracy;
}

/// Throws Error(Usage) when the settings need the weights of a search but the request names none.
void check_sources(const RetrainRequest& request) {
  const RetrainConfig& settings = request.config.retrain;
  if (!request.run.empty()) return;
  if (settings.from_supernet) {
    throw Error(ErrorKind::Usage,
                "retrain.from_supernet needs a finished search: name its folder, retrain RUN");
  }
  if (settings.distillation > 0.0 && settings.teacher.empty()) {
    throw Error(ErrorKind::Usage,
                "retrain.distillation needs a teacher: set retrain.teacher, or name the folder of "
                "a finished search, retrain RUN");
  }
}

RetrainRecord record_of(const RetrainRequest& request, const SearchSpace& space, std::int64_t steps,
                        const Evaluation& test, const GroupFiles& files) {
  const Cost cost = space.cost(request.arch);
  return {.name = request.config.name,
          .seed = request.config.seed,
          .space = request.config.space.name,
          .arch = space.encode(request.arch),
          .layers = space.describe(request.arch),
          .macs = cost.macs,
          .parameters = cost.parameters(),
          .epochs = request.config.retrain.epochs,
          .steps = steps,
          .test_images = test.images(),
          .test_accuracy = test.top1(),
          .test_top5 = test.top5(),
          .shared_test_accuracy = shared_accuracy(request, space, files),
          .depths = {}};
}

}  // namespace

std::optional<BegunRetraining> begun_retraining(const std::filesystem::path& folder) {
  const WorkDir dir{.root = folder, .lock = nullptr};
  if (!is_there(dir.stages()) || !dir.holds_work()) return {};
  const json inputs = StageRecord(dir.stages()).inputs(kBegun);
  if (!inputs.is_object() || !inputs.contains("arch")) return {};
  return BegunRetraining{.config = load_config(dir.config(), {}),
                         .arch = inputs.at("arch").get<std::string>(),
                         .needs_run = inputs.contains("run")};
}

RetrainRecord retrain(const RetrainRequest& asked, const WorkDir& dir, Log& log,
                      const StopToken& stop) {
  RetrainRequest request = asked;
  // The inputs hold the actual precision, so that another device does not continue in another one.
  Precision& precision = request.config.retrain.precision;
  precision = resolved_precision("retrain.precision", precision, Purpose::Training,
                                 request.config.device.type);
  const Config& config = request.config;
  const SearchSpace space(config.space);
  space.check(request.arch);
  check_sources(request);
  check_device(config.device.type, dir.files.group()->size());
  check_processes("retrain", config.retrain, dir.files.group()->size());
  // All inputs are checked before any file is written or removed.
  open_device(config.device.type);
  set_threads(config.device.threads);
  if (!dir.starts_over) dir.files.on_root([&] { check_kind(dir, RunKind::Retrain); });
  Retraining training(request, dir, log, stop);
  StageRecord record(dir.stages(), dir.starts_over, dir.files);
  const json inputs = training.inputs();
  training.compare_images();
  const auto changes = record.changes(record.has(kBegun) ? kBegun : kStage, inputs);
  if (!record.is_done(kStage, inputs) && !changes.empty() && dir.holds_work()) {
    throw Error(ErrorKind::Usage,
                fmt::format("the retraining in {} was begun with other settings: {}; undo these "
                            "changes, start over with --overwrite, or choose another --out",
                            dir.root.string(), join(changes, ", ")));
  }
  RetrainRecord result;
  const auto produce = [&] {
    dir.begin();
    dir.files.on_root([&] {
      make_folder(dir.checkpoints());
      log.attach_file(dir.log());
      write_json(dir.config(), to_json(config));
      write_file(dir.version(), version_text());
    });
    record.finish(kBegun, inputs);
    const std::int64_t steps = training.train(fingerprint_of(inputs));
    training.finish();
    const DeployedModel model = training.model();
    const Evaluation test = training.test(model.network);
    dir.files.on_root([&] { save_model(dir.model(), model); });
    result = record_of(request, space, steps, test, dir.files);
    result.depths = training.write_versions();
    dir.files.on_root([&] { write_sealed_json(dir.result(), to_json(result)); });
  };
  const auto load = [&] {
    result = read_retrain_record(dir.files.read_sealed_json(dir.result()), dir.result().string());
    return true;
  };
  std::vector<std::filesystem::path> outputs = training.version_models();
  outputs.insert(outputs.begin(), {dir.result(), dir.model()});
  run_stage(
      {.name = kStage, .inputs = inputs, .outputs = outputs, .produce = produce, .load = load},
      record, log);
  return result;
}

RetrainRecord load_retrain_result(const std::filesystem::path& folder) {
  const WorkDir dir{folder};
  if (!is_there(dir.result())) {
    throw Error(ErrorKind::Data, fmt::format("{}: the retraining has not finished; continue it "
                                             "with hsconas retrain {} --resume",
                                             folder.string(), folder.string()));
  }
  return read_retrain_record(read_sealed_json(dir.result()), dir.result().string());
}

}  // namespace hsconas
