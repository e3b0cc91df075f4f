#pragma once

#include <filesystem>
#include <memory>
#include <string_view>

namespace hsconas {

/// How much reaches the terminal; the log file always gets everything.
enum class Verbosity { Quiet, Normal, Verbose };

/// The run's messages: to stderr (stdout is for results) and, once attached, to a file.
/// Safe to use from several threads.
class Log {
 public:
  /// With `console` off nothing reaches the terminal: for tests.
  explicit Log(Verbosity verbosity = Verbosity::Normal, bool console = true);
  ~Log();
  Log(const Log&) = delete;
  Log& operator=(const Log&) = delete;

  void detail(std::string_view message);  ///< Shown with -v.
  void info(std::string_view message);
  void warn(std::string_view message);

  /// From now on appends every message, with its time, to `path` instead of the file attached
  /// before. The first file also gets the messages from before (the last 1000 of them).
  /// Throws Error(Data) when the file cannot be opened.
  void attach_file(const std::filesystem::path& path);

  /// True when info messages reach a terminal a person looks at, so that a progress bar helps.
  bool interactive() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace hsconas
