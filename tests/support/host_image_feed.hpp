#pragma once

#include <memory>

#include "hsconas/kernels/image_feed.hpp"

namespace hsconas::test {

/// A feed for a GPU that runs on the processor; the device's buffers are in host memory.
std::unique_ptr<ImageFeed> make_host_image_feed(const ImageFeedPlan& plan, ImageFeedMemory memory);

}  // namespace hsconas::test
