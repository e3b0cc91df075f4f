#include "hsconas/report/tensorboard.hpp"

#include <bit>
#include <system_error>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "hsconas/base/files.hpp"
#include "hsconas/base/hash.hpp"

namespace hsconas {

namespace fs = std::filesystem;

namespace {

constexpr std::string_view kPrefix = "events.out.tfevents.";

// Protocol buffers' wire format: a field is its number and wire type, then its value.
enum class WireType : unsigned { Varint = 0, Fixed64 = 1, Bytes = 2, Fixed32 = 5 };

template <typename Unsigned>
void put_little_endian(std::string& out, Unsigned value) {
  for (unsigned shift = 0; shift < 8 * sizeof(value); shift += 8) {
    out += static_cast<char>((value >> shift) & 0xffU);
  }
}

void put_varint(std::string& out, std::uint64_t value) {
  for (; value >= 0x80U; value >>= 7U) out += static_cast<char>((value & 0x7fU) | 0x80U);
  out += static_cast<char>(value);
}

void put_key(std::string& out, unsigned field, WireType type) {
  put_varint(out, (field << 3U) | static_cast<unsigned>(type));
}

void put_double(std::string& out, unsigned field, double value) {
  put_key(out, field, WireType::Fixed64);
  put_little_endian(out, std::bit_cast<std::uint64_t>(value));
}

void put_float(std::string& out, unsigned field, float value) {
  put_key(out, field, WireType::Fixed32);
  put_little_endian(out, std::bit_cast<std::uint32_t>(value));
}

void put_bytes(std::string& out, unsigned field, std::string_view value) {
  put_key(out, field, WireType::Bytes);
  put_varint(out, value.size());
  out += value;
}

/// The first record of every event file.
std::string first_record(double time) {
  std::string event;
  put_double(event, 1, time);
  put_bytes(event, 3, "brain.Event:2");
  return tfrecord(event);
}

std::uint32_t masked_crc(std::string_view data) {
  const std::uint32_t crc = crc32c(data);
  return std::rotr(crc, 15) + 0xa282ead8U;
}

}  // namespace

std::string tfrecord(std::string_view payload) {
  std::string record;
  put_little_endian(record, std::uint64_t{payload.size()});
  put_little_endian(record, masked_crc(record));
  record += payload;
  put_little_endian(record, masked_crc(payload));
  return record;
}

std::string event_message(const MetricsLine& line) {
  std::string summary;
  for (const auto& [key, number] : line.values) {
    std::string value;
    put_bytes(value, 1, line.stage + "/" + key);
    put_float(value, 2, static_cast<float>(number));
    put_bytes(summary, 1, value);
  }
  std::string event;
  put_double(event, 1, line.time);
  put_key(event, 2, WireType::Varint);
  put_varint(event, static_cast<std::uint64_t>(line.step));
  put_bytes(event, 5, summary);
  return event;
}

bool is_event_file(std::string_view name) {
  return name.starts_with(kPrefix);
}

void remove_event_files(const fs::path& folder) {
  std::error_code ignored;
  std::vector<fs::path> files;
  for (const auto& entry : fs::directory_iterator(folder, ignored)) {
    if (is_event_file(entry.path().filename().string())) files.push_back(entry.path());
  }
  for (const fs::path& file : files) fs::remove(file, ignored);
}

EventFile::EventFile(fs::path folder, MetricsHistory history, std::int64_t now)
    : folder_(std::move(folder)), now_(now), history_(std::move(history)) {
  rewrite();
}

void EventFile::add(const MetricsLine& line) {
  if (history_.add(line)) {
    pending_ += tfrecord(event_message(line));
  } else {
    is_void_ = true;
  }
}

void EventFile::flush() {
  if (is_void_) {
    rewrite();
  } else if (!pending_.empty()) {
    append_file(path_, std::exchange(pending_, {}));
  }
}

void EventFile::rewrite() {
  remove_event_files(folder_);
  std::string contents = first_record(static_cast<double>(now_));
  for (const MetricsLine& line : history_.lines()) contents += tfrecord(event_message(line));
  // TensorBoard reads files in the order of their names and remembers its position in each file, so
  // the new file needs a later name.
  path_ = folder_ / fmt::format("{}{:010}.{}.hsconas", kPrefix, now_, files_++);
  write_file(path_, contents);
  pending_.clear();
  is_void_ = false;
}

}  // namespace hsconas
