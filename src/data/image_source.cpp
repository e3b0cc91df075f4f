#include "hsconas/data/image_source.hpp"

#include <cassert>
#include <cstddef>
#include <utility>

#include <fmt/format.h>

#include "hsconas/base/hash.hpp"

namespace hsconas {

namespace {

std::size_t byte_count(int channels, int height, int width) {
  return static_cast<std::size_t>(channels) * static_cast<std::size_t>(height) *
         static_cast<std::size_t>(width);
}

}  // namespace

void Image::reshape(int new_channels, int new_height, int new_width) {
  channels = new_channels;
  height = new_height;
  width = new_width;
  pixels.resize(byte_count(channels, height, width));
}

std::size_t MemorySource::Shape::bytes() const {
  return byte_count(channels, height, width);
}

std::uint64_t ImageSource::fingerprint(std::int64_t i) const {
  Image image;
  load(i, image, 0);
  return fnv1a({reinterpret_cast<const char*>(image.pixels.data()), image.pixels.size()});
}

MemorySource::MemorySource(std::string name, Shape shape, std::vector<std::uint8_t> pixels,
                           std::vector<int> labels)
    : name_(std::move(name)),
      shape_(shape),
      pixels_(std::move(pixels)),
      labels_(std::move(labels)) {
  assert(pixels_.size() == labels_.size() * shape_.bytes());
}

void MemorySource::load(std::int64_t i, Image& out, int /*min_side*/) const {
  const std::size_t bytes = shape_.bytes();
  const auto begin =
      pixels_.begin() + static_cast<std::ptrdiff_t>(static_cast<std::size_t>(i) * bytes);
  out.channels = shape_.channels;
  out.height = shape_.height;
  out.width = shape_.width;
  out.pixels.assign(begin, begin + static_cast<std::ptrdiff_t>(bytes));
}

std::string MemorySource::describe(std::int64_t i) const {
  return fmt::format("{}, image {}", name_, i);
}

SubsetSource::SubsetSource(std::shared_ptr<const ImageSource> source,
                           std::vector<std::int64_t> indices)
    : source_(std::move(source)), indices_(std::move(indices)) {}

}  // namespace hsconas
