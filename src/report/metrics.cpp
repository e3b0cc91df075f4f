#include "hsconas/report/metrics.hpp"

#include <algorithm>
#include <system_error>
#include <utility>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "hsconas/base/error.hpp"
#include "hsconas/base/files.hpp"
#include "hsconas/base/json_reader.hpp"
#include "hsconas/base/text.hpp"

namespace hsconas {

using nlohmann::json;

MetricsLine read_metrics_line(const json& object) {
  JsonReader reader(object, "", ErrorKind::Data);
  MetricsLine line{.stage = reader.required<std::string>("stage"),
                   .step = reader.required<std::int64_t>("step"),
                   .time = reader.optional("time", 0.0),
                   .values = {}};
  for (const auto& [key, value] : object.items()) {
    if (key != "step" && key != "time" && value.is_number()) {
      line.values[key] = value.get<double>();
    }
  }
  return line;
}

bool MetricsHistory::add(MetricsLine line) {
  const auto of_stage = [&](const MetricsLine& old) { return old.stage == line.stage; };
  const auto last = std::find_if(lines_.rbegin(), lines_.rend(), of_stage);
  const bool continues = last == lines_.rend() || last->step < line.step;
  if (!continues) {
    const auto is_void = [&](const MetricsLine& old) {
      return of_stage(old) && old.step >= line.step;
    };
    lines_.erase(std::find_if(lines_.begin(), lines_.end(), is_void), lines_.end());
  }
  lines_.push_back(std::move(line));
  return continues;
}

MetricsHistory load_metrics(const std::filesystem::path& file) {
  MetricsHistory history;
  if (!is_there(file)) return history;
  std::size_t number = 0;
  for (const std::string& text : split(read_file(file), '\n')) {
    ++number;
    if (text.empty()) continue;
    const json line = json::parse(text, nullptr, false);
    if (!line.is_object()) {
      throw Error(ErrorKind::Data, fmt::format("{}:{}: is no JSON object", file.string(), number));
    }
    try {
      history.add(read_metrics_line(line));
    } catch (const Error& error) {
      throw Error(ErrorKind::Data, fmt::format("{}:{}: {}", file.string(), number, error.what()));
    }
  }
  return history;
}

}  // namespace hsconas
