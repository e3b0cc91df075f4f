// Compares the speed of a training step of the supernet with the plain way of writing it
// (PlainSupernet), interleaved in one process:
//   hsconas_train_bench [--device cpu|cuda|cuda:N] [--image 32|64|224] [--batch N] [--threads N]
//                       [--rounds N] [--divisor N] [--precision fp32|bf16] [--memory]
//                       [--first-steps N] [--steps-only] [--kernels] [--with-data]
//                       [--results]
// Prints medians and their ratio, the operations and bytes of a step, and their share of what this
// machine can do at most; on a CPU also the sum of the step's kernels timed alone; on a GPU also
// the times of the first steps of the process, and of steps in a row without waiting in between.
#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdlib>
#include <cxxabi.h>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <CLI/CLI.hpp>
#include <fmt/format.h>
#include <torch/types.h>
#include <torch/utils.h>

#include "bench/device.hpp"
#include "bench/harness.hpp"
#include "bench/jpegs.hpp"
#include "bench/plain_supernet.hpp"
#include "hsconas/base/error.hpp"
#include "hsconas/base/rng.hpp"
#include "hsconas/base/statistics.hpp"
#include "hsconas/base/usable_cpus.hpp"
#include "hsconas/data/builtin.hpp"
#include "hsconas/data/dataset.hpp"
#include "hsconas/loader/loader.hpp"
#include "hsconas/space/subspace.hpp"
#include "hsconas/supernet/conv_block.hpp"
#include "hsconas/supernet/device.hpp"
#include "hsconas/supernet/device_path.hpp"
#include "hsconas/train/trainer.hpp"
#include "supernet/networks.hpp"

using namespace hsconas;

namespace {

struct Options {
  std::string device = "cpu";
  int image = 32;
  int batch = 64;
  int threads = 2;
  int rounds = -1;
  int divisor = 8;
  std::string precision = "fp32";
  bool memory = false;
  int first_steps = -1;  ///< Steps to time one by one at first; -1: 301 on a GPU, else none.
  bool kernels = false;
  bool steps_only = false;  ///< Without the plain side.
  bool with_data = false;   ///< Also train on images that the loader makes.
  bool results = false;     ///< Print lines for scripts too.

