// Scoring candidates beside the plain way of writing it, with a briefly trained supernet on the
// generated images:
//   hsconas_score_bench [--images N] [--candidates N] [--layer N] [--samples N] [--kendall N]
//                       [--losses N] [--steps N] [--threads N] [--memory]
// Prints the time of one candidate and of a shrinking layer's, and how the two sides rank random
// architectures.
#include <algorithm>
#include <cmath>
#include <vector>

#include <CLI/CLI.hpp>
#include <fmt/format.h>
#include <torch/torch.h>

#include "bench/harness.hpp"
#include "bench/plain_supernet.hpp"
#include "hsconas/base/rng.hpp"
#include "hsconas/base/statistics.hpp"
#include "hsconas/data/builtin.hpp"
#include "hsconas/data/loader.hpp"
#include "hsconas/space/subspace.hpp"
#include "hsconas/supernet/device.hpp"
#include "hsconas/train/supernet_evaluator.hpp"
#include "hsconas/train/trainer.hpp"
#include "train/images.hpp"

using namespace hsconas;

namespace {

struct Options {
  int images = 2000;  ///< To calibrate on, and as many to validate on.
  int batch = 100;
  int candidates = 5;
  int layer = 19;
  int samples = 5;  ///< Per operator of the shrinking layer; HSCoNAS takes 100.
  int kendall = 0;
  int losses = 0;
  int steps = 150;
  int threads = 2;
  bool memory = false;
};

/// Images to train, calibrate and validate on.
struct Images {
  explicit Images(const Options& options)
      : sets(make_builtin(2)),
        preprocessing{32, 3, Augment::None, {{0.5F, 0.5F, 0.5F}, {0.25F, 0.25F, 0.25F}}} {
    const auto all = all_indices(*sets.train);
    const auto count = static_cast<std::size_t>(options.images);
    const auto load = [&](std::span<const std::int64_t> indices) {
      return load_all(*sets.train, indices, preprocessing, options.batch, 2);
    };
    calibration = load(std::span(all).first(count));
    validation = load(std::span(all).last(count));
    training.assign(all.begin(), all.end() - static_cast<std::ptrdiff_t>(count));
  }

  TrainTest sets;
  Preprocessing preprocessing;
  std::vector<std::int64_t> training;
  std::vector<Batch> calibration;
  std::vector<Batch> validation;
};

void train_briefly(Supernet& supernet, const Images& images, const Options& options) {
  TrainLoader batches(images.sets.train, images.training, images.preprocessing,
                      {.batch = 64, .seed = 1, .first_step = 0, .workers = 1});
  const SupernetConfig settings{.clip_norm = 5.0};
  Rng rng(5, "bench training");
  for (int step = 0; step < options.steps; ++step) {
    const double lr = 0.2 * (1.0 - static_cast<double>(step) / options.steps);
    train_step(supernet, sample(Subspace::full(supernet.space()), rng), batches.next(), settings,
               lr);
  }
}

struct Sides {
  SupernetEvaluator& ours;
  const PlainSupernet& plain;
  const Images& images;

