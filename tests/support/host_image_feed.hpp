#pragma once

#include <algorithm>
#include <cstring>

#include "hsconas/kernels/image_feed.hpp"
#include "kernels/cuda/host_queue.hpp"
#include "kernels/cuda/images.hpp"

namespace hsconas::test {

/// Runs a GPU's feed on the processor, with buffers of its own in place of a device's.
class HostImageFeed : public ImageFeed {
 public:
  HostImageFeed(const ImageFeedPlan& plan, ImageFeedMemory memory)
      : ImageFeed(plan, std::move(memory)) {}

  void send(int slot, std::int64_t bytes) override {
    const auto at = static_cast<std::size_t>(slot);
    std::copy_n(memory_.host[at], plan_.record_bytes() + bytes, memory_.device[at]);
    // Who writes there before the copy is waited for, or reads more than was sent, shows.
    std::memset(memory_.host[at], 0x5a, static_cast<std::size_t>(plan_.slot_bytes()));
  }
  void wait_until_sent(int /*slot*/) override {}
  void make(int slot, int images, float* out, std::int64_t* labels, void* /*stream*/) override {
    const std::uint8_t* buffer = memory_.device[static_cast<std::size_t>(slot)];
    cuda::make_images(
        queue_, plan_,
        cuda::ImageBatch{reinterpret_cast<const ImageRecord*>(buffer),
                         plan_.bytes > 0 ? buffer + plan_.record_bytes() : memory_.resident,
                         memory_.squares, memory_.values, images, out, labels});
  }

 private:
  cuda::HostQueue queue_;
};

}  // namespace hsconas::test
