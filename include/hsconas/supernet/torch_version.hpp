#pragma once

// Everything that depends on the version or the build of LibTorch, 1.13 to 2.x. Beside these
// switches, CMake defines HSCONAS_TORCH_CUDA where LibTorch has CUDA: its CUDA headers alone do not
// tell, because builds for the CPU ship them too.

#include <c10/util/Exception.h>
#include <torch/version.h>

#define HSCONAS_TORCH_AT_LEAST(major, minor) \
  (TORCH_VERSION_MAJOR > (major) ||          \
   (TORCH_VERSION_MAJOR == (major) && TORCH_VERSION_MINOR >= (minor)))

#if HSCONAS_TORCH_AT_LEAST(2, 4)
#define HSCONAS_HAVE_DEVICE_EVENTS  ///< c10::Event measures times, without CUDA's headers.
#endif

namespace hsconas {

/// Suppresses LibTorch's warnings in this thread while it lives. From 2.9 on, LibTorch warns of the
/// only functions for TF32 that older versions have too; before, there is nothing to suppress.
class QuietTorch {
#if HSCONAS_TORCH_AT_LEAST(2, 9)
  struct Silence : c10::WarningHandler {
    void process(const c10::Warning&) override {}
  };
  Silence silence_;
  c10::WarningUtils::WarningHandlerGuard guard_{&silence_};
#endif

 public:
  QuietTorch() {}
  ~QuietTorch() {}
  QuietTorch(const QuietTorch&) = delete;
  QuietTorch& operator=(const QuietTorch&) = delete;
};

}  // namespace hsconas
