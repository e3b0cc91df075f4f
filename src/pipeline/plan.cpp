#include "hsconas/pipeline/plan.hpp"

#include <algorithm>
#include <filesystem>
#include <memory>
#include <string>
#include <system_error>
#include <vector>

#include <fmt/format.h>

#include "hsconas/base/error.hpp"
#include "hsconas/base/machine.hpp"
#include "hsconas/base/rng.hpp"
#include "hsconas/config/groups.hpp"
#include "hsconas/config/precision.hpp"
#include "hsconas/latency/source.hpp"
#include "hsconas/paths/path_methods.hpp"
#include "hsconas/pipeline/diagnosis.hpp"
#include "hsconas/pipeline/forecast.hpp"
#include "hsconas/shrink/shrinkers.hpp"
#include "hsconas/space/subspace.hpp"
#include "hsconas/stages/result.hpp"
#include "run_data.hpp"

namespace hsconas {

namespace {

std::int64_t activations(const Block& block) {
  std::int64_t count = 0;
  for (const Block::Path& path : block.paths) {
    for (const Primitive& p : path.primitives)
      count += 1LL * p.out_channels * p.out_size * p.out_size;
  }
  return count;
}

/// " (8 groups of 128)"; empty for one group. Warns of small groups, whose statistics are noisy.
std::string describe_groups(const SupernetConfig& training, Log& log) {
  constexpr int kFewImages = 64;
  if (training.groups == 1) return "";
  const int images = training.batch / training.groups;
  if (images < kFewImages) {
    log.warn(
        fmt::format("supernet.groups: batch norm statistics of only {} images can cost "
                    "accuracy; {} or more are advisable",
                    images, kFewImages));
  }
  return fmt::format(" ({} groups of {})", training.groups, images);
}

double megabytes(std::int64_t bytes) {
  return static_cast<double>(bytes) / 1e6;
}

std::string describe_latency(const Config& config) {
  const LatencyConfig& latency = config.latency;
  const std::string text = "latency: " + latency_source(latency).describe(config);
  return latency.target_ms > 0.0
             ? text + fmt::format(", T = {:.4g} ms", latency.target_ms)
             : text + fmt::format(", T at {:.4g} between the fastest (0) and the slowest (1)",
                                  latency.target_position);
}

/// The data set; null, with a warning, if it does not exist yet.
std::unique_ptr<RunData> open_data(const Config& config, Log& log) {
  std::error_code unknown;
  if (config.data.format != DataFormat::Builtin &&
      !std::filesystem::exists(config.data.path, unknown)) {
    log.warn(fmt::format("data.path: {} does not exist; the run will need it", config.data.path));
    return nullptr;
  }
  return std::make_unique<RunData>(config, log);
}

/// The paths of a step of the training that `settings` describe.
std::vector<TrainedPath> paths_of_step(const Subspace& region, const SupernetConfig& settings,
                                       std::int64_t step, std::int64_t steps, Rng& rng) {
  return find_path_method(settings.paths)
      .paths({.region = region,
              .settings = settings,
              .stage = "plan",
              .step = step,
              .total_steps = steps},
             rng);
}

/// Bytes of the gradient of a step, on average over steps.
double gradient_bytes(const SearchSpace& space, const SupernetConfig& settings) {
  constexpr int kSteps = 200;
  const Subspace full = Subspace::full(space);
  Rng rng(0, "gradient");
  double parameters = 0.0;
  for (int step = 0; step < kSteps; ++step) {
    parameters += static_cast<double>(
        parameters_of_step(space, paths_of_step(full, settings, step, kSteps, rng)));
  }
  return sizeof(float) * parameters / kSteps;
}

/// ", 4 paths each (sandwich)"; empty if a step trains one uniformly random path.
std::string describe_paths(const SearchSpace& space, const SupernetConfig& settings) {
  if (settings.paths == SupernetConfig{}.paths) return "";
  Rng rng(0, "plan");
  const std::size_t count = paths_of_step(Subspace::full(space), settings, 0, 1, rng).size();
  return fmt::format(", {} path{} each ({})", count, count == 1 ? "" : "s", settings.paths);
}

std::string scaling_text(const Config& config, double images_per_second,
                         const PlanOptions& options) {
  if (options.processes.empty()) return "";
  const double bytes = gradient_bytes(SearchSpace(config.space), config.supernet);
  std::vector<ScaledStep> steps;
  for (const int processes : options.processes) {
    steps.push_back(
        scaled_step(config.supernet, images_per_second, bytes, options.link, processes));
  }
  return fmt::format(
             "training steps by several processes, each as fast as this one, that exchange {:.2f} "
             "MB per step at {:.4g} GB/s and {:.4g} us per message:\n",
             bytes / 1e6, options.link.gigabytes_per_second, options.link.message_us) +
         describe_scaling(steps);
}

/// The time that the search takes. The device may be absent: clusters have machines without GPUs on
/// which jobs are prepared.
std::string forecast_text(const Config& config, const RunData* data, const StopToken& stop,
                          const PlanOptions& options) {
  if (const auto doubt = memory_doubt(config, available_memory()); !doubt.empty()) {
    return "time: not measured, because " + doubt + "\n";
  }
  try {
    const Forecast forecast = forecast_search(config, data, stop);
    return describe_forecast(forecast) + scaling_text(config, forecast.images_per_second, options);
  } catch (const Error& error) {
    if (error.kind() != ErrorKind::Device) throw;
    return fmt::format("time: not known, because this machine cannot train: {}\n", error.what());
  }
}

}  // namespace

std::int64_t estimate_memory(const SearchSpace& space, const Config& config) {
  std::int64_t weights = cost_of(space.stem()).weights + cost_of(space.head()).weights;
  std::int64_t live = activations(space.stem()) + activations(space.head());
  for (int layer = 0; layer < space.layers(); ++layer) {
    std::int64_t most = 0;  // Of all operators that run at once.
    for (int op = 0; op < space.ops(); ++op) {
      const Block block = space.widest_block(layer, op);
      weights += cost_of(block).weights;
      most = config.supernet.learns_choices() ? most + activations(block)
                                              : std::max(most, activations(block));
    }
    live += most;
  }
  const auto& d = config.space;
  const std::int64_t image = 1LL * d.image_channels * d.image_size * d.image_size;
  const std::int64_t batch =
      std::max(config.supernet.batch / config.supernet.groups, config.score.batch / 2);
  return 4 * (2 * weights + 2 * live * batch +
              image * (config.validation_images() + config.score.calibration_images)) +
         1'000'000LL * config.score.memory_mb;
}

std::string memory_doubt(const Config& config, double available_bytes) {
  const auto needed = static_cast<double>(estimate_memory(SearchSpace(config.space), config));
  if (config.device.type != "cpu" || available_bytes < 0.0 || needed <= available_bytes) return "";
  return fmt::format(
      "training and scoring may need {:.1f} GB, but {:.1f} GB are available: lower "
      "space.image_size, supernet.batch, score.batch or score.memory_mb",
      needed / 1e9, available_bytes / 1e9);
}

std::string describe_plan(const Config& config, Log& log, const StopToken& stop,
                          const PlanOptions& options) {
  for (const int processes : options.processes) {
    check_processes("supernet", config.supernet, processes);
    check_one_process(config.supernet, processes);
  }
  const SearchSpace space(config.space);
  const std::string limits = check_latency(config, log, stop);
  const auto data = open_data(config, log);
  if (data) check_batch("supernet.batch", config.supernet.batch, data->training_images());
  const std::int64_t images = data ? data->training_images() : kAssumedImages;
  std::string text = describe_space(space) + "\n";
  text += data ? fmt::format("data: {} training images, {} held out\n", images,
                             config.data.holdout_images)
               : fmt::format("data: {} does not exist; steps and time are those for {} images\n",
                             config.data.path, images);
  text += describe_latency(config) + "\n" + limits;
  const Config resolved = with_resolved_precisions(config);
  const std::vector<StageWork> works = stage_works(config, space, images);
  text += fmt::format("supernet: {} steps of {} images{}{} in {}, scored in {}\n",
                      works.front().steps, config.supernet.batch,
                      describe_paths(space, config.supernet), describe_groups(config.supernet, log),
                      word_of(resolved.supernet.precision), word_of(resolved.score.precision));
  text += describe_shrinking(config.shrink, space);
  int evaluations = 0;
  for (const StageWork& work : works) {
    evaluations += work.evaluations;
    if (work.stage.starts_with("shrink-")) {
      text += fmt::format("{}: then {} steps\n", work.stage, work.steps);
    }
  }
  const std::string method =
      config.supernet.learns_choices() ? config.supernet.method : config.search.method;
  text += fmt::format("search: {}, {} evaluations ({} in all)\n", method, works.back().evaluations,
                      evaluations);
  text += fmt::format("memory: about {:.0f} MB for training and scoring\n",
                      megabytes(estimate_memory(space, config)));
  text += forecast_text(config, data.get(), stop, options);
  text +=
      "files: config.json version.txt log.txt metrics.jsonl stages.json latency.json "
      "latency.svg checkpoints/ shrink.json candidates.csv result.json model.safetensors "
      "architecture.json report.html\n";
  return text;
}

}  // namespace hsconas
