#include <filesystem>
#include <optional>
#include <string>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "entries.hpp"
#include "hsconas/base/error.hpp"
#include "hsconas/base/files.hpp"
#include "hsconas/config/config_file.hpp"
#include "hsconas/deploy/deployed_model.hpp"
#include "hsconas/latency/measure.hpp"
#include "hsconas/pipeline/trained_model.hpp"
#include "hsconas/profile/torch_timer.hpp"
#include "hsconas/report/evaluation_report.hpp"
#include "hsconas/supernet/device.hpp"
#include "tested_model.hpp"

namespace hsconas {

namespace {

namespace fs = std::filesystem;
using nlohmann::json;

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
  const bool is_kept = can_write(out);
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
  std::optional<Int8Model> int8;
  if (options.int8.is_wanted) {
    int8 = make_int8(model, config, int8_settings(options.int8), context.log);
  }
  const TestedModel test = test_model(model, int8 ? &*int8 : nullptr, config, context);
  const Evaluation& evaluation = test.fp32;
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
  if (int8) report["int8"] = int8_json(test, *int8);
  if (is_kept) write_json(out / "evaluation.json", report);
  print(context, report,
        fmt::format("{} ({} weights)\ntop-1 {:.2f} %, top-5 {:.2f} % on {} test images\n"
                    "{}{:.3f} ms per batch of {} with {} thread{} on {}\n\n{}{}",
                    report["arch"].get<std::string>(), model.weights, 100.0 * evaluation.top1(),
                    100.0 * evaluation.top5(), evaluation.images(),
                    int8 ? int8_text(test, *int8) : "", ms, config.latency.batch,
                    config.latency.threads, config.latency.threads == 1 ? "" : "s",
                    describe(timer.info()), worst_classes(evaluation, kWorstClasses),
                    is_kept ? "\nall classes: " + confusion.string() + "\n" : ""));
}

}  // namespace hsconas
