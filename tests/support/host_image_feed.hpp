#pragma once

#include <memory>

#include "hsconas/kernels/image_feed.hpp"

namespace hsconas::test {

/// A GPU's feed that runs on the processor, with buffers on the host in place of a device's.
std::unique_ptr<ImageFeed> make_host_image_feed(const ImageFeedPlan& plan, ImageFeedMemory memory);

}  // namespace hsconas::test
