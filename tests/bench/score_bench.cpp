// Compares the speed of scoring candidates with the plain way of writing it (PlainSupernet), with a
// briefly trained supernet on generated images, or with the supernet and images of a run:
//   hsconas_score_bench [--device cpu|cuda|cuda:N] [--precision fp32|bf16|fp16]
//                       [--run FOLDER [KEY=VALUE ...]] [--images N] [--batch N]
//                       [--momentum-batch N] [--candidates N] [--layer N] [--samples N]
//                       [--kendall N] [--losses N] [--steps N] [--threads N] [--memory] [--results]
// Prints the time for one candidate and for all samples of a shrinking layer, and how similarly the
// two sides rank random architectures; on a GPU also how similarly the CPU ranks them in fp32.
#include <algorithm>
#include <cmath>
#include <filesystem>
#include <string>
#include <vector>

#include <CLI/CLI.hpp>
#include <fmt/format.h>
#include <torch/types.h>

#include "bench/device.hpp"
#include "bench/harness.hpp"
#include "bench/plain_supernet.hpp"
#include "hsconas/base/error.hpp"
#include "hsconas/base/rng.hpp"
#include "hsconas/base/statistics.hpp"
#include "hsconas/config/config_file.hpp"
#include "hsconas/data/dataset.hpp"
#include "hsconas/loader/loader.hpp"
#include "hsconas/space/subspace.hpp"
#include "hsconas/supernet/device.hpp"
#include "hsconas/supernet/safetensors.hpp"
#include "hsconas/train/supernet_evaluator.hpp"
#include "hsconas/train/trainer.hpp"

using namespace hsconas;

namespace {

struct Options {
  std::string device = "cpu";
  std::string precision = "fp32";      ///< Precision of our side's activations.
  std::string run;                     ///< Work directory of `hsconas search` or `hsconas train`.
  std::vector<std::string> overrides;  ///< Settings that replace the run's.
  int images = 2000;                   ///< Images to calibrate on, and as many to validate on.
  int batch = ScoreConfig{}.batch;
  int momentum_batch = 0;  ///< Batch of the plain side's calibration; 0: `batch`.
  int candidates = 5;
  int layer = -1;   ///< The shrinking layer; -1: the last.
  int samples = 5;  ///< Samples per operator of the shrinking layer; HSCoNAS takes 100.
  int kendall = 0;
  int losses = 0;
  int steps = 150;
  int threads = 2;
  bool memory = false;
  bool results = false;  ///< Print lines for scripts too.

  bool on_cpu() const { return device == "cpu"; }
};

torch::ScalarType type_of(const std::string& precision) {
  if (precision == "bf16") return torch::kBFloat16;
  return precision == "fp16" ? torch::kHalf : torch::kFloat;
}

/// The config of the run, or one for generated images and the space of the benchmarks.
Config make_config(const Options& options) {
  Config config;
  if (options.run.empty()) {
    config.space = bench_space(32, 8).description();
    config.data.augment = Augment::None;
  } else {
    config = load_config(std::filesystem::path(options.run) / "config.json", options.overrides);
  }
  config.data.image_size = config.space.image_size;
  config.data.holdout_images = options.images;
  return config;
}

/// Images to train, calibrate and validate on.
struct Images {
  Images(const Config& config, const Options& options) {
    Log log(Verbosity::Quiet, false);
    set = open_dataset(config.data, config.seed, log);
    split = split_training_set(set, config.data, config.seed);
    preprocessing = make_preprocessing(config.data, set, split, config.seed);
    Rng(config.seed, "bench images").shuffle(std::span(split.train));
    const auto load = [&](std::span<const std::int64_t> indices, int batch) {
      return load_all(*set.train, indices, preprocessing, batch, 2);
    };
    const auto first =
        std::span(split.train)
            .first(std::min(split.train.size(), static_cast<std::size_t>(options.images)));
    const torch::Device device = open_device(options.device);
    calibration = on_device(load(first, options.batch), device);
    const int few = options.momentum_batch > 0 ? options.momentum_batch : options.batch;
    momentum = on_device(load(first, few), device);
    validation = on_device(load(split.holdout, options.batch), device);
  }

  TrainLoader training(std::uint64_t loader_seed) const {
    return {set.train, split.train, preprocessing,
            TrainLoader::Options{.batch = 64, .seed = loader_seed, .first_step = 0, .workers = 1}};
  }

