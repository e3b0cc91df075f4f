#include "hsconas/profile/torch_timer.hpp"

#include <chrono>
#include <fstream>
#include <string>

#include <fmt/format.h>
#include <torch/torch.h>

#include "hsconas/supernet/device.hpp"

namespace hsconas {

namespace {

void wait_for(const torch::Device& device) {
  if (device.is_cuda()) torch::cuda::synchronize(device.index());
}

}  // namespace

TorchTimer::TorchTimer(torch::Device device, int threads, int batch)
    : device_(device), threads_(threads), batch_(batch), previous_threads_(at::get_num_threads()) {
  at::set_num_threads(threads);
}

TorchTimer::~TorchTimer() {
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
  wait_for(device_);
  const auto start = std::chrono::steady_clock::now();
  for (int run = 0; run < runs; ++run) network.forward(x);
  wait_for(device_);
  const auto end = std::chrono::steady_clock::now();
  return std::chrono::duration<double, std::milli>(end - start).count() / runs;
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
