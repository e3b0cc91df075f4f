#pragma once

// Everything that depends on the version or the build of LibTorch, 1.13 to 2.x. In addition, CMake
// defines HSCONAS_TORCH_CUDA when LibTorch has CUDA; the presence of its CUDA headers proves
// nothing, because CPU builds contain them too.

#include <c10/util/Exception.h>
#include <torch/version.h>

#define HSCONAS_TORCH_AT_LEAST(major, minor) \
  (TORCH_VERSION_MAJOR > (major) ||          \
   (TORCH_VERSION_MAJOR == (major) && TORCH_VERSION_MINOR >= (minor)))

#if HSCONAS_TORCH_AT_LEAST(2, 4)
#define HSCONAS_HAVE_DEVICE_EVENTS  ///< c10::Event can measure times without CUDA's headers.
#endif

namespace hsconas {

/// Suppresses LibTorch's warnings in this thread during its lifetime. LibTorch 2.9 and later warn
/// that the TF32 functions are deprecated, but older versions have no others.
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
