#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace hsconas {

/// One decoded image. `pixels` is interleaved, row by row: height * width * channels bytes.
struct Image {
  int channels = 0;  ///< 3 (red, green, blue) or 1 (grey).
  int height = 0;
  int width = 0;
  std::vector<std::uint8_t> pixels;

  /// Changes the shape; the contents of `pixels` are unspecified afterwards.
  void reshape(int new_channels, int new_height, int new_width);
};

/// Labelled images in a fixed order. Immutable, so any number of threads may read at once.
class ImageSource {
 public:
  virtual ~ImageSource() = default;

  virtual std::int64_t size() const = 0;
  /// Class of image `i`, in [0, classes).
  virtual int label(std::int64_t i) const = 0;
  /// Decodes image `i` into `out`. With `min_side` > 0 the result may be reduced, as long as its
  /// shorter side keeps at least `min_side` pixels, because JPEG decodes much faster that way.
  /// Throws Error(Data) that names the file when the image is damaged.
  virtual void load(std::int64_t i, Image& out, int min_side) const = 0;
  /// The origin of image `i`, for error messages: a file name, or a file and a number.
  virtual std::string describe(std::int64_t i) const = 0;
  /// Whether load() only copies from memory.
  virtual bool is_in_memory() const { return false; }
  /// Identifies the content of image `i`, independent of the data set's path: a hash of its pixels,
  /// or of its file where decoding would be slower.
  virtual std::uint64_t fingerprint(std::int64_t i) const;
};

/// Images of one size, kept in memory.
class MemorySource : public ImageSource {
 public:
  struct Shape {
    int channels = 0;
    int height = 0;
    int width = 0;
    std::size_t bytes() const;
  };

  /// `pixels` holds labels.size() images of `shape`, one after the other, each as in Image.
  MemorySource(std::string name, Shape shape, std::vector<std::uint8_t> pixels,
               std::vector<int> labels);

  std::int64_t size() const override { return static_cast<std::int64_t>(labels_.size()); }
  int label(std::int64_t i) const override { return labels_[static_cast<std::size_t>(i)]; }
  void load(std::int64_t i, Image& out, int min_side) const override;
  std::string describe(std::int64_t i) const override;
  bool is_in_memory() const override { return true; }

 private:
  std::string name_;
  Shape shape_;
  std::vector<std::uint8_t> pixels_;
  std::vector<int> labels_;
};

/// Some images of another source, in the order of `indices`.
class SubsetSource : public ImageSource {
 public:
  SubsetSource(std::shared_ptr<const ImageSource> source, std::vector<std::int64_t> indices);

  std::int64_t size() const override { return static_cast<std::int64_t>(indices_.size()); }
  int label(std::int64_t i) const override { return source_->label(at(i)); }
  void load(std::int64_t i, Image& out, int min_side) const override {
    source_->load(at(i), out, min_side);
  }
  std::string describe(std::int64_t i) const override { return source_->describe(at(i)); }
  bool is_in_memory() const override { return source_->is_in_memory(); }
  std::uint64_t fingerprint(std::int64_t i) const override { return source_->fingerprint(at(i)); }

 private:
  std::int64_t at(std::int64_t i) const { return indices_[static_cast<std::size_t>(i)]; }

  std::shared_ptr<const ImageSource> source_;
  std::vector<std::int64_t> indices_;
};

}  // namespace hsconas
