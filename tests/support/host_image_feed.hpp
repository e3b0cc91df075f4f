#pragma once

#include <memory>

#include "hsconas/kernels/image_feed.hpp"

namespace hsconas::test {

/// The image feed of a GPU, run on the CPU: its "device" buffers are in host memory.
std::unique_ptr<ImageFeed> make_host_image_feed(const ImageFeedPlan& plan, ImageFeedMemory memory);

}  // namespace hsconas::test
