#include "hsconas/profile/torch_timer.hpp"

#include <atomic>
#include <chrono>
#include <string>

#include <c10/core/StreamGuard.h>
#include <fmt/format.h>
#include <torch/types.h>
#include <torch/utils.h>

#include "device_clock.hpp"
#include "hsconas/base/error.hpp"
#include "hsconas/supernet/device.hpp"

namespace hsconas {

namespace {

constexpr int kPassesBeforeGraph = 3;
constexpr double kWarmUpSeconds = 1.5;  // An idle GPU takes about a second to raise its clocks.

/// Runs `bind(i)` once in each of torch's `threads` CPU threads.
template <typename Bind>
void in_every_thread(int threads, Bind bind) {
  at::parallel_for(0, threads, 1, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i) bind(static_cast<std::size_t>(i));
  });
}

void bind_threads(int threads, const std::vector<int>& cpus) {
  std::atomic<int> failed{-1};
  in_every_thread(threads, [&](std::size_t i) {
    const int cpu = cpus[i % cpus.size()];
    cpu_set_t set;
    CPU_ZERO(&set);
    CPU_SET(static_cast<std::size_t>(cpu), &set);
    if (::sched_setaffinity(0, sizeof(set), &set) != 0) failed = cpu;
  });
  if (failed >= 0) {
    throw Error(ErrorKind::Device,
                fmt::format("latency.cpus: a thread cannot be bound to CPU {}", failed.load()));
  }
}

/// Makes `stream`, if set, the current stream during its lifetime.
class OnStream {
 public:
  explicit OnStream(const std::optional<c10::Stream>& stream) {
    if (stream) guard_.emplace(*stream);
  }

 private:
  std::optional<c10::StreamGuard> guard_;
};

/// Keeps a GPU busy until its clock frequency has risen.
void warm_up(const torch::Device& device) {
  const auto start = std::chrono::steady_clock::now();
  const torch::Tensor x = torch::rand({2048, 2048}, device);
  while (std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count() <
         kWarmUpSeconds) {
    for (int i = 0; i < 10; ++i) torch::mm(x, x);
    DeviceClock(device).wait();
  }
}

}  // namespace

TimerSettings timer_settings(const LatencyConfig& config, int batch, Log* log) {
  return {.threads = config.threads,
          .batch = batch,
          .cpus = config.cpus,
          .launch = config.cuda == Launch::Eager ? Launch::Eager : Launch::Graph,
          .precision = config.precision,
          .log = log};
}

TorchTimer::TorchTimer(torch::Device device, TimerSettings settings)
    : device_(device), settings_(std::move(settings)), previous_threads_(at::get_num_threads()) {
  at::set_num_threads(settings_.threads);
  if (!device_.is_cpu()) {
    allow_tf32(settings_.precision == TimedPrecision::Tf32);
    if (settings_.launch == Launch::Graph) {
      const c10::impl::VirtualGuardImpl guard(device_.type());
      stream_ = guard.getStreamFromGlobalPool(device_);
    }
  }
  if (settings_.cpus.empty()) return;
  cpu_set_t all;
  if (::sched_getaffinity(0, sizeof(all), &all) == 0) previous_cpus_ = all;
  bind_threads(settings_.threads, settings_.cpus);
}

TorchTimer::~TorchTimer() {
  if (!device_.is_cpu()) allow_tf32(false);
  if (previous_cpus_) {
    in_every_thread(settings_.threads, [this](std::size_t) {
      ::sched_setaffinity(0, sizeof(*previous_cpus_), &*previous_cpus_);
    });
  }
  at::set_num_threads(previous_threads_);
}

int TorchTimer::prepare(std::span<const Block> chain) {
  const OnStream guard(stream_);
  if (!device_.is_cpu() && !is_warm_) warm_up(device_);
  is_warm_ = true;
  const int id = next_id_++;
  FrozenNetwork network =
      FrozenNetwork::random(chain, device_, static_cast<std::uint64_t>(id)).to(type());
  const torch::Tensor& x = input(chain.front());
  auto graph = stream_ ? record(network, x) : nullptr;
  chains_.emplace(id, Chain{std::move(network), std::move(graph)});
  return id;
}

double TorchTimer::time_ms(int id, int runs) {
  const OnStream guard(stream_);
  const Chain& chain = chains_.at(id);
  const torch::Tensor& x = input(chain.network.layers().front().block);
  const auto pass = [&] {
    if (chain.graph) {
      chain.graph->replay();
    } else {
      chain.network.forward(x);
    }
  };
  if (!device_.is_cpu())
    pass();  // Otherwise the latency of the first launch would be measured too.
  const double total_ms = DeviceClock(device_).time_ms([&] {
    for (int run = 0; run < runs; ++run) pass();
  });
  return total_ms / runs;
}

void TorchTimer::release(int id) {
  const OnStream guard(stream_);
  chains_.erase(id);
}

DeviceInfo TorchTimer::info() const {
  DeviceInfo info{.device = describe_device(device_),
                  .threads = settings_.threads,
                  .batch = settings_.batch,
                  .precision = word_of(settings_.precision),
                  .versions = describe_libraries(device_),
                  .mode = ""};
  if (!device_.is_cpu()) info.mode = !stream_ ? "eager" : is_mixed_ ? "mixed" : "graph";
  return info;
}

const torch::Tensor& TorchTimer::input(const Block& first) {
  auto& tensor = inputs_[{first.in_channels, first.in_size}];
  if (!tensor.defined()) {
    tensor = torch::rand({settings_.batch, first.in_channels, first.in_size, first.in_size},
                         torch::TensorOptions(device_).dtype(type()))
                 .contiguous(torch::MemoryFormat::ChannelsLast);
  }
  return tensor;
}

std::unique_ptr<DeviceGraph> TorchTimer::record(const FrozenNetwork& network,
                                                const torch::Tensor& x) {
  for (int i = 0; i < kPassesBeforeGraph; ++i) network.forward(x);
  DeviceClock(device_).wait();
  // All graphs share one memory pool: hundreds of blocks are prepared, but only one runs at a time.
  const DeviceGraph* sibling = nullptr;
  for (const auto& [id, chain] : chains_) {
    if (chain.graph) sibling = chain.graph.get();
  }
  try {
    return std::make_unique<DeviceGraph>([&] { network.forward(x); }, sibling);
  } catch (const c10::OutOfMemoryError&) {
    throw;
  } catch (const c10::Error& error) {
    if (!is_mixed_ && settings_.log != nullptr) {
      const std::string reason = error.what_without_backtrace();
      settings_.log->warn(
          fmt::format("latency.cuda: a pass cannot be recorded as a CUDA graph ({}); such passes "
                      "are timed eagerly",
                      reason.substr(0, reason.find('\n'))));
    }
    is_mixed_ = true;
    return nullptr;
  }
}

torch::ScalarType TorchTimer::type() const {
  return settings_.precision == TimedPrecision::Fp16 ? torch::kHalf : torch::kFloat;
}

}  // namespace hsconas
