#pragma once

#include <chrono>

#include <c10/core/Event.h>
#include <c10/core/impl/VirtualGuardImpl.h>

#include "hsconas/supernet/torch_version.hpp"

namespace hsconas {

/// The time that work queued on a device's current stream takes: events in that stream where
/// LibTorch has them without CUDA's headers (2.4 and newer), else the steady clock around the
/// waiting for the device. On a CPU always the steady clock.
class DeviceClock {
 public:
  explicit DeviceClock(c10::Device device) : device_(device) {}

  /// Milliseconds that what `work` queues takes from its start to its end.
  template <typename Work>
  double time_ms(Work work) const {
#ifdef HSCONAS_HAVE_DEVICE_EVENTS
    if (!device_.is_cpu()) {
      const c10::impl::VirtualGuardImpl guard(device_.type());
      c10::Event begin(device_.type(), c10::EventFlag::BACKEND_DEFAULT);
      c10::Event end(device_.type(), c10::EventFlag::BACKEND_DEFAULT);
      const c10::Stream stream = guard.getStream(device_);
      begin.record(stream);
      work();
      end.record(stream);
      end.synchronize();
      return begin.elapsedTime(end);
    }
#endif
    wait();
    const auto start = std::chrono::steady_clock::now();
    work();
    wait();
    return std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start)
        .count();
  }

  /// Returns once everything queued on the current stream is done.
  void wait() const {
    if (device_.is_cpu()) return;
    const c10::impl::VirtualGuardImpl guard(device_.type());
    guard.getStream(device_).synchronize();
  }

 private:
  c10::Device device_;
};

}  // namespace hsconas
