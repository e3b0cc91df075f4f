// This file is compiled with -ffp-contract=off, because the kernels must not fuse operations that a
// GPU does not fuse.
#include "support/host_image_feed.hpp"

#include <algorithm>
#include <cstring>

#include "kernels/cuda/host_queue.hpp"
#include "kernels/cuda/images.hpp"

namespace hsconas::test {

namespace {

class HostImageFeed : public ImageFeed {
 public:
  using ImageFeed::ImageFeed;

  void send(int slot, std::int64_t bytes) override {
    const auto at = static_cast<std::size_t>(slot);
    std::copy_n(memory_.host[at], plan_.record_bytes() + bytes, memory_.device[at]);
    // The host's buffer is overwritten, so that reading it after send() gives wrong images.
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

}  // namespace

std::unique_ptr<ImageFeed> make_host_image_feed(const ImageFeedPlan& plan, ImageFeedMemory memory) {
  return std::make_unique<HostImageFeed>(plan, std::move(memory));
}

}  // namespace hsconas::test
