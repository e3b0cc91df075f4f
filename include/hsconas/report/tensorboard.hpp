#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>

#include "hsconas/report/metrics.hpp"

namespace hsconas {

/// `payload` as one record of a TensorBoard event file, the framing of TFRecord: its length (8
/// bytes, little-endian), the masked CRC-32C of these bytes, the payload, its masked CRC-32C.
std::string tfrecord(std::string_view payload);

/// The scalars of one line of metrics.jsonl as an Event message (TensorFlow's event.proto): wall
/// time, step and a Summary of values tagged "<stage>/<key>".
std::string event_message(const MetricsLine& line);

/// Whether a file of this name is one.
bool is_event_file(std::string_view name);

/// Removes all event files in `folder`; what cannot be removed stays.
void remove_event_files(const std::filesystem::path& folder);

/// A run's event file, "events.out.tfevents.*" in its folder, for `tensorboard --logdir`.
///
/// It always holds exactly the lines of a MetricsHistory: it is written anew from metrics.jsonl
/// when a run starts or continues, which also does away with whatever a crash left half-written,
/// and grows by whole records while the run lasts, since TensorBoard follows growing files. Where
/// a line makes others void, a new file under another name replaces it.
class EventFile {
 public:
  /// Replaces all event files in `folder` by one with `history`. `now`, seconds since 1970, becomes
  /// part of its name. Throws Error(Data) as write_file() does, as do the others.
  EventFile(std::filesystem::path folder, MetricsHistory history, std::int64_t now);

  void add(const MetricsLine& line);
  /// Brings the file up to what was added.
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
  bool is_void_ = false;  ///< The file holds lines that no longer count.
};

}  // namespace hsconas