  torch::ScalarType type() const { return precision == "bf16" ? torch::kBFloat16 : torch::kFloat; }
  SupernetConfig settings() const {
    return {.momentum = 0.9,
            .weight_decay = 4e-5,
            .label_smoothing = 0.1,
            .precision = *parse_word<Precision>(precision)};
  }
};

Batch make_batch(const SearchSpace& space, int count) {
  return {normal_images(space, count, 3).contiguous(torch::MemoryFormat::ChannelsLast),
          torch::arange(count, torch::kLong) % space.description().classes};
}

/// Multiply-adds of one step and the bytes that it must at least move. Forward, a convolution reads
/// its input and writes its output; backward, it reads both and the output's gradient, and writes
/// the input's.
struct Work {
  double macs = 0;
  double bytes = 0;
};

Work work_of(const std::vector<Block>& network, int batch, double bytes_per_value) {
  Work work;
  work.macs = 3.0 * static_cast<double>(cost_of(network).macs) * batch;
  for (const Block& block : network) {
    for (const Block::Path& path : block.paths) {
      for (const Primitive& p : path.primitives) {
        if (p.kind != PrimitiveKind::Conv) continue;
        const double in = 1.0 * p.in_channels * p.in_size * p.in_size;
        const double out = 1.0 * p.out_channels * p.out_size * p.out_size;
        work.bytes += bytes_per_value * batch * (3.0 * in + 3.0 * out);
      }
    }
  }
  return work;
}

/// work_of() in fp32, plus one more write and read of each block's output in both passes.
Work work_on_cpu(const std::vector<Block>& network, int batch) {
  Work work = work_of(network, batch, 4.0);
  for (const Block& block : network) {
    const double kept = 1.0 * block.out_channels * block.out_size * block.out_size;
    work.bytes += 4.0 * batch * 4.0 * kept;
  }
  return work;
}

/// Multiply-adds per second of a large matrix product (a 1x1 convolution), and bytes per second
/// read and written by a copy.
struct Ceilings {
  double macs = 0;
  double bytes = 0;
};

Ceilings measure_ceilings() {
  const torch::NoGradGuard guard;
  const auto options = torch::TensorOptions().memory_format(torch::MemoryFormat::ChannelsLast);
  const torch::Tensor x = torch::rand({16, 512, 16, 16}, options);
  const torch::Tensor w = torch::rand({512, 512, 1, 1}, options);
  Ceilings ceilings;
  const double product_ms = best_ms(10, [&] { torch::conv2d(x, w); });
  ceilings.macs = 16.0 * 256 * 512 * 512 / product_ms * 1e3;
  const torch::Tensor from = torch::rand({25'000'000});
  torch::Tensor to = torch::rand({25'000'000});
  const double copy_ms = best_ms(10, [&] { to.copy_(from); });
  ceilings.bytes = 2.0 * 4.0 * 25e6 / copy_ms * 1e3;
  return ceilings;
}

/// The same for a GPU, by a product of `type` that fills it and a copy of 1 GiB, which is far
/// larger than its caches. Values are random, since zeros draw less power and run faster.
Ceilings measure_ceilings(const torch::Device& device, torch::ScalarType type) {
  const torch::NoGradGuard guard;
  constexpr int kTimes = 10;  // Products per wait, since a wait takes long compared with one.
  constexpr std::int64_t kSize = 8192;
  constexpr std::int64_t kValues = 1LL << 28;
  const auto best = [&](const std::function<void()>& work) {
    double ms = 1e30;
    for (int i = 0; i < 5; ++i) {
      ms = std::min(ms, ms_on(device, [&] {
                      for (int k = 0; k < kTimes; ++k) work();
                    }));
    }
    return ms / kTimes;
  };
  Ceilings ceilings;
  {
    const torch::Tensor x = torch::randn({kSize, kSize}, device).to(type);
    const torch::Tensor w = torch::randn({kSize, kSize}, device).to(type);
    torch::Tensor y = torch::empty_like(x);
    ceilings.macs = std::pow(kSize, 3) / best([&] { torch::mm_out(y, x, w); }) * 1e3;
  }
  const torch::Tensor from = torch::rand({kValues}, device);
  torch::Tensor to = torch::empty_like(from);
  ceilings.bytes = 2.0 * 4.0 * kValues / best([&] { to.copy_(from); }) * 1e3;
  return ceilings;
}

/// Milliseconds of every block of `arch` forward and backward by itself, with warm caches: what the
/// step would take without anything between the kernels.
double kernels_alone_ms(Supernet& supernet, const Architecture& arch, int batch,
                        torch::ScalarType precision) {
  double total = 0.0;
  const auto network = supernet.space().network(arch);
  for (std::size_t position = 0; position < network.size(); ++position) {
    const auto block = ConvBlock::from(network[position], position > 0);
    if (!block) continue;
    torch::Tensor x = normal_tensor({batch, network[position].in_channels,
                                     network[position].in_size, network[position].in_size},
                                    7)
                          .to(precision)
                          .contiguous(torch::MemoryFormat::ChannelsLast);
    x.set_requires_grad(position > 0);
    std::vector<torch::Tensor> weights;
    for (const ConvBlock::Path& path : block->paths) {
      for (const ConvUnit& unit : path.units) {
        const std::int64_t fan_in = unit.shape.depthwise ? 1 : unit.shape.in_channels;
        weights.push_back(
            normal_tensor({unit.shape.out_channels, fan_in, unit.shape.kernel, unit.shape.kernel},
                          8)
                .set_requires_grad(true));
      }
    }
    if (weights.empty()) continue;  // The block is an identity.
    const torch::Tensor gradient =
        normal_tensor({batch, block->out_channels, block->out_size, block->out_size}, 9)
            .to(precision)
            .contiguous(torch::MemoryFormat::ChannelsLast);
    total += best_ms(3, [&] { run_conv_block(*block, x, weights).backward(gradient); });
  }
  return total;
}

void print_memory(const SearchSpace& space, const Options& options) {
  const auto run = [&](bool fast) {
    return [&, fast] {
      set_threads(options.threads);
      Supernet supernet(space, torch::kCPU, 1);
      const Batch batch = make_batch(space, options.batch);
      Rng rng(4, "memory");
      const Subspace full = Subspace::full(space);
      const SupernetConfig settings{.precision = *parse_word<Precision>(options.precision)};
      if (fast) {
        for (int i = 0; i < 4; ++i) {
          train_step(supernet, sample(full, rng), batch, settings, 0.1);
        }
      } else {
        PlainSupernet plain(supernet, {});
        for (int i = 0; i < 4; ++i) plain.step(sample(full, rng), batch);
      }
    };
  };
  const double nothing = peak_mib([] {});
  fmt::print(
      "peak memory of a step, over the {:.0f} MiB of an idle process: ours {:.0f} MiB, plain "
      "{:.0f} MiB\n",
      nothing, peak_mib(run(true)) - nothing, peak_mib(run(false)) - nothing);
}

/// Training steps of our supernet on random paths, with one batch on the device.
struct Stepper {
  Stepper(const SearchSpace& of, const Options& options)
      : space(of),
        device(open_device(options.device)),
        supernet(of, device, 1),
        batch(on_device(make_batch(of, options.batch), device)),
        settings(options.settings()) {}

