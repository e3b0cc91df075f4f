#pragma once

#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

// In C++17, since CUDA's compilers read this header too.
namespace hsconas {

/// One kind of colour change.
enum class ColourStep : std::uint8_t { Brightness, Contrast, Saturation };

/// Colour changes of an image, made one after the other: steps[k] by factors[k]. A factor of 1
/// changes nothing.
struct Jitter {
  ColourStep steps[3] = {ColourStep::Brightness, ColourStep::Contrast, ColourStep::Saturation};
  float factors[3] = {1.0F, 1.0F, 1.0F};
};

/// How one image of a batch is made.
struct ImageRecord {
  std::int64_t at = 0;  ///< Offset of its bytes, which are interleaved [height, width, channels].
  std::int64_t label = 0;
  std::int32_t width = 0;  ///< Pixels of a crop; not used for squares.
  std::int32_t height = 0;
  std::int32_t shift_x = 0;  ///< Squares: pixel (x, y) is taken from (x + shift_x, y + shift_y).
  std::int32_t shift_y = 0;
  Jitter jitter;  ///< For crops only.
  bool is_mirrored = false;
};

/// Most weights per pixel along an axis that an ImageFeed's triangle filter can have; a crop that
/// needs more must be resized before.
constexpr int kMostCropWeights = 16;

/// The outputs of an ImageFeed and the sizes of its buffers.
struct ImageFeedPlan {
  int device = 0;  ///< Number of the GPU.
  int side = 0;    ///< Pixels a side of the network's input.
  int channels = 0;
  /// Images are crops of any size that are resized, jittered and mirrored; otherwise they are
  /// squares of `side` pixels that are shifted and mirrored, with zeros where a pixel is missing.
  bool has_crops = false;
  int batch = 0;           ///< Most images of a batch.
  int slots = 0;           ///< Batches that can be in preparation at once.
  std::int64_t bytes = 0;  ///< Size of a slot's images; 0: they are resident on the device.
  float mean[3] = {};      ///< Crops: normalisation of pixels in [0, 1].
  float deviation[3] = {};

  std::int64_t square_bytes() const { return std::int64_t{channels} * side * side; }
  /// A slot holds the records of a batch, then its images.
  std::int64_t record_bytes() const {
    return std::int64_t{batch} * static_cast<std::int64_t>(sizeof(ImageRecord));
  }
  std::int64_t slot_bytes() const { return record_bytes() + bytes; }
};

/// Memory of an ImageFeed, aligned to 16 bytes. It belongs to the caller and must outlive the feed.
struct ImageFeedMemory {
  std::vector<std::uint8_t*> host;         ///< slot_bytes() for every slot, pinned.
  std::vector<std::uint8_t*> device;       ///< slot_bytes() for every slot, on the device.
  const std::uint8_t* resident = nullptr;  ///< On the device: all images of the set, as squares.
  std::uint8_t* squares = nullptr;         ///< On the device, for crops: batch * square_bytes().
  const float* values = nullptr;  ///< On the device, for squares: byte -> input, [channels][256].
};

/// Makes batches of network inputs on a device out of bytes from the host. A batch goes through one
/// of `slots` pairs of buffers, one on the host and one on the device:
///
///   fill records(slot) and images(slot) -> send() -> make(), and wait_until_sent() before the host
///   fills that slot again.
///
/// The values are those of Transform, bit by bit. Copies run beside the device's computations.
/// Errors of the device throw Error(Device). send(), make() and wait_until_sent() are for one
/// thread.
class ImageFeed {
 public:
  ImageFeed(const ImageFeedPlan& plan, ImageFeedMemory memory)
      : plan_(plan), memory_(std::move(memory)) {}
  /// Waits for copies that are under way.
  virtual ~ImageFeed() = default;
  ImageFeed(const ImageFeed&) = delete;
  ImageFeed& operator=(const ImageFeed&) = delete;

  const ImageFeedPlan& plan() const { return plan_; }
  ImageRecord* records(int slot) const {
    return reinterpret_cast<ImageRecord*>(memory_.host[static_cast<std::size_t>(slot)]);
  }
  /// ImageRecord::at counts from here, unless the images are resident.
  std::uint8_t* images(int slot) const {
    return memory_.host[static_cast<std::size_t>(slot)] + plan_.record_bytes();
  }

  /// Begins to copy the slot's records and its first `bytes` bytes of images to the device.
  virtual void send(int slot, std::int64_t bytes) = 0;
  /// Waits until the host may fill `slot` again.
  virtual void wait_until_sent(int slot) = 0;
  /// Enqueues to `stream` (a cudaStream_t) the kernels that turn the slot's first `images` records
  /// into out [images, side, side, channels] and labels [images], both on the device.
  virtual void make(int slot, int images, float* out, std::int64_t* labels, void* stream) = 0;

 protected:
  ImageFeedPlan plan_;
  ImageFeedMemory memory_;
};

/// A feed for a GPU. `stream` is the one on which the device memory was allocated. Exists only if
/// the program is built with HSCONAS_CUDA.
std::unique_ptr<ImageFeed> make_cuda_image_feed(const ImageFeedPlan& plan, ImageFeedMemory memory,
                                                void* stream);

}  // namespace hsconas
