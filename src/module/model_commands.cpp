#include <filesystem>
#include <unistd.h>
#include <utility>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "entries.hpp"
#include "hsconas/app/commands.hpp"
#include "hsconas/base/error.hpp"
#include "hsconas/base/files.hpp"
#include "hsconas/base/usable_cpus.hpp"
#include "hsconas/config/config_file.hpp"
#include "hsconas/data/dataset.hpp"
#include "hsconas/deploy/classify.hpp"
#include "hsconas/deploy/deployed_model.hpp"
#include "hsconas/deploy/export.hpp"
#include "hsconas/latency/measure.hpp"
#include "hsconas/pipeline/retraining.hpp"
#include "hsconas/pipeline/trained_model.hpp"
#include "hsconas/profile/torch_timer.hpp"
#include "hsconas/report/evaluation_report.hpp"
#include "hsconas/stages/result.hpp"
#include "hsconas/stages/work_dir.hpp"
#include "hsconas/supernet/device.hpp"

namespace hsconas {

namespace {

namespace fs = std::filesystem;
using nlohmann::json;

void print(CommandContext& context, const json& object, const std::string& text) {
  fmt::print("{}", context.options.json ? object.dump() + "\n" : text);
}

// --- retrain -------------------------------------------------------------------------------------

bool is_finished_search(const fs::path& folder) {
  const WorkDir dir{folder};
  return fs::exists(dir.stages()) && StageRecord(dir.stages()).has("search");
}

/// Throws Error(Usage) when the config has another space than the run, because the winner's
/// architecture cannot be decoded in it.
void check_space(const Config& config, const ResultRecord& result) {
  if (config.space.name != result.space) {
    throw Error(ErrorKind::Usage,
                fmt::format("the run searched space {}, not {}; name an architecture with --arch",
                            result.space, config.space.name));
  }
}

/// With --resume, RUN or --out may also be the folder of the retraining itself. Its config and its
/// architecture are then taken from there, and the run is the folder around it if that is a
/// finished search.
void find_own_folder(RetrainOptions& options) {
  std::string& run = options.run.folder;
  if (!options.resume || !options.run.config.file.empty()) return;
  if (!run.empty() && !options.out.empty()) return;
  const std::string folder = run.empty() ? options.out : run;
  if (folder.empty()) return;
  const auto begun = begun_retraining(folder);
  if (!begun) return;
  const fs::path parent = fs::absolute(folder).lexically_normal().parent_path();
  const fs::path outside = fs::path(folder).has_filename() ? parent : parent.parent_path();
  run = is_finished_search(outside) ? outside.string() : "";
  if (run.empty() && begun->needs_run) {
    throw Error(ErrorKind::Usage,
                fmt::format("the retraining in {0} needs the weights of its search: name that run, "
                            "hsconas retrain RUN --out {0} --resume",
                            folder));
  }
  options.out = folder;
  if (options.arch.empty()) options.arch = begun->arch;
  options.run.config.file = WorkDir{folder}.config();
}

}  // namespace

void run_retrain(RetrainOptions options, CommandContext& context) {
  options.run.sort_out();
  if (options.from_supernet) options.run.config.set.push_back("retrain.from_supernet=true");
  options.run.config.take_bare_file();
  find_own_folder(options);
  const fs::path run = options.run.folder;
  if (run.empty() && (options.run.config.file.empty() || options.arch.empty())) {
    throw Error(ErrorKind::Usage,
                "retrain needs the folder of a finished search, or --config and --arch");
  }
  if (run.empty() && options.out.empty()) {
    throw Error(ErrorKind::Usage,
                "retrain without RUN needs a folder to work in: name it with --out");
  }
  if (!run.empty()) find_model(run, ModelChoice::Shared);  // Throws if the search is not finished.
  fs::path out = options.out;
  if (out.empty()) {
    out = options.arch.empty() ? WorkDir{run}.retraining() : run / ("retrain-" + options.arch);
  }
  // A retraining that is continued keeps the settings with which it was begun.
  if (options.resume && options.run.config.file.empty() && begun_retraining(out)) {
    options.run.config.file = WorkDir{out}.config();
  }
  RetrainRequest request{.config = options.run.load(run), .arch = {}, .run = run};
  require_same_config(*context.group, request.config);
  const SearchSpace space(request.config.space);
  std::string arch = options.arch;
  if (arch.empty()) {
    const ResultRecord result = load_result(WorkDir{run}.result());
    check_space(request.config, result);
    arch = result.winner.arch;
  }
  request.arch = space.decode(arch);
  const auto mode = options.resume      ? WorkDirMode::Resume
                    : options.overwrite ? WorkDirMode::Overwrite
                                        : WorkDirMode::Fresh;
  stop_on_closed_pipe();
  const GroupFiles files(context.group);
  const RetrainRecord result =
      retrain(request, WorkDir::open(out, mode, false, files), context.log, context.stop);
  files.on_root([&] { print(context, to_json(result), format_retrain_record(result)); });
  context.log.info("all files of this retraining are in " + out.string());
}

// --- evaluate ------------------------------------------------------------------------------------

namespace {

Evaluation test(const DeployedModel& model, Config config, CommandContext& context) {
  config.data.image_size = model.space.image_size;
  const Dataset set = open_test_set(config.data, model.classes, config.seed, context.log);
  if (set.channels != model.space.image_channels) {
    throw Error(ErrorKind::Usage,
                fmt::format("the images have {} channels, but the network takes {}: set data.path "
                            "to a data set that fits",
                            set.channels, model.space.image_channels));
  }
  const Preprocessing preprocessing{model.space.image_size, set.channels, config.data.augment,
                                    model.normalisation};
  const FrozenNetwork network = model.network.to(open_device(config.device.type));
  Evaluation evaluation(model.classes);
  for_each_batch(*set.test, all_indices(*set.test), preprocessing, config.score.batch,
                 threads_for(config.data.workers), [&](const Batch& batch) {
                   context.stop.check();
                   classify(network, batch, evaluation);
                 });
  return evaluation;
}

json as_json(const Evaluation& evaluation) {
  json classes = json::array();
  for (int label = 0; label < std::ssize(evaluation.classes()); ++label) {
    const bool has_images = evaluation.images_of(label) > 0;
    classes.push_back({{"name", evaluation.classes()[static_cast<std::size_t>(label)]},
                       {"images", evaluation.images_of(label)},
                       {"recall", has_images ? json(evaluation.recall(label)) : json()}});
  }
  return {{"format", "hsconas-evaluation-1"},
          {"images", evaluation.images()},
          {"top1", evaluation.top1()},
          {"top5", evaluation.top5()},
          {"classes", classes}};
}

}  // namespace

void run_evaluate(EvaluateOptions options, CommandContext& context) {
  constexpr std::size_t kWorstClasses = 10;
  const fs::path folder =
      find_model(options.run.folder, options.shared ? ModelChoice::Shared : ModelChoice::Best);
  const DeployedModel model = load_model(folder);
  Config config = options.run.load(folder);
  if (options.batch > 0) config.latency.batch = options.batch;
  // Whether the folder is writable is checked before the work, not after it.
  const fs::path out = options.out.empty() ? folder : fs::path(options.out);
  if (!options.out.empty()) make_folder(out);
  const bool is_kept = ::access(out.c_str(), W_OK) == 0;
  if (!is_kept && !options.out.empty()) {
    throw Error(ErrorKind::Data, out.string() + ": cannot write here; choose another --out");
  }
  if (!is_kept) {
    context.log.warn(
        fmt::format("{}: cannot write here, so confusion.csv and evaluation.json are "
                    "left out; name another folder with --out DIR",
                    out.string()));
  }
  // In this command, --threads N also sets the threads of the timed inferences.
  if (!options.run.config.threads.empty()) config.latency.threads = config.device.threads;
  set_threads(config.device.threads);
  const Evaluation evaluation = test(model, config, context);
  const SearchSpace space(model.space);
  TorchTimer timer(open_device(config.latency_device()),
                   timer_settings(config.latency, config.latency.batch, &context.log));
  const double ms = measure_networks(space, {&model.arch, 1}, timer, config.latency, config.seed,
                                     context.log, context.stop)
                        .front();
  const fs::path confusion = out / "confusion.csv";
  if (is_kept) write_file(confusion, evaluation.confusion_csv());
  json report = as_json(evaluation);
  report["arch"] = space.encode(model.arch);
  report["weights"] = model.weights;
  report["model"] = folder.string();
  if (is_kept) report["confusion"] = confusion.string();
  report["latency"] = {{"ms", ms},
                       {"batch", config.latency.batch},
                       {"threads", config.latency.threads},
                       {"device", describe(timer.info())}};
  if (is_kept) write_json(out / "evaluation.json", report);
  print(context, report,
        fmt::format("{} ({} weights)\ntop-1 {:.2f} %, top-5 {:.2f} % on {} test images\n"
                    "{:.3f} ms per batch of {} with {} thread{} on {}\n\n{}{}",
                    report["arch"].get<std::string>(), model.weights, 100.0 * evaluation.top1(),
                    100.0 * evaluation.top5(), evaluation.images(), ms, config.latency.batch,
                    config.latency.threads, config.latency.threads == 1 ? "" : "s",
                    describe(timer.info()), worst_classes(evaluation, kWorstClasses),
                    is_kept ? "\nall classes: " + confusion.string() + "\n" : ""));
}

// --- export --------------------------------------------------------------------------------------

namespace {

void make_folder_of(const fs::path& file) {
  if (file.has_parent_path()) make_folder(file.parent_path());
}

}  // namespace

void run_export(ExportOptions options, CommandContext& context) {
  const fs::path folder =
      find_model(options.folder, options.shared ? ModelChoice::Shared : ModelChoice::Best);
  const DeployedModel model = load_model(folder);
  if (options.onnx.empty() && options.torchscript.empty() && options.safetensors.empty()) {
    const fs::path out = fs::path(options.folder) / "export";
    options.onnx = out / "model.onnx";
    options.torchscript = out / "model.pt";
    options.safetensors = out / kModelFile;
  }
  json files = json::array();
  const auto write = [&files](const std::string& name, auto writer) {
    if (name.empty()) return;
    make_folder_of(name);
    writer(fs::path(name));
    files.push_back(name);
  };
  write(options.onnx, [&](const fs::path& file) { write_onnx(file, model); });
  write(options.torchscript, [&](const fs::path& file) { write_torchscript(file, model); });
  write(options.safetensors, [&](const fs::path& file) {
    save_model(file, model);
    files.push_back((file.parent_path() / kArchitectureFile).string());
  });
  std::string text =
      fmt::format("{} ({} weights) from {}\n", SearchSpace(model.space).encode(model.arch),
                  model.weights, folder.string());
  for (const json& file : files) text += file.get<std::string>() + "\n";
  print(context, {{"model", folder.string()}, {"weights", model.weights}, {"files", files}}, text);
}

}  // namespace hsconas