  Architecture draw() { return sample(full, rng); }
  torch::Tensor step(const Architecture& arch) { return step(arch, batch); }
  torch::Tensor step(const Architecture& arch, const Batch& on) {
    return train_step(supernet, arch, on, settings, 0.01);
  }

  const SearchSpace& space;
  torch::Device device;
  Supernet supernet;
  Batch batch;
  SupernetConfig settings;
  Subspace full = Subspace::full(space);
  Rng rng{2, "bench"};
};

void check_finite(const torch::Tensor& loss) {
  if (!std::isfinite(loss.item<double>())) {
    throw Error(ErrorKind::Usage, "the loss is not finite: the times would tell nothing");
  }
}

/// Times the process's first steps one by one, to see the cost of widths that occur for the first
/// time. Stops after half a minute.
void time_first_steps(Stepper& ours, int count, const Results& results) {
  constexpr double kMostMs = 30e3;
  constexpr std::size_t kFirst = 20;
  std::vector<double> times;
  double total = 0.0;
  torch::Tensor loss;
  for (int i = 0; i < count && (total < kMostMs || i < 2 * static_cast<int>(kFirst)); ++i) {
    const Architecture arch = ours.draw();
    times.push_back(ms_on(ours.device, [&] { loss = ours.step(arch); }));
    total += times.back();
  }
  check_finite(loss);
  std::string text;
  for (const std::size_t i : {0U, 10U, 30U, 100U, 300U}) {
    if (i >= times.size()) continue;
    text += fmt::format("{}{}: {:.2f}", text.empty() ? "" : ", ", i, times[i]);
    results.add(fmt::format("step_{}", i), times[i], "ms");
  }
  fmt::print("first steps of the process, ms by index: {}\n", text);
  if (times.size() <= kFirst) return;
  const double most = *std::max_element(times.begin(), times.begin() + kFirst);
  const auto later = std::span(times).subspan(kFirst);
  const double slowest = *std::max_element(later.begin(), later.end());
  fmt::print(
      "  slowest of the first {}: {:.2f} ms, {:.2f} times the median of the later {} ({:.2f} ms); "
      "slowest of these {:.2f} ms\n",
      kFirst, most, most / median(later), later.size(), median(later), slowest);
  results.add("first_steps_slowest", most, "ms");
  results.add("first_steps_over_later", most / median(later), "x");
  results.add("later_steps_slowest", slowest, "ms");
}

/// Mean milliseconds of `count` steps without waiting in between, as in training. Also prints how
/// long the host is busy with a step, and the number of its kernels.
double time_row(Stepper& ours, int count, const Options& options, const Results& results) {
  const int batch = options.batch;
  std::vector<Architecture> archs;
  for (int i = 0; i < count; ++i) archs.push_back(ours.draw());
  const auto before = launches_of(ours.supernet, options.type());
  double enqueued_ms = 0.0;
  torch::Tensor loss;
  const double row_ms = ms_on(ours.device, [&] {
    enqueued_ms = ms_of([&] {
      for (const Architecture& arch : archs) loss = ours.step(arch);
    });
  });
  check_finite(loss);
  const double ms = row_ms / count;
  const double rate = 1e3 * batch / ms;
  fmt::print("  {} in a row: {:.2f} ms each, {:.0f} images/s; the host is busy for {:.2f} ms\n",
             count, ms, rate, enqueued_ms / count);
  results.add("row", ms, "ms");
  results.add("images_per_s", rate, "images/s");
  results.add("host", enqueued_ms / count, "ms");
  if (before) {
    const double launches =
        static_cast<double>(*launches_of(ours.supernet, options.type()) - *before) /
        static_cast<double>(count);
    fmt::print("  {:.0f} kernels per step\n", launches);
    results.add("launches", launches, "kernels");
  }
  return ms;
}

/// Generated images for data: below 224 pixels a set that fits a GPU, else JPEGs to decode. Null in
/// a build without JPEG.
std::shared_ptr<const ImageSource> make_images(const Options& options, int workers) {
  if (options.image < 224) return make_builtin(workers).train;
  return make_jpegs(2 * options.batch, workers);
}

/// Images per second of training on images that the loader makes while earlier steps run. Compares
/// them with `alone_ms`, the time of a step on one batch, and with what the loader makes for
/// nobody.
void time_with_data(Stepper& ours, int count, double alone_ms, const Options& options,
                    const Results& results) {
  const int workers = threads_for(0);
  const auto source = make_images(options, workers);
  if (source == nullptr) {
    fmt::print("  built without JPEG: no training on decoded images\n");
    return;
  }
  const Preprocessing how{options.image,
                          3,
                          options.image < 224 ? Augment::Small : Augment::Imagenet,
                          {{0.485F, 0.456F, 0.406F}, {0.229F, 0.224F, 0.225F}}};
  TrainLoader loader(source, all_indices(*source), how,
                     {.batch = options.batch, .workers = workers, .device = ours.device});
  const auto rate = [&](const std::function<torch::Tensor(const Batch&)>& use) {
    torch::Tensor last;
    for (int i = 0; i < 3; ++i) last = use(loader.next());  // Uses up what was made ahead.
    const double ms = ms_on(ours.device, [&] {
      for (int i = 0; i < count; ++i) last = use(loader.next());
    });
    check_finite(last);
    return 1e3 * options.batch * count / ms;
  };
  const double made = rate([](const Batch& batch) { return batch.images.mean(); });
  const double trained = rate([&](const Batch& batch) { return ours.step(ours.draw(), batch); });
  const double alone = 1e3 * options.batch / alone_ms;
  fmt::print(
      "  with data: {:.0f} images/s ({:.0f} % of the step alone); {} workers make {:.0f} images/s "
      "for nobody\n",
      trained, 100.0 * trained / alone, workers, made);
  results.add("with_data", trained, "images/s");
  results.add("with_data_over_alone", 100.0 * trained / alone, "%");
  results.add("with_data_over_possible", 100.0 * trained / std::min(alone, made), "%");
  results.add("loader", made, "images/s");
}

/// "Patches<Bf16>" for the mangled name of hsconas::cuda::Patches<hsconas::Bf16>; other names stay
/// unchanged.
std::string readable(const std::string& mangled) {
  int status = 0;
  const std::unique_ptr<char, void (*)(void*)> name(
      abi::__cxa_demangle(mangled.c_str(), nullptr, nullptr, &status), std::free);
  std::string text = status == 0 ? name.get() : mangled;
  for (const std::string scope : {"hsconas::cuda::", "hsconas::"}) {
    for (auto at = text.find(scope); at != std::string::npos; at = text.find(scope)) {
      text.erase(at, scope.size());
    }
  }
  return text;
}

/// Prints a step's time by kernel. Every launch is timed by itself, so the sum is larger than the
/// step's time.
void print_kernels(Stepper& ours, torch::ScalarType type, int count) {
  DeviceEngine* engine =
      device_engine(ours.supernet, type == torch::kBFloat16 ? Number::Bf16 : Number::Fp32);
  if (engine == nullptr) return;
  engine->time_launches(true);
  for (int i = 0; i < count; ++i) ours.step(ours.draw());
  engine->time_launches(false);
  auto times = engine->take_times();
  std::sort(times.begin(), times.end(), [](const auto& a, const auto& b) { return a.ms > b.ms; });
  for (const auto& time : times) {
    fmt::print("  {:8.3f} ms {:6.1f} launches  {}\n", time.ms / count,
               static_cast<double>(time.launches) / count, readable(time.name));
  }
}

/// Times of rounds; a round is one step of each side on the same path.
struct Rounds {
  std::vector<double> ours;
  std::vector<double> plain;  ///< Empty without the plain side.
  std::vector<double> alone;  ///< Sum of the kernels timed alone; on a CPU only.
  std::vector<Work> work;

