#include "hsconas/profile/torch_timer.hpp"

#include <algorithm>
#include <cmath>
#include <set>
#include <utility>
#include <vector>

#include <c10/core/StreamGuard.h>
#include <c10/core/impl/VirtualGuardImpl.h>
#include <torch/cuda.h>
#include <torch/types.h>
#include <torch/utils.h>
#include <torch/version.h>

#include "catch.hpp"
#include "hsconas/base/statistics.hpp"
#include "hsconas/supernet/device.hpp"
#include "support/spaces.hpp"

using namespace hsconas;

TEST_CASE("times of every block and of a whole network are positive and finite", "[profile]") {
  const SearchSpace space = tiny_space(2);
  TorchTimer timer(torch::kCPU, {.batch = 2});
  std::vector<std::vector<Block>> chains{
      space.network(space.uniform(1)), {space.stem()}, {space.head()}};
  for (int op = 0; op < space.ops(); ++op) chains.push_back({space.block(0, {op, 0})});
  std::vector<int> ids;
  for (const auto& chain : chains) ids.push_back(timer.prepare(chain));
  CHECK(std::set<int>(ids.begin(), ids.end()).size() == chains.size());
  for (const int id : ids) {
    for (const int runs : {1, 3}) {
      const double time = timer.time_ms(id, runs);
      CHECK(time > 0.0);
      CHECK(std::isfinite(time));
    }
  }
}

TEST_CASE("a released chain can no longer be timed, the others can", "[profile]") {
  const SearchSpace space = tiny_space(2);
  TorchTimer timer(torch::kCPU, {});
  const std::vector<Block> chain{space.stem()};
  const int first = timer.prepare(chain);
  const int second = timer.prepare(chain);
  timer.release(first);
  CHECK_THROWS(timer.time_ms(first, 1));
  CHECK(timer.time_ms(second, 1) > 0.0);
  CHECK(timer.prepare(chain) != second);
}

TEST_CASE("a timer describes its device, threads, batch, precision and libraries", "[profile]") {
  const DeviceInfo info = TorchTimer(torch::kCPU, {.threads = 2, .batch = 16}).info();
  CHECK(info.device.starts_with("cpu: "));
  CHECK(info.threads == 2);
  CHECK(info.batch == 16);
  CHECK(info.precision == "fp32");
  CHECK(info.versions == std::string("LibTorch ") + TORCH_VERSION);
  CHECK(info.mode.empty());
}

TEST_CASE("timer_settings() takes every setting from the latency section of a config",
          "[profile]") {
  LatencyConfig config{.threads = 3, .cpus = {1, 2}};
  TimerSettings settings = timer_settings(config, 8, nullptr);
  CHECK(settings.threads == 3);
  CHECK(settings.batch == 8);
  CHECK(settings.cpus == config.cpus);
  CHECK(settings.launch == Launch::Graph);
  CHECK(settings.precision == TimedPrecision::Fp32);
  config.cuda = Launch::Eager;
  config.precision = TimedPrecision::Tf32;
  settings = timer_settings(config, 8, nullptr);
  CHECK(settings.launch == Launch::Eager);
  CHECK(settings.precision == TimedPrecision::Tf32);
  config.precision = TimedPrecision::Fp16;
  CHECK(timer_settings(config, 8, nullptr).precision == TimedPrecision::Fp16);
}

TEST_CASE("recording a CUDA graph without CUDA is an error", "[profile]") {
  if (torch::cuda::is_available()) return;
  CHECK_THROWS(DeviceGraph([] {}));
}

TEST_CASE("a timer sets torch's thread count and restores it", "[profile]") {
  const int before = at::get_num_threads();
  {
    const TorchTimer timer(torch::kCPU, {.threads = before + 1});
    CHECK(at::get_num_threads() == before + 1);
  }
  CHECK(at::get_num_threads() == before);
}