  double plain_accuracy(const Architecture& arch) const {
    return plain.accuracy(arch, images.calibration, images.validation);
  }
};

void compare_one_by_one(const Sides& sides, const SearchSpace& space, const Options& options,
                        double& plain_ms) {
  Rng rng(6, "bench");
  std::vector<double> ours;
  std::vector<double> plains;
  std::vector<double> ratios;
  for (int i = -1; i < options.candidates; ++i) {
    const Architecture arch = sample(Subspace::full(space), rng);
    const double fast = ms_of([&] { sides.ours.accuracy(std::span(&arch, 1)); });
    const double slow = ms_of([&] { sides.plain_accuracy(arch); });
    if (i < 0) continue;  // Warm-up.
    ours.push_back(fast);
    plains.push_back(slow);
    ratios.push_back(slow / fast);
  }
  plain_ms = median(plains);
  fmt::print(
      "one candidate, {0} + {0} images: ours {1:.2f} s, plain {2:.2f} s: {3:.1f} times as "
      "fast (quartiles {4:.1f} to {5:.1f})\n",
      options.images, 1e-3 * median(ours), 1e-3 * plain_ms, median(ratios), quantile(ratios, 0.25),
      quantile(ratios, 0.75));
}

void compare_layer(const Sides& sides, const SearchSpace& space, const Options& options,
                   double plain_ms) {
  Rng rng(7, "bench");
  std::vector<Architecture> archs;
  for (int i = 0; i < options.samples; ++i) {
    Architecture arch = sample(Subspace::full(space), rng);
    for (int op = 0; op < space.ops(); ++op) {
      arch[static_cast<std::size_t>(options.layer)].op = op;
      archs.push_back(arch);
    }
  }
  const double ms = ms_of([&] { sides.ours.accuracy(archs); }) / static_cast<double>(archs.size());
  fmt::print(
      "shrinking layer {}, {} architectures: ours {:.2f} s each, {:.1f} times as fast as "
      "plain\n",
      options.layer, archs.size(), 1e-3 * ms, plain_ms / ms);
}

void compare_ranks(const Sides& sides, const SearchSpace& space, const Options& options) {
  Rng rng(8, "bench");
  std::vector<Architecture> archs;
  for (int i = 0; i < options.kendall; ++i) archs.push_back(sample(Subspace::full(space), rng));
  const std::vector<double> ours = sides.ours.accuracy(archs);
  std::vector<double> plains;
  for (const Architecture& arch : archs) plains.push_back(sides.plain_accuracy(arch));
  fmt::print(
      "{} random architectures: Kendall {:.3f} between the two sides' accuracies (ours "
      "{:.3f} to {:.3f})\n",
      options.kendall, kendall(ours, plains), *std::min_element(ours.begin(), ours.end()),
      *std::max_element(ours.begin(), ours.end()));
}

/// The mean loss of the last steps of a short training, by both sides and three seeds. The same
/// architectures and images; they part where masking lets decay and momentum work on the channels
/// behind a sampled width, and by rounding.
void compare_losses(const Images& images, const SearchSpace& space, const Options& options) {
  constexpr int kLast = 20;
  const SupernetConfig settings;
  for (const std::uint64_t seed : {1U, 2U, 3U}) {
    Supernet supernet(space, torch::kCPU, seed);
    PlainSupernet plain(supernet, {.lr = 0.05, .label_smoothing = settings.label_smoothing});
    TrainLoader batches(images.sets.train, images.training, images.preprocessing,
                        {.batch = 64, .seed = seed, .first_step = 0, .workers = 1});
    Rng rng(seed, "losses");
    double ours = 0.0;
    double theirs = 0.0;
    double worst = 0.0;
    for (int step = 0; step < options.losses; ++step) {
      const Architecture arch = sample(Subspace::full(space), rng);
      const Batch batch = batches.next();
      const double a = train_step(supernet, arch, batch, settings, 0.05).item<double>();
      const double b = plain.step(arch, batch).item<double>();
      if (step < 5) worst = std::max(worst, std::abs(a - b));
      if (step < options.losses - kLast) continue;
      ours += a / kLast;
      theirs += b / kLast;
    }
    fmt::print(
        "seed {}: mean loss of the last {} of {} steps: ours {:.4f}, plain {:.4f}; in the "
        "first 5 steps they differ by {:.1e} at most\n",
        seed, kLast, options.losses, ours, theirs, worst);
  }
}

void print_memory(const SearchSpace& space, const Options& options) {
  const auto run = [&](bool fast) {
    return [&, fast] {
      set_threads(options.threads);
      const Images images(options);
      Supernet supernet(space, torch::kCPU, 1);
      const StopToken stop;
      const Architecture arch = space.uniform(0);
      if (fast) {
        SupernetEvaluator(supernet, images.calibration, images.validation, stop)
            .accuracy(std::span(&arch, 1));
      } else {
        PlainSupernet(supernet, {}).accuracy(arch, images.calibration, images.validation);
      }
    };
  };
  const double nothing = peak_mib([] {});
  fmt::print(
      "peak memory of scoring one, over an idle process: ours {:.0f} MiB, plain {:.0f} "
      "MiB\n",
      peak_mib(run(true)) - nothing, peak_mib(run(false)) - nothing);
}

}  // namespace

int main(int argc, char** argv) {
  set_up_process(argv);
  Options options;
  CLI::App app("Times the scoring of candidates beside the plain way of writing it");
  app.add_option("--images", options.images, "To calibrate on, and as many to validate on");
  app.add_option("--batch", options.batch, "Images per forward pass");
  app.add_option("--candidates", options.candidates, "Timed one by one")
      ->check(CLI::PositiveNumber);
  app.add_option("--layer", options.layer, "The shrinking layer");
  app.add_option("--samples", options.samples, "Per operator of the shrinking layer");
  app.add_option("--kendall", options.kendall, "Random architectures to rank");
  app.add_option("--losses", options.losses, "Steps of a training by both sides");
  app.add_option("--steps", options.steps, "Training steps before");
  app.add_option("--threads", options.threads);
  app.add_flag("--memory", options.memory, "Peak memory of scoring as well");
  CLI11_PARSE(app, argc, argv);
  const SearchSpace space = bench_space(32, 8);
  if (options.memory) print_memory(space, options);
  set_threads(options.threads);
  const Images images(options);
  Supernet supernet(space, torch::kCPU, 1);
  train_briefly(supernet, images, options);
  const StopToken stop;
  SupernetEvaluator evaluator(supernet, images.calibration, images.validation, stop);
  const PlainSupernet plain(supernet, {});
  const Sides sides{evaluator, plain, images};
  double plain_ms = 0.0;
  compare_one_by_one(sides, space, options, plain_ms);
  compare_layer(sides, space, options, plain_ms);
  if (options.kendall > 1) compare_ranks(sides, space, options);
  if (options.losses > 0) compare_losses(images, space, options);
  return 0;
}