  /// Median multiply-adds and bytes per second.
  Work rate() const {
    std::vector<double> macs;
    std::vector<double> bytes;
    for (std::size_t i = 0; i < ours.size(); ++i) {
      macs.push_back(work[i].macs / ours[i] * 1e3);
      bytes.push_back(work[i].bytes / ours[i] * 1e3);
    }
    return {median(macs), median(bytes)};
  }
};

std::vector<double> quotients(const std::vector<double>& above, const std::vector<double>& below) {
  std::vector<double> ratios;
  for (std::size_t i = 0; i < above.size(); ++i) ratios.push_back(above[i] / below[i]);
  return ratios;
}

Rounds time_rounds(Stepper& ours, const Options& options) {
  const bool on_cpu = ours.device.is_cpu();
  const double value_bytes = static_cast<double>(c10::elementSize(options.type()));
  std::optional<PlainSupernet> plain;
  if (!options.steps_only) plain.emplace(ours.supernet, PlainSupernet::Settings{});
  Rounds rounds;
  // On a GPU the plain side, too, needs some steps until cuDNN has a plan for each convolution.
  for (int round = on_cpu ? -2 : -20; round < options.rounds; ++round) {
    const Architecture arch = ours.draw();
    const double ms = ms_on(ours.device, [&] { ours.step(arch); });
    double plain_ms = 0.0;
    if (plain) {
      const LibTorchDefaults defaults;
      plain_ms = ms_on(ours.device, [&] { plain->step(arch, ours.batch); });
    }
    if (round < 0) continue;  // Warm-up.
    const auto network = ours.space.network(arch);
    rounds.ours.push_back(ms);
    if (plain) rounds.plain.push_back(plain_ms);
    if (on_cpu) {
      rounds.alone.push_back(kernels_alone_ms(ours.supernet, arch, options.batch, options.type()));
    }
    rounds.work.push_back(on_cpu ? work_on_cpu(network, options.batch)
                                 : work_of(network, options.batch, value_bytes));
  }
  return rounds;
}

void print_rounds(const Rounds& rounds, const Stepper& ours, const Results& results) {
  const int digits = ours.device.is_cpu() ? 1 : 2;
  results.add("ours", median(rounds.ours), "ms");
  if (rounds.plain.empty()) {
    fmt::print("  ours {:.{}f} ms (quartiles {:.{}f} to {:.{}f})\n", median(rounds.ours), digits,
               quantile(rounds.ours, 0.25), digits, quantile(rounds.ours, 0.75), digits);
    return;
  }
  const std::vector<double> ratios = quotients(rounds.plain, rounds.ours);
  fmt::print(
      "  ours {:.{}f} ms, plain {:.{}f} ms: {:.2f} times as fast (quartiles {:.2f} to {:.2f})\n",
      median(rounds.ours), digits, median(rounds.plain), digits, median(ratios),
      quantile(ratios, 0.25), quantile(ratios, 0.75));
  results.add("plain", median(rounds.plain), "ms");
  results.add("over_plain", median(ratios), "x");
}

/// Prints the least time of a step: that of its arithmetic or of its bytes at the measured
/// ceilings, whichever is longer.
void print_floor(const Rounds& rounds, const Ceilings& ceilings, double row_ms,
                 const Results& results) {
  std::vector<double> macs;
  std::vector<double> bytes;
  for (const Work& work : rounds.work) {
    macs.push_back(work.macs);
    bytes.push_back(work.bytes);
  }
  const double macs_ms = 1e3 * mean(macs) / ceilings.macs;
  const double bytes_ms = 1e3 * mean(bytes) / ceilings.bytes;
  const double floor_ms = std::max(macs_ms, bytes_ms);
  fmt::print(
      "  floor: {:.3f} TFLOP at {:.0f} TFLOP/s in a matrix product {:.3f} ms, {:.2f} GB at "
      "{:.2f} TB/s in a copy {:.3f} ms; {:.0f} % of a step in a row, {:.0f} % of one by itself\n",
      2e-12 * mean(macs), 2e-12 * ceilings.macs, macs_ms, 1e-9 * mean(bytes),
      1e-12 * ceilings.bytes, bytes_ms, 100.0 * floor_ms / row_ms,
      100.0 * floor_ms / median(rounds.ours));
  results.add("copy", 1e-12 * ceilings.bytes, "TB/s");
  results.add("product", 2e-12 * ceilings.macs, "TFLOP/s");
  results.add("floor", floor_ms, "ms");
  results.add("share_of_floor", 100.0 * floor_ms / row_ms, "%");
}

void print_shares_of_cpu(const Rounds& rounds, const Ceilings& ceilings) {
  const std::vector<double> over_alone = quotients(rounds.ours, rounds.alone);
  fmt::print("  its blocks timed alone, hot: {:.1f} ms; the step takes {:.2f} times that\n",
             median(rounds.alone), median(over_alone));
  const Work rate = rounds.rate();
  fmt::print(
      "  {:.0f} GFLOP/s of {:.0f} in a matrix product ({:.0f} %), {:.1f} GB/s of {:.1f} in a "
      "copy ({:.0f} %)\n",
      2e-9 * rate.macs, 2e-9 * ceilings.macs, 100.0 * rate.macs / ceilings.macs, 1e-9 * rate.bytes,
      1e-9 * ceilings.bytes, 100.0 * rate.bytes / ceilings.bytes);
}

std::string title(const Options& options) {
  return fmt::format(
      "training step, {0}x{0}, batch {1}, {2} threads, widths in multiples of {3}, {4}, {5}:\n",
      options.image, options.batch, options.threads, options.divisor, options.precision,
      options.device == "cpu" ? conv_chains().kernels().isa : options.device);
}

void compare_on_cpu(Stepper& ours, const Options& options, const Results& results) {
  if (options.first_steps > 0) time_first_steps(ours, options.first_steps, results);
  const Rounds rounds = time_rounds(ours, options);
  const Ceilings ceilings = measure_ceilings();
  fmt::print("{}", title(options));
  print_rounds(rounds, ours, results);
  if (options.with_data) {
    time_with_data(ours, options.rounds, median(rounds.ours), options, results);
  }
  print_shares_of_cpu(rounds, ceilings);
}

void compare_on_gpu(Stepper& ours, const Options& options, const Results& results) {
  const auto idle_mib = used_mib(ours.device);
  const double prepared_ms = ms_on(
      ours.device, [&] { prepare_training(ours.supernet, options.settings(), options.batch); });
  fmt::print("prepared in {:.0f} ms, which a process spends once\n", prepared_ms);
  results.add("prepared", prepared_ms, "ms");
  time_first_steps(ours, options.first_steps < 0 ? 301 : options.first_steps, results);
  fmt::print("{}", title(options));
  const double row_ms = time_row(ours, std::max(30, options.rounds), options, results);
  if (const auto used = used_mib(ours.device); options.memory && used && idle_mib) {
    fmt::print("  device memory in use: {:.0f} MiB, {:.0f} MiB of these before the first step\n",
               *used, *idle_mib);
    results.add("memory", *used, "MiB");
  }
  if (options.with_data) {
    time_with_data(ours, std::max(30, options.rounds), row_ms, options, results);
  }
  if (options.kernels) print_kernels(ours, options.type(), 10);
  const Rounds rounds = time_rounds(ours, options);
  print_rounds(rounds, ours, results);
  print_floor(rounds, measure_ceilings(ours.device, options.type()), row_ms, results);
}

}  // namespace

