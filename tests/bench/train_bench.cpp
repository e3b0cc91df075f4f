// A training step of the supernet beside the plain way of writing it, interleaved in one process:
//   hsconas_train_bench [--image 32|64|224] [--batch N] [--threads N] [--rounds N] [--divisor N]
//                       [--precision fp32|bf16] [--memory]
// Prints medians and their ratio, what a step computes and moves, the share of this machine's
// ceilings, and the step beside the sum of its kernels timed alone.
#include <string>
#include <vector>

#include <CLI/CLI.hpp>
#include <fmt/format.h>
#include <torch/torch.h>

#include "bench/harness.hpp"
#include "bench/plain_supernet.hpp"
#include "hsconas/base/rng.hpp"
#include "hsconas/base/statistics.hpp"
#include "hsconas/space/subspace.hpp"
#include "hsconas/supernet/conv_block.hpp"
#include "hsconas/supernet/device.hpp"
#include "hsconas/train/trainer.hpp"
#include "supernet/networks.hpp"

using namespace hsconas;

namespace {

struct Options {
  int image = 32;
  int batch = 64;
  int threads = 2;
  int rounds = 15;
  int divisor = 8;
  std::string precision = "fp32";
  bool memory = false;
};

Batch make_batch(const SearchSpace& space, int count) {
  return {normal_images(space, count, 3).contiguous(torch::MemoryFormat::ChannelsLast),
          torch::arange(count, torch::kLong) % space.description().classes};
}

/// What one step has to compute and, each array once per pass that needs it, to move: forward a
/// convolution reads its input and writes its output; backward it reads both and the gradient and
/// writes the input's.
struct Work {
  double macs = 0;
  double bytes = 0;
};

Work work_of(const std::vector<Block>& network, int batch) {
  Work work;
  work.macs = 3.0 * static_cast<double>(cost_of(network).macs) * batch;
  for (const Block& block : network) {
    for (const Block::Path& path : block.paths) {
      for (const Primitive& p : path.primitives) {
        if (p.kind != PrimitiveKind::Conv) continue;
        const double in = 1.0 * p.in_channels * p.in_size * p.in_size;
        const double out = 1.0 * p.out_channels * p.out_size * p.out_size;
        work.bytes += 4.0 * batch * (3.0 * in + 3.0 * out);
      }
    }
    const double kept = 1.0 * block.out_channels * block.out_size * block.out_size;
    work.bytes += 4.0 * batch * 4.0 * kept;  // The block's output, written and read both ways.
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

/// Every block of `arch` forward and backward by itself, hot: what the step would take if nothing
/// came between the kernels.
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
    if (weights.empty()) continue;  // Passes its input on.
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
      const SupernetConfig settings{.precision = options.precision};
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

void compare(const SearchSpace& space, const Options& options) {
  set_threads(options.threads);
  Supernet supernet(space, torch::kCPU, 1);
  const SupernetConfig settings{.momentum = 0.9,
                                .weight_decay = 4e-5,
                                .label_smoothing = 0.1,
                                .precision = options.precision};
  const auto precision = options.precision == "bf16" ? torch::kBFloat16 : torch::kFloat;
  PlainSupernet plain(supernet, {});
  const Batch batch = make_batch(space, options.batch);
  const Subspace full = Subspace::full(space);
  Rng rng(2, "bench");
  std::vector<double> ours;
  std::vector<double> plains;
  std::vector<double> alone;
  std::vector<double> macs;
  std::vector<double> bytes;
  for (int round = -2; round < options.rounds; ++round) {
    const Architecture arch = sample(full, rng);
    const double fast_ms = ms_of([&] { train_step(supernet, arch, batch, settings, 0.01); });
    const double plain_ms = ms_of([&] { plain.step(arch, batch); });
    if (round < 0) continue;  // Warm-up.
    ours.push_back(fast_ms);
    plains.push_back(plain_ms);
    alone.push_back(kernels_alone_ms(supernet, arch, options.batch, precision));
    const Work work = work_of(space.network(arch), options.batch);
    macs.push_back(work.macs / fast_ms * 1e3);
    bytes.push_back(work.bytes / fast_ms * 1e3);
  }
  std::vector<double> ratios;
  std::vector<double> over_alone;
  for (std::size_t i = 0; i < ours.size(); ++i) {
    ratios.push_back(plains[i] / ours[i]);
    over_alone.push_back(ours[i] / alone[i]);
  }
  const Ceilings ceilings = measure_ceilings();
  fmt::print(
      "training step, {0}x{0}, batch {1}, {2} threads, widths in multiples of {3}, {4}, {5}:\n",
      options.image, options.batch, options.threads, options.divisor, options.precision,
      conv_chains().kernels().isa);
  fmt::print(
      "  ours {:.1f} ms, plain {:.1f} ms: {:.2f} times as fast (quartiles {:.2f} to {:.2f})\n",
      median(ours), median(plains), median(ratios), quantile(ratios, 0.25), quantile(ratios, 0.75));
  fmt::print("  its blocks timed alone, hot: {:.1f} ms; the step takes {:.2f} times that\n",
             median(alone), median(over_alone));
  fmt::print(
      "  {:.0f} GFLOP/s of {:.0f} in a matrix product ({:.0f} %), {:.1f} GB/s of {:.1f} in a "
      "copy ({:.0f} %)\n",
      2e-9 * median(macs), 2e-9 * ceilings.macs, 100.0 * median(macs) / ceilings.macs,
      1e-9 * median(bytes), 1e-9 * ceilings.bytes, 100.0 * median(bytes) / ceilings.bytes);
}

}  // namespace

int main(int argc, char** argv) {
  set_up_process(argv);
  Options options;
  CLI::App app("Times a training step beside the plain way of writing it");
  app.add_option("--image", options.image, "Pixels a side");
  app.add_option("--batch", options.batch);
  app.add_option("--threads", options.threads);
  app.add_option("--rounds", options.rounds);
  app.add_option("--divisor", options.divisor, "Widths are multiples of it");
  app.add_option("--precision", options.precision, "Of our side's products")
      ->check(CLI::IsMember({"fp32", "bf16"}));
  app.add_flag("--memory", options.memory, "Peak memory of a step as well");
  CLI11_PARSE(app, argc, argv);
  const SearchSpace space = bench_space(options.image, options.divisor);
  if (options.memory) print_memory(space, options);
  compare(space, options);
  return 0;
}
