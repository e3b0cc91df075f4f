// Measures how many training images per second the data pipeline delivers, and how many decoding
// alone would:
//   hsconas_data_bench [--side N] [--batch N] [--workers N] [--seconds S] [--device
//   cpu|cuda|cuda:N]
// The JPEGs, of 500 x 375 pixels, are made by the program and kept in memory. With a GPU it also
// measures batches made there, from JPEGs and from a data set that is kept on the GPU.
#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include <CLI/CLI.hpp>
#include <fmt/format.h>
#include <torch/types.h>

#include "bench/harness.hpp"
#include "bench/jpegs.hpp"
#include "hsconas/base/parallel.hpp"
#include "hsconas/base/rng.hpp"
#include "hsconas/base/usable_cpus.hpp"
#include "hsconas/data/builtin.hpp"
#include "hsconas/data/dataset.hpp"
#include "hsconas/data/feed_image.hpp"
#include "hsconas/loader/loader.hpp"
#include "hsconas/supernet/device.hpp"

using namespace hsconas;

namespace {

struct Options {
  int side = 224;
  int batch = 128;
  int workers = 0;
  double seconds = 3.0;
  std::string device = "cpu";
};

/// Calls `work(i)` for i = 0, 1, ... on `workers` threads for `seconds`; returns calls per second.
double rate_of(int workers, double seconds, const std::function<void(std::int64_t)>& work) {
  std::atomic<std::int64_t> next{0};
  std::atomic<std::int64_t> done{0};
  const auto begin = std::chrono::steady_clock::now();
  const auto elapsed = [&] {
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  };
  {
    std::vector<std::jthread> threads;
    for (int t = 0; t < workers; ++t) {
      threads.emplace_back([&] {
        while (elapsed() < seconds) {
          work(next++);
          ++done;
        }
      });
    }
  }
  return static_cast<double>(done) / elapsed();
}

void wait_for(const Batch& batch) {
  if (!batch.labels.is_cpu()) batch.labels.sum().item<std::int64_t>();
}

/// Images per second that `loader` delivers, after a few batches to warm up.
double rate_of(TrainLoader& loader, int batch, double seconds) {
  for (int i = 0; i < 5; ++i) wait_for(loader.next());
  const auto begin = std::chrono::steady_clock::now();
  std::int64_t images = 0;
  Batch last;
  double elapsed = 0.0;
  while (elapsed < seconds) {
    last = loader.next();
    images += batch;
    elapsed = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  }
  wait_for(last);
  elapsed = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  return static_cast<double>(images) / elapsed;
}

Preprocessing plain(int side, Augment augment) {
  return {side, 3, augment, {{0.485F, 0.456F, 0.406F}, {0.229F, 0.224F, 0.225F}}};
}

void bench_jpegs(const Options& options, const torch::Device& device) {
  const int workers = threads_for(options.workers);
  const auto source = make_jpegs(std::max(512, 2 * options.batch), workers);
  if (source == nullptr) {
    fmt::print("built without JPEG: nothing to decode\n");
    return;
  }
  const std::vector<std::int64_t> indices = all_indices(*source);
  const Preprocessing how = plain(options.side, Augment::Imagenet);
  const Transform transform(how);
  const std::int64_t most_bytes = 2 * static_cast<std::int64_t>(transform.values());
  fmt::print("JPEGs of 500 x 375 pixels, {:.0f} kB, to {} x {}; {} workers, batch {}\n",
             1e-3 * source->mean_bytes(), options.side, options.side, workers, options.batch);

  const auto decode = [&](std::int64_t i) {
    thread_local Image image;
    source->load(i % source->size(), image, 0);
  };
  const auto load = [&](std::int64_t i) {
    thread_local Image image;
    Rng rng(1, "bench", static_cast<std::uint64_t>(i));
    transform.load(*source, i % source->size(), rng, image);
  };
  std::atomic<std::int64_t> images{0};
  std::atomic<std::int64_t> bytes{0};
  std::atomic<std::int64_t> resized{0};
  const auto pack = [&](std::int64_t i) {
    thread_local FeedImage image;
    thread_local std::vector<std::uint8_t> buffer(static_cast<std::size_t>(most_bytes));
    Rng rng(1, "bench", static_cast<std::uint64_t>(i));
    load_feed_image(transform, *source, i % source->size(), rng, most_bytes, image);
    image.copy_to(buffer.data());
    ++images;
    bytes += image.bytes();
    if (image.image.width == options.side && image.image.height == options.side) ++resized;
  };
  const auto print = [&](const char* what, double rate, int threads) {
    fmt::print("  {:<52} {:>9.0f} images/s, {:>6.0f} per worker\n", what, rate, rate / threads);
  };
  print("decoded whole, one core", rate_of(1, options.seconds, decode), 1);
  print("decoded as far as the crop needs, one core", rate_of(1, options.seconds, load), 1);
  const double decoded = rate_of(workers, options.seconds, load);
  print("decoded as far as the crop needs", decoded, workers);
  print("the host's part for a GPU: decoded, crops copied", rate_of(workers, options.seconds, pack),
        workers);
  fmt::print("    {:.0f} kB of crop per image, {:.1f} % resized by the host\n",
             1e-3 * static_cast<double>(bytes) / static_cast<double>(images),
             100.0 * static_cast<double>(resized) / static_cast<double>(images));
  TrainLoader::Options loading{.batch = options.batch, .workers = workers};
  {
    TrainLoader host(source, indices, how, loading);
    print("batches made by the host", rate_of(host, options.batch, options.seconds), workers);
  }
  if (device.is_cpu()) return;
  loading.device = device;
  TrainLoader on_device(source, indices, how, loading);
  const double rate = rate_of(on_device, options.batch, options.seconds);
  print("batches made by the GPU", rate, workers);
  fmt::print("    {:.0f} % of decoding alone\n", 100.0 * rate / decoded);
}

void bench_kept(const Options& options, const torch::Device& device) {
  const int workers = threads_for(options.workers);
  const std::shared_ptr<const ImageSource> source = make_builtin(workers).train;
  TrainLoader::Options loading{.batch = options.batch, .workers = workers};
  fmt::print("a set of {} images of 32 x 32 in memory, shifted and mirrored; batch {}\n",
             source->size(), options.batch);
  for (const bool is_kept : {true, false}) {
    for (const torch::Device& where : {torch::Device(torch::kCPU), device}) {
      if (where.is_cpu() && !is_kept) continue;
      loading.device = where;
      loading.memory_mb = is_kept ? 2048 : 0;
      TrainLoader loader(source, all_indices(*source), plain(32, Augment::Small), loading);
      fmt::print("  {:<52} {:>9.0f} images/s\n",
                 where.is_cpu() ? "batches made by the host"
                 : is_kept      ? "batches made by the GPU, which keeps the set"
                                : "batches made by the GPU, which does not",
                 rate_of(loader, options.batch, options.seconds));
      if (device.is_cpu()) return;
    }
  }
}

}  // namespace

int main(int argc, char** argv) {
  set_up_process(argv);
  Options options;
  CLI::App app("Measures images per second of the data pipeline and of decoding alone");
  app.add_option("--side", options.side, "Pixels a side that the network sees");
  app.add_option("--batch", options.batch);
  app.add_option("--workers", options.workers, "0: one per core");
  app.add_option("--seconds", options.seconds, "Seconds per measurement");
  app.add_option("--device", options.device, "cpu, cuda or cuda:N");
  CLI11_PARSE(app, argc, argv);
  const torch::Device device = open_device(options.device);
  bench_jpegs(options, device);
  bench_kept(options, device);
  return 0;
}
