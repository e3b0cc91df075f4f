#include "hsconas/base/log.hpp"

#include <unistd.h>
#include <utility>
#include <vector>

#include <spdlog/logger.h>
#include <spdlog/sinks/ansicolor_sink.h>
#include <spdlog/sinks/basic_file_sink.h>
#include <spdlog/sinks/ringbuffer_sink.h>

#include "hsconas/base/error.hpp"
#include "hsconas/base/text.hpp"

namespace hsconas {

namespace {

constexpr std::size_t kMostEarlyMessages = 1000;

}  // namespace

struct Log::Impl {
  spdlog::logger logger{"hsconas"};
  std::shared_ptr<spdlog::sinks::ringbuffer_sink_mt> early;  ///< Messages before the first file.
  spdlog::sink_ptr file;
  bool interactive = false;
};

Log::Log(Verbosity verbosity, bool console) : impl_(std::make_unique<Impl>()) {
  impl_->logger.set_level(spdlog::level::debug);
  impl_->logger.flush_on(spdlog::level::info);
  // If the log cannot be written (full disk), the run goes on and errors do not flood the terminal.
  impl_->logger.set_error_handler([](const std::string&) {});
  impl_->early = std::make_shared<spdlog::sinks::ringbuffer_sink_mt>(kMostEarlyMessages);
  impl_->logger.sinks().push_back(impl_->early);
  if (!console) return;
  auto terminal = std::make_shared<spdlog::sinks::ansicolor_stderr_sink_mt>();
  terminal->set_pattern("%H:%M:%S %^%v%$");
  terminal->set_level(verbosity == Verbosity::Quiet    ? spdlog::level::warn
                      : verbosity == Verbosity::Normal ? spdlog::level::info
                                                       : spdlog::level::debug);
  impl_->interactive = verbosity != Verbosity::Quiet && ::isatty(STDERR_FILENO) == 1;
  impl_->logger.sinks().push_back(std::move(terminal));
}

Log::~Log() = default;

void Log::detail(std::string_view message) {
  impl_->logger.debug("{}", printable(message));
}
void Log::info(std::string_view message) {
  impl_->logger.info("{}", printable(message));
}
void Log::warn(std::string_view message) {
  impl_->logger.warn("warning: {}", printable(message));
}

void Log::attach_file(const std::filesystem::path& path) {
  try {
    auto file = std::make_shared<spdlog::sinks::basic_file_sink_mt>(path.string());
    file->set_pattern("%Y-%m-%dT%H:%M:%S%z %l %v");
    auto& sinks = impl_->logger.sinks();
    if (impl_->early) {
      for (const auto& message : impl_->early->last_raw()) file->log(message);
      file->flush();
      std::erase(sinks, spdlog::sink_ptr(impl_->early));
      impl_->early.reset();
    }
    std::erase(sinks, impl_->file);
    impl_->file = file;
    sinks.push_back(std::move(file));
  } catch (const spdlog::spdlog_ex& error) {
    throw Error(ErrorKind::Data, path.string() + ": cannot write the log: " + error.what());
  }
}

bool Log::interactive() const {
  return impl_->interactive;
}

}  // namespace hsconas
