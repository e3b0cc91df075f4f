#pragma once

#include <chrono>

#include <c10/core/Event.h>
#include <c10/core/impl/VirtualGuardImpl.h>

#include "hsconas/supernet/torch_version.hpp"

namespace hsconas {

/// Measures the time of work queued on a device's current stream. On a GPU it uses events in that
/// stream when LibTorch offers them without CUDA's headers (2.4 and newer), else the steady clock,
/// waiting for the device before and after. On a CPU it uses the steady clock.
class DeviceClock {
 public:
  explicit DeviceClock(c10::Device device) : device_(device) {}

  /// Milliseconds from the start to the end of the work that `work` queues.
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

  /// Waits until everything queued on the current stream is done.
  void wait() const {
    if (device_.is_cpu()) return;
    const c10::impl::VirtualGuardImpl guard(device_.type());
    guard.getStream(device_).synchronize();
  }

 private:
  c10::Device device_;
};

}  // namespace hsconas
