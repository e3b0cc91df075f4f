#include "hsconas/profile/torch_timer.hpp"

#include <atomic>
#include <string>

#include <fmt/format.h>
#include <torch/torch.h>

#include "device_clock.hpp"
#include "hsconas/base/error.hpp"
#include "hsconas/supernet/device.hpp"

namespace hsconas {

namespace {

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

}  // namespace

TorchTimer::TorchTimer(torch::Device device, int threads, int batch, const std::vector<int>& cpus)
    : device_(device), threads_(threads), batch_(batch), previous_threads_(at::get_num_threads()) {
  at::set_num_threads(threads);
  if (cpus.empty()) return;
  cpu_set_t all;
  if (::sched_getaffinity(0, sizeof(all), &all) == 0) previous_cpus_ = all;
  bind_threads(threads, cpus);
}

TorchTimer::~TorchTimer() {
  if (previous_cpus_) {
    in_every_thread(threads_, [this](std::size_t) {
      ::sched_setaffinity(0, sizeof(*previous_cpus_), &*previous_cpus_);
    });
  }
  at::set_num_threads(previous_threads_);
}

int TorchTimer::prepare(std::span<const Block> chain) {
  const int id = next_id_++;
  chains_.emplace(id, FrozenNetwork::random(chain, device_, static_cast<std::uint64_t>(id)));
  input(chain.front());
  return id;
}

double TorchTimer::time_ms(int id, int runs) {
  const FrozenNetwork& network = chains_.at(id);
  const torch::Tensor& x = input(network.layers().front().block);
  const double total_ms = DeviceClock(device_).time_ms([&] {
    for (int run = 0; run < runs; ++run) network.forward(x);
  });
  return total_ms / runs;
}

void TorchTimer::release(int id) {
  chains_.erase(id);
}

DeviceInfo TorchTimer::info() const {
  return {.device = describe_device(device_),
          .threads = threads_,
          .batch = batch_,
          .precision = "fp32",
          .versions = fmt::format("LibTorch {}", TORCH_VERSION)};
}

const torch::Tensor& TorchTimer::input(const Block& first) {
  auto& tensor = inputs_[{first.in_channels, first.in_size}];
  if (!tensor.defined()) {
    tensor = torch::rand({batch_, first.in_channels, first.in_size, first.in_size}, device_)
                 .contiguous(torch::MemoryFormat::ChannelsLast);
  }
  return tensor;
}

}  // namespace hsconas
