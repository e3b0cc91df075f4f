#include "hsconas/pipeline/forecast.hpp"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <functional>
#include <memory>
#include <numeric>
#include <span>
#include <utility>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "hsconas/base/error.hpp"
#include "hsconas/base/rng.hpp"
#include "hsconas/base/statistics.hpp"
#include "hsconas/base/text.hpp"
#include "hsconas/base/usable_cpus.hpp"
#include "hsconas/config/precision.hpp"
#include "hsconas/config/supernet_methods.hpp"
#include "hsconas/data/image_source.hpp"
#include "hsconas/latency/source.hpp"
#include "hsconas/search/methods.hpp"
#include "hsconas/shrink/shrinkers.hpp"
#include "hsconas/space/subspace.hpp"
#include "hsconas/supernet/device.hpp"
#include "hsconas/train/supernet_evaluator.hpp"
#include "hsconas/train/trainer.hpp"
#include "run_data.hpp"

namespace hsconas {

namespace {

// Measuring ends after these times, or when the means are known well enough.
constexpr double kTrainingSeconds = 5.0;
constexpr double kScoringSeconds = 2.0;  // For random candidates, and again for shrinking.
constexpr double kRelativeError = 0.04;
// Nobody wants to wait for the forecast of a search as long as for the search.
constexpr double kShareOfSearch = 0.1;

/// Whether the mean of `times` is known with a standard error of kRelativeError.
bool is_known(std::span<const double> times) {
  constexpr std::size_t kFewest = 5;
  if (times.size() < kFewest) return false;
  const double error = standard_deviation(times) / std::sqrt(static_cast<double>(times.size()));
  return error < kRelativeError * mean(times);
}

// A CPU trains as many images a second in smaller batches, with less memory and sooner to measure.
constexpr int kMostOnCpu = 64;

double seconds_of(const std::function<void()>& work) {
  const auto start = std::chrono::steady_clock::now();
  work();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

/// Where the images of the measurement come from.
struct Images {
  std::function<std::unique_ptr<TrainLoader>(int batch)> training;
  std::function<std::vector<Batch>(int count)> scoring;
  std::int64_t to_train_on = 0;  ///< In a search.
  std::int64_t held_out = 0;     ///< In a search.
};

Images images_of(const RunData& data) {
  return {.training =
              [&](int batch) {
                return data.train_loader("forecast", {.batch = batch}, SingleGroup(), 0);
              },
          .scoring = [&](int count) { return data.calibration(count); },
          .to_train_on = data.training_images(),
          .held_out = data.held_out_images()};
}

/// Images of noise, in memory and of the size that the network takes.
Images random_images(const Config& config, int count) {
  const SpaceDescription& space = config.space;
  const MemorySource::Shape shape{space.image_channels, space.image_size, space.image_size};
  std::vector<std::uint8_t> pixels(static_cast<std::size_t>(count) * shape.bytes());
  Rng rng(config.seed, "forecast");
  for (std::uint8_t& value : pixels) value = static_cast<std::uint8_t>(rng.below(256));
  std::vector<int> labels(static_cast<std::size_t>(count));
  for (int i = 0; i < count; ++i) labels[static_cast<std::size_t>(i)] = i % space.classes;
  const auto source =
      std::make_shared<MemorySource>("noise", shape, std::move(pixels), std::move(labels));
  std::vector<std::int64_t> all(static_cast<std::size_t>(count));
  std::iota(all.begin(), all.end(), 0);
  const auto channels = static_cast<std::size_t>(space.image_channels);
  const Preprocessing preprocessing{.image_size = space.image_size,
                                    .channels = space.image_channels,
                                    .augment = config.data.augment,
                                    .normalisation = {.mean = std::vector<float>(channels, 0.5F),
                                                      .std = std::vector<float>(channels, 0.25F)}};
  const int workers = threads_for(config.data.workers);
  const torch::Device device = open_device(config.device.type);
  return {.training =
              [=, seed = config.seed, memory_mb = config.data.memory_mb](int batch) {
                return std::make_unique<TrainLoader>(source, all, preprocessing,
                                                     TrainLoader::Options{.batch = batch,
                                                                          .seed = seed,
                                                                          .first_step = 0,
                                                                          .workers = workers,
                                                                          .device = device,
                                                                          .memory_mb = memory_mb});
              },
          .scoring =
              [=, batch = config.score.batch](int wanted) {
                const auto some =
                    std::span(all).first(std::min(all.size(), static_cast<std::size_t>(wanted)));
                return load_all(*source, some, preprocessing, batch, workers, device);
              },
          .to_train_on = kAssumedImages,
          .held_out = config.data.holdout_images};
}

/// Images that the supernet is trained on in a second, on average over architectures. The search
/// trains on `trained` images.
double measure_training(Supernet& supernet, const Config& config, const Images& images,
                        double trained, const StopToken& stop) {
  Log quiet(Verbosity::Quiet, false);
  SupernetConfig settings = config.supernet;
  // Groups run one after another and take as long as batches of their size.
  settings.batch /= settings.groups;
  settings.groups = 1;
  if (supernet.device().is_cpu()) settings.batch = std::min(settings.batch, kMostOnCpu);
  const auto rate_of = [&](std::int64_t steps) {
    const auto batches = images.training(settings.batch);
    const TrainingHooks hooks{.log = quiet,
                              .stop = stop,
                              .metrics = [](const nlohmann::json&) {},
                              .save = [](std::int64_t) {}};
    const double seconds = seconds_of([&] {
      train(supernet,
            {.name = "forecast",
             .region = std::make_shared<Subspace>(Subspace::full(supernet.space())),
             .settings = settings,
             .seed = config.seed,
             .total_steps = steps},
            *batches, 0, hooks);
    });
    return static_cast<double>(steps * settings.batch) / seconds;
  };
  // The first steps are slow, above all on a GPU.
  rate_of(2);
  const double first_rate = rate_of(4);
  const double seconds = std::min(kTrainingSeconds, kShareOfSearch * trained / first_rate);
  constexpr double kParts = 12.0;
  constexpr double kMost = 500.0;
  const double steps = std::clamp(seconds / kParts * first_rate / settings.batch, 2.0, kMost);
  std::vector<double> times;  // Seconds per image.
  double spent = 0.0;
  while (spent < seconds && !is_known(times)) {
    times.push_back(1.0 / rate_of(std::llround(steps)));
    spent += times.back() * std::round(steps) * settings.batch;
  }
  return 1.0 / mean(times);
}

/// An architecture once with each operator at `layer`, as progressive shrinking scores them.
std::vector<Architecture> variants(const SearchSpace& space, int layer, Rng& rng) {
  Architecture arch = sample(Subspace::full(space), rng);
  std::vector<Architecture> made;
  for (int op = 0; op < space.ops(); ++op) {
    arch[static_cast<std::size_t>(layer)].op = op;
    made.push_back(arch);
  }
  return made;
}

std::vector<Architecture> random_architectures(const SearchSpace& space, int count, Rng& rng) {
  std::vector<Architecture> made;
  for (int i = 0; i < count; ++i) made.push_back(sample(Subspace::full(space), rng));
  return made;
}

/// At most this many images score the measured candidates; times are proportional to it.
int images_to_score_on(const Config& config, const torch::Device& device) {
  if (device.is_cuda()) return 2000;
  const double pixels = std::pow(config.space.image_size, 2.0);
  return static_cast<int>(std::clamp(1e6 / pixels, 50.0, 1000.0));
}

std::int64_t count(const std::vector<Batch>& batches) {
  std::int64_t images = 0;
  for (const Batch& batch : batches) images += batch.labels.size(0);
  return images;
}

/// Scores candidates on some of the images that a search takes.
class Scoring {
 public:
  Scoring(const Supernet& supernet, const Config& config, const Images& images,
          const StopToken& stop)
      : stop_(stop) {
    const std::int64_t most = images_to_score_on(config, supernet.device());
    const auto to_calibrate =
        std::min<std::int64_t>(config.score.calibration_images, images.to_train_on);
    const auto to_validate = std::min<std::int64_t>(config.validation_images(), images.held_out);
    const auto calibration = images.scoring(static_cast<int>(std::min(most, to_calibrate)));
    const auto validation = images.scoring(static_cast<int>(std::min(most, to_validate)));
    scale_ = static_cast<double>(to_calibrate + to_validate) /
             static_cast<double>(count(calibration) + count(validation));
    const ComputePolicy policy = compute_policy("score.precision", config.score.precision,
                                                Purpose::Scoring, config.device.type);
    evaluator_ =
        std::make_unique<SupernetEvaluator>(supernet, calibration, validation, stop,
                                            config.score.memory_mb, scalar_type(policy.precision));
  }

  /// Seconds that a search takes for `evaluations` architectures like those that `make` returns,
  /// which are scored together. Measures for at most about `most` seconds.
  double seconds_for(int evaluations, double most,
                     const std::function<std::vector<Architecture>(Rng&)>& make) {
    std::vector<double> times;
    const auto of_search = [&] { return evaluations * scale_ * mean(times); };
    const auto is_enough = [&](double spent) {
      return !times.empty() &&
             (spent >= std::min(most, kShareOfSearch * of_search()) || is_known(times));
    };
    double spent = 0.0;
    for (std::uint64_t i = 0; !is_enough(spent); ++i) {
      stop_.check();
      Rng rng(i, "forecast");
      const std::vector<Architecture> archs = make(rng);
      const double seconds = seconds_of([&] { evaluator_->accuracy(archs); });
      if (i == 0 && seconds < most) continue;  // The first call is slow, above all on a GPU.
      spent += seconds;
      times.push_back(seconds / static_cast<double>(archs.size()));
    }
    return of_search();
  }

 private:
  const StopToken& stop_;
  double scale_ = 1.0;  ///< Images of a search for each one here.
  std::unique_ptr<SupernetEvaluator> evaluator_;
};

/// A step of the weights runs one path, and one of architecture parameters every operator for each
/// of its losses.
double passes_per_step(const SupernetStageConfig& supernet, const SearchSpace& space) {
  const SupernetMethod& method = find_supernet_method(supernet.method);
  const int losses = (method.uses_training_loss ? 1 : 0) + (method.uses_held_out_loss ? 1 : 0);
  return 1.0 + static_cast<double>(losses * space.ops()) / supernet.gradient.choice_every;
}

/// The architectures that a search scores after `steps` steps of training, at most.
int evaluations_of(const Config& config, std::int64_t steps) {
  if (!config.supernet.learns_choices()) {
    return find_search_method(config.search.method).evaluations(config.search);
  }
  const double readings = std::ceil(config.supernet.epochs * config.supernet.gradient.readings);
  return static_cast<int>(std::min(readings, static_cast<double>(steps)));
}

Forecast measure(const Config& config, const RunData* data, const StopToken& stop) {
  set_threads(config.device.threads);
  const torch::Device device = open_device(config.device.type);
  const SearchSpace space(config.space);
  const int enough = std::max(2 * config.supernet.batch, images_to_score_on(config, device));
  const Images images = data != nullptr ? images_of(*data) : random_images(config, enough);
  Supernet supernet(space, device, config.seed);
  const std::vector<StageWork> works = stage_works(config, space, images.to_train_on);
  double trained = 0.0;
  for (const StageWork& work : works) {
    trained += work.passes * static_cast<double>(work.steps * config.supernet.batch);
  }
  const double rate = measure_training(supernet, config, images, trained, stop);
  Scoring scoring(supernet, config, images, stop);

  Forecast forecast{.images = images.to_train_on, .images_per_second = rate, .stages = {}};
  if (latency_source(config.latency).is_measured) {
    forecast.stages.push_back({"latency", 60.0 * config.latency.budget_minutes});
  }
  const double shrinkings = std::max<double>(1.0, static_cast<double>(config.shrink.stages.size()));
  for (const StageWork& work : works) {
    double seconds = work.passes * static_cast<double>(work.steps * config.supernet.batch) / rate;
    if (work.middle_layer >= 0) {
      seconds += scoring.seconds_for(work.evaluations, kScoringSeconds / shrinkings, [&](Rng& rng) {
        return variants(space, work.middle_layer, rng);
      });
    } else if (work.evaluations > 0) {
      constexpr int kTogether = 4;
      seconds += scoring.seconds_for(work.evaluations, kScoringSeconds, [&](Rng& rng) {
        return random_architectures(space, kTogether, rng);
      });
    }
    forecast.stages.push_back({work.stage, seconds});
  }
  return forecast;
}

}  // namespace

double Forecast::seconds() const {
  return std::accumulate(stages.begin(), stages.end(), 0.0,
                         [](double sum, const Stage& stage) { return sum + stage.seconds; });
}

std::vector<StageWork> stage_works(const Config& config, const SearchSpace& space,
                                   std::int64_t images) {
  constexpr int kSmallestAndLargest = 2;
  std::vector<StageWork> works{
      {.stage = "supernet",
       .steps = training_steps(config.supernet, images),
       .passes = passes_per_step(config.supernet, space)},
      {.stage = "baseline", .evaluations = config.search.baseline_samples + kSmallestAndLargest}};
  for (std::size_t i = 0; i < config.shrink.stages.size(); ++i) {
    const ShrinkForecast shrinking =
        find_shrinker(config.shrink.method).forecast(config.shrink, i, space, 0.0);
    const bool is_tuned = config.shrink.stages[i].tune_epochs > 0.0;
    works.push_back({.stage = shrink_stage_name(i),
                     .evaluations = shrinking.evaluations,
                     .middle_layer = shrinking.middle_layer,
                     .steps = is_tuned ? training_steps(config.tuning(i), images) : 0});
  }
  works.push_back({.stage = "search", .evaluations = evaluations_of(config, works.front().steps)});
  return works;
}

Forecast forecast_search(const Config& config, const RunData* data, const StopToken& stop) {
  try {
    return measure(config, data, stop);
  } catch (const Error& error) {
    if (error.kind() != ErrorKind::Interrupted) throw;
    throw Error(ErrorKind::Interrupted, "stopped on request; nothing has been written");
  }
}

std::string describe_forecast(const Forecast& forecast) {
  std::string text = "time: ";
  for (const Forecast::Stage& stage : forecast.stages) {
    text += fmt::format("{}{} {}", &stage == &forecast.stages.front() ? "" : ", ", stage.name,
                        format_duration(stage.seconds));
  }
  return text + fmt::format(
                    "; about {} in all for {} training images ({:.0f} images/s, from a "
                    "measurement)\n",
                    format_duration(forecast.seconds()), forecast.images,
                    forecast.images_per_second);
}

}  // namespace hsconas
