#include "cuda_queue.hpp"
#include "hsconas/kernels/image_feed.hpp"
#include "images.hpp"

namespace hsconas {

namespace {

using cuda::check;

/// Makes a device current until this goes out of scope.
class CurrentDevice {
 public:
  explicit CurrentDevice(int device) {
    check(cudaGetDevice(&before_), "asking for the current device");
    if (before_ != device) check(cudaSetDevice(device), "choosing a device");
  }
  ~CurrentDevice() { cudaSetDevice(before_); }
  CurrentDevice(const CurrentDevice&) = delete;
  CurrentDevice& operator=(const CurrentDevice&) = delete;

 private:
  int before_ = 0;
};

/// Launches kernels on a stream. A CudaQueue would also allocate a workspace for products.
struct Launcher {
  cudaStream_t stream;

  template <typename Kernel>
  void launch(const Kernel& kernel, cuda::Grid grid, int shared_bytes = 0) const {
    const dim3 blocks(static_cast<unsigned>(grid.x), static_cast<unsigned>(grid.y));
    cuda::run_block<Kernel>
        <<<blocks, Kernel::kThreads, static_cast<std::size_t>(shared_bytes), stream>>>(kernel);
    check(cudaGetLastError(), "launching a kernel");
  }
};

class Stream {
 public:
  Stream() { check(cudaStreamCreateWithFlags(&stream_, cudaStreamNonBlocking), "making a stream"); }
  ~Stream() {
    cudaStreamSynchronize(stream_);
    cudaStreamDestroy(stream_);
  }
  Stream(const Stream&) = delete;
  Stream& operator=(const Stream&) = delete;
  cudaStream_t get() const { return stream_; }

 private:
  cudaStream_t stream_ = nullptr;
};

/// A mark in a stream. A thread that waits for it does not use the processor.
class Event {
 public:
  Event() {
    check(cudaEventCreateWithFlags(&event_, cudaEventDisableTiming | cudaEventBlockingSync),
          "making an event");
  }
  ~Event() { cudaEventDestroy(event_); }
  Event(const Event&) = delete;
  Event& operator=(const Event&) = delete;

  void record(cudaStream_t stream) { check(cudaEventRecord(event_, stream), "marking a stream"); }
  void hold(cudaStream_t stream) const {
    check(cudaStreamWaitEvent(stream, event_, 0), "ordering streams");
  }
  void wait() const { check(cudaEventSynchronize(event_), "waiting for a copy to the GPU"); }

 private:
  cudaEvent_t event_ = nullptr;
};

class CudaImageFeed : public ImageFeed {
 public:
  CudaImageFeed(const ImageFeedPlan& plan, ImageFeedMemory memory, cudaStream_t stream)
      : ImageFeed(plan, std::move(memory)), slots_(static_cast<std::size_t>(plan.slots)) {
    // The device memory may have belonged to others before, whose work is still in the stream.
    for (Slot& slot : slots_) slot.made.record(stream);
  }
  ~CudaImageFeed() override {
    int before = 0;
    cudaGetDevice(&before);
    cudaSetDevice(plan_.device);
    cudaStreamSynchronize(copies_.get());
    cudaSetDevice(before);
  }

  void send(int slot, std::int64_t bytes) override {
    const CurrentDevice current(plan_.device);
    Slot& sent = slots_[static_cast<std::size_t>(slot)];
    sent.made.hold(copies_.get());
    check(cudaMemcpyAsync(memory_.device[static_cast<std::size_t>(slot)],
                          memory_.host[static_cast<std::size_t>(slot)],
                          static_cast<std::size_t>(plan_.record_bytes() + bytes),
                          cudaMemcpyHostToDevice, copies_.get()),
          "copying images to the GPU");
    sent.sent.record(copies_.get());
  }

  void wait_until_sent(int slot) override {
    const CurrentDevice current(plan_.device);
    slots_[static_cast<std::size_t>(slot)].sent.wait();
  }

  void make(int slot, int images, float* out, std::int64_t* labels, void* stream) override {
    const CurrentDevice current(plan_.device);
    const Launcher queue{static_cast<cudaStream_t>(stream)};
    Slot& made = slots_[static_cast<std::size_t>(slot)];
    made.sent.hold(queue.stream);
    const std::uint8_t* buffer = memory_.device[static_cast<std::size_t>(slot)];
    make_images(queue, plan_,
                cuda::ImageBatch{reinterpret_cast<const ImageRecord*>(buffer),
                                 plan_.bytes > 0 ? buffer + plan_.record_bytes() : memory_.resident,
                                 memory_.squares, memory_.values, images, out, labels});
    made.made.record(queue.stream);
  }

 private:
  struct Slot {
    Event sent;  ///< The copy is done.
    Event made;  ///< The slot's device memory may be overwritten.
  };

  Stream copies_;
  std::vector<Slot> slots_;
};

}  // namespace

std::unique_ptr<ImageFeed> make_cuda_image_feed(const ImageFeedPlan& plan, ImageFeedMemory memory,
                                                void* stream) {
  const CurrentDevice current(plan.device);
  return std::make_unique<CudaImageFeed>(plan, std::move(memory),
                                         static_cast<cudaStream_t>(stream));
}

}  // namespace hsconas
