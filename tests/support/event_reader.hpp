#pragma once

#include <bit>
#include <cstdint>
#include <filesystem>
#include <map>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "hsconas/base/files.hpp"

/// Reads TensorBoard event files by their specification, without using code of the writer.
namespace hsconas::test {

[[noreturn]] inline void broken(const char* what) {
  throw std::runtime_error(what);
}

/// Bytes that are consumed from the front.
class Bytes {
 public:
  explicit Bytes(std::string_view bytes) : rest_(bytes) {}
  bool empty() const { return rest_.empty(); }

  std::string_view take(std::uint64_t count) {
    if (count > rest_.size()) broken("ends too early");
    const std::string_view bytes = rest_.substr(0, static_cast<std::size_t>(count));
    rest_.remove_prefix(bytes.size());
    return bytes;
  }
  std::uint64_t fixed(unsigned bytes) {
    std::uint64_t value = 0;
    unsigned shift = 0;
    for (const char c : take(bytes)) {
      value |= std::uint64_t{static_cast<unsigned char>(c)} << shift;
      shift += 8;
    }
    return value;
  }
  std::uint64_t varint() {
    std::uint64_t value = 0;
    for (unsigned shift = 0; shift < 70; shift += 7) {
      const auto byte = static_cast<unsigned char>(take(1)[0]);
      value |= std::uint64_t{byte & 0x7fU} << shift;
      if (byte < 0x80U) return value;
    }
    broken("has a number of more than ten bytes");
  }

 private:
  std::string_view rest_;
};

/// CRC-32C bit by bit: long division by the polynomial 0x1edc6f41, lowest bit of each byte first.
inline std::uint32_t slow_crc32c(std::string_view data) {
  std::uint32_t remainder = 0xffffffffU;
  for (const char c : data) {
    for (unsigned bit = 0; bit < 8; ++bit) {
      const std::uint32_t in = (static_cast<unsigned char>(c) >> bit) & 1U;
      const std::uint32_t out = remainder >> 31U;
      remainder <<= 1U;
      if ((in ^ out) != 0) remainder ^= 0x1edc6f41U;
    }
  }
  std::uint32_t reflected = 0;
  for (unsigned bit = 0; bit < 32; ++bit) {
    reflected |= ((remainder >> bit) & 1U) << (31U - bit);
  }
  return reflected ^ 0xffffffffU;
}

inline std::uint32_t mask(std::uint32_t crc) {
  return ((crc >> 15U) | (crc << 17U)) + 0xa282ead8U;
}

/// The payloads of all records; throws std::runtime_error for a torn or damaged one.
inline std::vector<std::string> payloads_of(std::string_view contents) {
  std::vector<std::string> payloads;
  for (Bytes bytes(contents); !bytes.empty();) {
    const std::string_view length = bytes.take(8);
    if (bytes.fixed(4) != mask(slow_crc32c(length))) broken("has a wrong checksum of the length");
    payloads.emplace_back(bytes.take(Bytes(length).fixed(8)));
    if (bytes.fixed(4) != mask(slow_crc32c(payloads.back()))) broken("has a wrong checksum");
  }
  return payloads;
}

struct Event {
  double wall_time = 0.0;
  std::int64_t step = 0;
  std::string file_version;
  std::map<std::string, float> values;
};

/// Reads a Summary.Value: tag = 1, simple_value = 2.
inline void read_value(Bytes bytes, Event& event) {
  std::string tag;
  float value = 0.0F;
  while (!bytes.empty()) {
    const auto key = bytes.varint();
    if (key == ((1U << 3U) | 2U)) {
      tag = bytes.take(bytes.varint());
    } else if (key == ((2U << 3U) | 5U)) {
      value = std::bit_cast<float>(static_cast<std::uint32_t>(bytes.fixed(4)));
    } else {
      broken("has an unknown field in a value");
    }
  }
  if (!event.values.emplace(tag, value).second) broken("has a tag twice");
}

/// Reads an Event: wall_time = 1, step = 2, file_version = 3, summary = 5 {value = 1}.
inline Event read_event(std::string_view payload) {
  Event event;
  for (Bytes bytes(payload); !bytes.empty();) {
    const auto key = bytes.varint();
    if (key == ((1U << 3U) | 1U)) {
      event.wall_time = std::bit_cast<double>(bytes.fixed(8));
    } else if (key == (2U << 3U)) {
      event.step = static_cast<std::int64_t>(bytes.varint());
    } else if (key == ((3U << 3U) | 2U)) {
      event.file_version = bytes.take(bytes.varint());
    } else if (key == ((5U << 3U) | 2U)) {
      for (Bytes summary(bytes.take(bytes.varint())); !summary.empty();) {
        if (summary.varint() != ((1U << 3U) | 2U)) broken("has an unknown field in a summary");
        read_value(Bytes(summary.take(summary.varint())), event);
      }
    } else {
      broken("has an unknown field in an event");
    }
  }
  return event;
}

inline std::vector<Event> events_of(std::string_view contents) {
  std::vector<Event> events;
  for (const std::string& payload : payloads_of(contents)) events.push_back(read_event(payload));
  return events;
}

struct Scalar {
  std::string tag;
  std::int64_t step = 0;
  float value = 0.0F;
  double wall_time = 0.0;
};

/// All values of an event file. Its first event must hold the version.
inline std::vector<Scalar> scalars_of(const std::filesystem::path& file) {
  const std::string contents = read_file(file);
  const auto events = events_of(contents);
  if (events.empty() || events[0].file_version != "brain.Event:2") broken("has no version");
  std::vector<Scalar> scalars;
  for (const Event& event : events) {
    for (const auto& [tag, value] : event.values) {
      scalars.push_back({tag, event.step, value, event.wall_time});
    }
  }
  return scalars;
}

inline std::filesystem::path only_event_file(const std::filesystem::path& folder) {
  std::vector<std::filesystem::path> found;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    if (entry.path().filename().string().starts_with("events.out.tfevents.")) {
      found.push_back(entry.path());
    }
  }
  if (found.size() != 1) broken("there is not exactly one event file");
  return found[0];
}

}  // namespace hsconas::test