  Dataset set;
  Split split;
  Preprocessing preprocessing;
  // All of these are on the device.
  std::vector<Batch> calibration;
  std::vector<Batch> momentum;  ///< The images of `calibration` in batches of the plain side.
  std::vector<Batch> validation;
};

void train_briefly(Supernet& supernet, const Images& images, const Options& options) {
  TrainLoader batches = images.training(1);
  const SupernetConfig settings{.clip_norm = 5.0,
                                .precision = options.on_cpu() ? Precision::Fp32 : Precision::Bf16};
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
  torch::Device device;

  double plain_accuracy(const Architecture& arch) const {
    const LibTorchDefaults defaults;
    return plain.accuracy(arch, images.momentum, images.validation);
  }
};

void compare_one_by_one(const Sides& sides, const SearchSpace& space, const Options& options,
                        const Results& results, double& plain_ms) {
  Rng rng(6, "bench");
  std::vector<double> ours;
  std::vector<double> plains;
  std::vector<double> ratios;
  double first_ms = 0.0;
  // On a GPU the plain side needs more rounds until cuDNN has a plan for each convolution.
  const int warm_up = options.on_cpu() ? 1 : 10;
  for (int i = -warm_up; i < options.candidates; ++i) {
    const Architecture arch = sample(Subspace::full(space), rng);
    const double fast = ms_on(sides.device, [&] { sides.ours.accuracy(std::span(&arch, 1)); });
    const double slow = ms_on(sides.device, [&] { sides.plain_accuracy(arch); });
    if (i == -warm_up) first_ms = fast;
    if (i < 0) continue;
    ours.push_back(fast);
    plains.push_back(slow);
    ratios.push_back(slow / fast);
  }
  plain_ms = median(plains);
  const auto time = [&](double ms) {
    return options.on_cpu() ? fmt::format("{:.2f} s", 1e-3 * ms) : fmt::format("{:.2f} ms", ms);
  };
  fmt::print(
      "one candidate, {0} + {0} images: ours {1}, plain {2}: {3:.1f} times as "
      "fast (quartiles {4:.1f} to {5:.1f})\n",
      options.images, time(median(ours)), time(plain_ms), median(ratios), quantile(ratios, 0.25),
      quantile(ratios, 0.75));
  results.add("candidate_first", first_ms, "ms");
  results.add("candidate", median(ours), "ms");
  results.add("candidate_plain", plain_ms, "ms");
  results.add("candidate_over_plain", median(ratios), "x");
}

void compare_layer(const Sides& sides, const SearchSpace& space, const Options& options,
                   const Results& results, double plain_ms) {
  Rng rng(7, "bench");
  const int layer = options.layer < 0 ? space.layers() - 1 : options.layer;
  std::vector<Architecture> archs;
  for (int i = 0; i < options.samples; ++i) {
    Architecture arch = sample(Subspace::full(space), rng);
    for (int op = 0; op < space.ops(); ++op) {
      arch[static_cast<std::size_t>(layer)].op = op;
      archs.push_back(arch);
    }
  }
  const double ms =
      ms_on(sides.device, [&] { sides.ours.accuracy(archs); }) / static_cast<double>(archs.size());
  fmt::print("shrinking layer {}, {} architectures: ours {} each, {:.1f} times as fast as plain\n",
             layer, archs.size(),
             options.on_cpu() ? fmt::format("{:.2f} s", 1e-3 * ms) : fmt::format("{:.3f} ms", ms),
             plain_ms / ms);
  results.add("layer", ms, "ms");
  results.add("layer_over_plain", plain_ms / ms, "x");
}

/// How much accuracies of the same architectures differ.
struct Apart {
  Apart(const std::vector<double>& a, const std::vector<double>& b)
      : kendall(hsconas::kendall(a, b)) {
    std::vector<double> differences;
    for (std::size_t i = 0; i < a.size(); ++i) differences.push_back(std::abs(a[i] - b[i]));
    typical = median(differences);
    most = *std::max_element(differences.begin(), differences.end());
  }
  double kendall;
  double typical;
  double most;
};

/// The accuracies of `archs` in fp32 on the CPU with the weights of `supernet`.
std::vector<double> scored_by_cpu(const Supernet& supernet, const Images& images,
                                  const std::vector<Architecture>& archs) {
  Supernet copy(supernet.space(), torch::kCPU, 1);
  copy.load(supernet.tensors());
  const StopToken stop;
  return SupernetEvaluator(copy, on_device(images.calibration, torch::kCPU),
                           on_device(images.validation, torch::kCPU), stop)
      .accuracy(archs);
}

/// Compares our ranking in all precisions with the plain side's, whose statistics are means over
/// its batches and, if it has its own batch size, also running statistics with momentum, which
/// depend on the last batches only; on a GPU also with the CPU's ranking in fp32.
void compare_ranks(const Supernet& supernet, const Sides& sides, const Options& options,
                   const Results& results) {
  Rng rng(8, "bench");
  std::vector<Architecture> archs;
  std::vector<double> means;
  std::vector<double> momentum;
  for (int i = 0; i < options.kendall; ++i) {
    archs.push_back(sample(Subspace::full(supernet.space()), rng));
    const LibTorchDefaults defaults;
    means.push_back(sides.plain.accuracy(archs.back(), sides.images.calibration,
                                         sides.images.validation, PlainSupernet::Running::Mean));
    if (options.momentum_batch > 0) momentum.push_back(sides.plain_accuracy(archs.back()));
  }
  fmt::print(
      "{} random architectures, plain accuracies {:.3f} to {:.3f} with statistics that are means "
      "over its batches\n",
      options.kendall, *std::min_element(means.begin(), means.end()),
      *std::max_element(means.begin(), means.end()));
  std::vector<std::string> precisions{"fp32", "fp16"};
  std::vector<double> by_cpu;
  if (!options.on_cpu()) {
    precisions.push_back("bf16");
    by_cpu = scored_by_cpu(supernet, sides.images, archs);
  }
  for (const std::string& precision : precisions) {
    const StopToken stop;
    const std::vector<double> ours =
        SupernetEvaluator(supernet, sides.images.calibration, sides.images.validation, stop, 2048,
                          type_of(precision))
            .accuracy(archs);
    const Apart plain(ours, means);
    fmt::print(
        "{}: Kendall of ours and plain {:.3f} (accuracies differ by {:.4f} in the median, {:.4f} "
        "at most)\n",
        precision, plain.kendall, plain.typical, plain.most);
    results.add("kendall_plain_" + precision, plain.kendall, "-");
    if (!by_cpu.empty()) {
      const Apart cpu(ours, by_cpu);
      const double images = std::round(cpu.most * options.images);
      fmt::print(
          "  of ours and the CPU's fp32 {:.3f} (differ by {:.4f} in the median, {:.4f} at "
          "most: {:.0f} of {} images)\n",
          cpu.kendall, cpu.typical, cpu.most, images, options.images);
      results.add("kendall_cpu_" + precision, cpu.kendall, "-");
      results.add("images_off_cpu_" + precision, images, fmt::format("of_{}", options.images));
    }
    if (momentum.empty()) continue;
    fmt::print("with momentum: Kendall of ours and plain {:.3f}, of the two plain ones {:.3f}\n",
               kendall(ours, momentum), kendall(momentum, means));
  }
}

/// Compares the mean loss of the last tenth of a short training whose learning rate falls to 0, for
/// three seeds: ours in fp32 and bf16 and the plain side's, on the same architectures and images.
/// They differ by rounding, and because masking does not keep decay and momentum off the channels
/// behind a sampled width.
void compare_losses(const Images& images, const SearchSpace& space, const Options& options,
                    const Results& results) {
  const torch::Device device = open_device(options.device);
  const SupernetConfig settings{.precision = Precision::Fp32};
  const SupernetConfig in_bf16{.precision = Precision::Bf16};
  const int last = std::max(1, options.losses / 10);
  for (const std::uint64_t seed : {1U, 2U, 3U}) {
    Supernet supernet(space, device, seed);
    Supernet rounded(space, device, seed);
    PlainSupernet plain(supernet, {.label_smoothing = settings.label_smoothing});
    TrainLoader batches = images.training(seed);
    Rng rng(seed, "losses");
    std::vector<double> ours;
    std::vector<double> ours_in_bf16;
    std::vector<double> theirs;
    for (int step = 0; step < options.losses; ++step) {
      const Architecture arch = sample(Subspace::full(space), rng);
      const Batch batch = on_device(batches.next(), device);
      const double lr = 0.1 * (1.0 - static_cast<double>(step) / options.losses);
      plain.set_lr(lr);
      ours.push_back(train_step(supernet, arch, batch, settings, lr).item<double>());
      ours_in_bf16.push_back(train_step(rounded, arch, batch, in_bf16, lr).item<double>());
      const LibTorchDefaults defaults;
      theirs.push_back(plain.step(arch, batch).item<double>());
    }
    const auto at_end = [last](const std::vector<double>& losses) {
      return mean(std::span(losses).last(static_cast<std::size_t>(last)));
    };
    fmt::print(
        "seed {}: mean loss of the last {} of {} steps: ours {:.4f}, in bf16 {:.4f}, plain {:.4f}; "
        "in the first step they differ by {:.1e} and {:.1e}\n",
        seed, last, options.losses, at_end(ours), at_end(ours_in_bf16), at_end(theirs),
        std::abs(ours.front() - theirs.front()), std::abs(ours_in_bf16.front() - theirs.front()));
    results.add(fmt::format("loss_{}_fp32", seed), at_end(ours), "-");
    results.add(fmt::format("loss_{}_bf16", seed), at_end(ours_in_bf16), "-");
    results.add(fmt::format("loss_{}_plain", seed), at_end(theirs), "-");
  }
}

void print_memory(const SearchSpace& space, const Config& config, const Options& options) {
  const auto run = [&](bool fast) {
    return [&, fast] {
      set_threads(options.threads);
      const Images images(config, options);
      Supernet supernet(space, torch::kCPU, 1);
      const StopToken stop;
      const Architecture arch = space.uniform(0);
      if (fast) {
        SupernetEvaluator(supernet, images.calibration, images.validation, stop, 2048,
                          type_of(options.precision))
            .accuracy(std::span(&arch, 1));
      } else {
        PlainSupernet(supernet, {}).accuracy(arch, images.momentum, images.validation);
      }
    };
  };
  const double nothing = peak_mib([] {});
  fmt::print(
      "peak memory of scoring one, over an idle process: ours {:.0f} MiB, plain {:.0f} "
      "MiB\n",
      peak_mib(run(true)) - nothing, peak_mib(run(false)) - nothing);
}

void run(const Options& options) {
  const Config config = make_config(options);
  const SearchSpace space(config.space);
  if (options.memory && options.on_cpu()) print_memory(space, config, options);
  set_threads(options.threads);
  const torch::Device device = open_device(options.device);
  const Images images(config, options);
  Supernet supernet(space, device, 1);
  if (options.run.empty()) {
    train_briefly(supernet, images, options);
  } else {
    supernet.load(
        load_tensors(std::filesystem::path(options.run) / "checkpoints" / "supernet.safetensors")
            .tensors);
  }
  const StopToken stop;
  SupernetEvaluator evaluator(supernet, images.calibration, images.validation, stop, 2048,
                              type_of(options.precision));
  const PlainSupernet plain(supernet, {});
  const Sides sides{evaluator, plain, images, device};
  const Results results(options.results);
  double plain_ms = 0.0;
  compare_one_by_one(sides, space, options, results, plain_ms);
  compare_layer(sides, space, options, results, plain_ms);
  if (const auto used = used_mib(device); options.memory && used) {
    fmt::print("device memory in use, by both sides: {:.0f} MiB\n", *used);
    results.add("memory", *used, "MiB");
  }
  if (options.kendall > 1) compare_ranks(supernet, sides, options, results);
  if (options.losses > 0) compare_losses(images, space, options, results);
}

}  // namespace

