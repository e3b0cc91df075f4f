#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>

#include "hsconas/report/metrics.hpp"

namespace hsconas {

/// Encodes `payload` as one record of a TensorBoard event file (TFRecord framing): its length (8
/// bytes, little-endian), the masked CRC-32C of these bytes, the payload and its masked CRC-32C.
std::string tfrecord(std::string_view payload);

/// Encodes one line of metrics.jsonl as an Event message (TensorFlow's event.proto): wall time,
/// step and a Summary of scalars tagged "<stage>/<key>".
std::string event_message(const MetricsLine& line);

/// Whether `name` is the name of an event file.
bool is_event_file(std::string_view name);

/// Removes all event files in `folder`; ignores errors.
void remove_event_files(const std::filesystem::path& folder);

/// A run's event file, "events.out.tfevents.*" in its folder, for `tensorboard --logdir`.
///
/// The file holds exactly the lines of a MetricsHistory. It is rewritten from metrics.jsonl when a
/// run starts or continues, which also removes records that a crash left incomplete. During the run
/// complete records are appended, because TensorBoard follows growing files. When a line supersedes
/// others, a new file with another name replaces the old one.
class EventFile {
 public:
  /// Replaces all event files in `folder` by one with `history`. `now`, seconds since 1970, becomes
  /// part of its name. The constructor and flush() throw what write_file() throws.
  EventFile(std::filesystem::path folder, MetricsHistory history, std::int64_t now);

  void add(const MetricsLine& line);
  /// Writes the added lines to the file.
  void flush();
  const std::filesystem::path& path() const { return path_; }

 private:
  void rewrite();

  std::filesystem::path folder_;
  std::filesystem::path path_;
  std::int64_t now_;
  int files_ = 0;
  MetricsHistory history_;
  std::string pending_;   ///< Records to append.
  bool is_void_ = false;  ///< The file holds superseded lines and must be rewritten.
};

}  // namespace hsconas