// The following tests are hidden: on a machine with a GPU, run them by their tag.

namespace {

/// A space with blocks large enough to time on a GPU at batch 32.
SearchSpace gpu_space() {
  return shipped_space("hsconas-a");
}

double median_ms(TorchTimer& timer, int id, int runs) {
  std::vector<double> times;
  for (int i = 0; i < 15; ++i) times.push_back(timer.time_ms(id, runs));
  return median(times);
}

}  // namespace

TEST_CASE("a replayed graph gives the results of the eager pass, also for new images", "[.gpu]") {
  const torch::Device device = open_device("cuda");
  const c10::impl::VirtualGuardImpl guard(torch::kCUDA);
  const c10::StreamGuard stream(guard.getStreamFromGlobalPool(device));
  const SearchSpace space = gpu_space();
  Rng rng(3, "test");
  for (const auto type : {torch::kFloat, torch::kHalf}) {
    const auto network =
        FrozenNetwork::random(space.network(sample(Subspace::full(space), rng)), device, 1)
            .to(type);
    torch::Tensor x = torch::rand({4, 3, 224, 224}, torch::TensorOptions(device).dtype(type))
                          .contiguous(torch::MemoryFormat::ChannelsLast);
    for (int i = 0; i < 3; ++i) network.forward(x);
    torch::Tensor replayed;
    DeviceGraph graph([&] { replayed = network.forward(x); });
    DeviceGraph sibling([&] { network.forward(x); }, &graph);
    for (int i = 0; i < 2; ++i) {
      x.copy_(torch::rand({4, 3, 224, 224}));
      sibling.replay();
      graph.replay();
      const torch::Tensor expected = network.forward(x);
      CHECK(expected.isfinite().all().item<bool>());
      const double scale = expected.abs().max().item<double>();
      CHECK((replayed - expected).abs().max().item<double>() <= 1e-3 * scale);
    }
  }
}

TEST_CASE("replaying a small block takes no longer than launching it eagerly", "[.gpu]") {
  const torch::Device device = open_device("cuda");
  const SearchSpace space = gpu_space();
  const std::vector<Block> block{space.block(space.layers() - 1, {0, 0})};
  TorchTimer replaying(device, {.batch = 32});
  TorchTimer eager(device, {.batch = 32, .launch = Launch::Eager});
  const double graph_ms = median_ms(replaying, replaying.prepare(block), 100);
  const double eager_ms = median_ms(eager, eager.prepare(block), 100);
  CAPTURE(graph_ms, eager_ms);
  CHECK(replaying.info().mode == "graph");
  CHECK(eager.info().mode == "eager");
  CHECK(graph_ms <= eager_ms);
}

TEST_CASE("two measurements of a GPU agree within 5 %", "[.gpu]") {
  const torch::Device device = open_device("cuda");
  const SearchSpace space = gpu_space();
  Rng rng(1, "test");
  const auto chain = space.network(sample(Subspace::full(space), rng));
  const std::pair<Launch, TimedPrecision> cases[] = {{Launch::Graph, TimedPrecision::Fp32},
                                                     {Launch::Graph, TimedPrecision::Tf32},
                                                     {Launch::Graph, TimedPrecision::Fp16},
                                                     {Launch::Eager, TimedPrecision::Fp32}};
  for (const auto& [launch, precision] : cases) {
    std::vector<double> times;
    for (int i = 0; i < 2; ++i) {
      TorchTimer timer(device, {.batch = 32, .launch = launch, .precision = precision});
      times.push_back(median_ms(timer, timer.prepare(chain), 10));
    }
    CAPTURE(static_cast<int>(launch), static_cast<int>(precision), times[0], times[1]);
    // Eager timings vary more, because kernels wait for the CPU.
    const double tolerance = launch == Launch::Graph ? 0.05 : 0.2;
    CHECK(std::abs(times[0] / times[1] - 1.0) < tolerance);
  }
}