int main(int argc, char** argv) {
  set_up_process(argv);
  Options options;
  CLI::App app("Compares the speed of scoring candidates with the plain way of writing it");
  app.add_option("--device", options.device, "cpu, cuda or cuda:N");
  app.add_option("--precision", options.precision, "Precision of our side's activations")
      ->check(CLI::IsMember({"fp32", "bf16", "fp16"}));
  app.add_flag_callback(
      "--fp16", [&] { options.precision = "fp16"; }, "Short for --precision fp16");
  app.add_option("--run", options.run, "Work directory whose supernet and images are used");
  app.add_option("overrides", options.overrides, "KEY=VALUE: replace settings of the run");
  app.add_option("--images", options.images, "Images to calibrate on, and as many to validate on");
  app.add_option("--batch", options.batch, "Images per forward pass");
  app.add_option("--momentum-batch", options.momentum_batch,
                 "Images per step of the plain side's running statistics (default: --batch)");
  app.add_option("--candidates", options.candidates, "Candidates to time one by one")
      ->check(CLI::PositiveNumber);
  app.add_option("--layer", options.layer, "The shrinking layer (default: the last)");
  app.add_option("--samples", options.samples, "Samples per operator of the shrinking layer");
  app.add_option("--kendall", options.kendall, "Random architectures to rank");
  app.add_option("--losses", options.losses, "Compare losses over this many training steps");
  app.add_option("--steps", options.steps, "Training steps before scoring");
  app.add_option("--threads", options.threads);
  app.add_flag("--memory", options.memory, "Also measure the peak memory of scoring");
  app.add_flag("--results", options.results, "Also print lines for scripts");
  CLI11_PARSE(app, argc, argv);
  try {
    run(options);
  } catch (const Error& error) {
    fmt::print(stderr, "hsconas_score_bench: {}\n", error.what());
    return error.exit_code();
  }
  return 0;
}