int main(int argc, char** argv) {
  set_up_process(argv);
  Options options;
  CLI::App app("Compares the speed of a training step with the plain way of writing it");
  app.add_option("--device", options.device, "cpu, cuda or cuda:N");
  app.add_option("--image", options.image, "Pixels a side");
  app.add_option("--batch", options.batch);
  app.add_option("--threads", options.threads);
  app.add_option("--rounds", options.rounds, "Steps per side (default: 15, on a GPU 30)");
  app.add_option("--divisor", options.divisor, "Widths are multiples of this");
  app.add_option("--precision", options.precision, "Precision of our side's products")
      ->check(CLI::IsMember({"fp32", "bf16"}));
  app.add_flag("--memory", options.memory, "Also measure the peak memory of a step");
  app.add_option("--first-steps", options.first_steps,
                 "First time this many steps one by one (default: none, on a GPU 301)");
  app.add_flag("--kernels", options.kernels, "Also print the time of each kernel, on a GPU");
  app.add_flag("--steps-only", options.steps_only, "Leave out the plain side");
  app.add_flag("--with-data", options.with_data, "Also train on images that the loader makes");
  app.add_flag("--results", options.results, "Also print lines for scripts");
  CLI11_PARSE(app, argc, argv);
  const bool on_cpu = options.device == "cpu";
  if (options.rounds < 1) options.rounds = on_cpu ? 15 : 30;
  const SearchSpace space = bench_space(options.image, options.divisor);
  try {
    if (options.memory && on_cpu) print_memory(space, options);
    set_threads(options.threads);
    Stepper ours(space, options);
    const Results results(options.results);
    if (on_cpu) {
      compare_on_cpu(ours, options, results);
    } else {
      compare_on_gpu(ours, options, results);
    }
  } catch (const Error& error) {
    fmt::print(stderr, "hsconas_train_bench: {}\n", error.what());
    return error.exit_code();
  }
  return 0;
}
