#include "hsconas/report/metrics_log.hpp"

#include <chrono>
#include <string_view>

#include <nlohmann/json.hpp>

#include "hsconas/report/metrics.hpp"

namespace hsconas {

using nlohmann::json;

namespace {

constexpr int kLinesPerFlush = 25;

double unix_seconds() {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  return static_cast<double>(std::chrono::duration_cast<std::chrono::milliseconds>(now).count()) /
         1000.0;
}

}  // namespace

MetricsLog::MetricsLog(const std::filesystem::path& file, bool keep, bool with_events,
                       const GroupFiles& files)
    : files_(files), lines_(file, keep, files) {
  if (!with_events) return;
  files_.on_root([&] {
    events_.emplace(file.parent_path(), keep ? load_metrics(file) : MetricsHistory(),
                    static_cast<std::int64_t>(unix_seconds()));
  });
}

void MetricsLog::add(json line) {
  line["time"] = unix_seconds();
  lines_.append(line.dump());
  if (events_) events_->add(read_metrics_line(line));
  if (++unsaved_ >= kLinesPerFlush) flush();
}

void MetricsLog::drop_after(const std::string& stage, std::int64_t step) {
  lines_.drop_if([&](std::string_view line) {
    const json object = json::parse(line, nullptr, false);
    if (!object.is_object()) return true;
    return object.value("stage", json()) == stage && object.value("step", json()) > step;
  });
}

void MetricsLog::flush() {
  lines_.flush();
  files_.on_root([this] {
    if (events_) events_->flush();
  });
  unsaved_ = 0;
}

}  // namespace hsconas
