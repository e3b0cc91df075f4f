#include "hsconas/report/retrain_record.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "hsconas/base/error.hpp"
#include "hsconas/base/json_reader.hpp"

namespace hsconas {

using nlohmann::json;

namespace {

constexpr const char* kFormat = "hsconas-retrain-1";

json as_json(const std::vector<DepthRecord>& depths) {
  json list = json::array();
  for (const DepthRecord& depth : depths) {
    list.push_back({{"folder", depth.folder},
                    {"arch", depth.arch},
                    {"macs", depth.macs},
                    {"parameters", depth.parameters},
                    {"test_accuracy", depth.test_accuracy}});
  }
  return list;
}

std::vector<DepthRecord> read_depths(JsonReader& reader) {
  std::vector<DepthRecord> depths;
  for (const json& object : reader.optional<std::vector<json>>("depths", {})) {
    JsonReader depth(object, "depths", ErrorKind::Data);
    depths.push_back({.folder = depth.required<std::string>("folder"),
                      .arch = depth.required<std::string>("arch"),
                      .macs = depth.required<std::int64_t>("macs"),
                      .parameters = depth.required<std::int64_t>("parameters"),
                      .test_accuracy = depth.required<double>("test_accuracy")});
  }
  return depths;
}

}  // namespace

json to_json(const RetrainRecord& record) {
  json object = {{"format", kFormat},
                 {"name", record.name},
                 {"seed", record.seed},
                 {"space", record.space},
                 {"arch", record.arch},
                 {"layers", record.layers},
                 {"macs", record.macs},
                 {"parameters", record.parameters},
                 {"epochs", record.epochs},
                 {"steps", record.steps},
                 {"test_images", record.test_images},
                 {"test_accuracy", record.test_accuracy},
                 {"test_top5", record.test_top5},
                 {"shared_test_accuracy",
                  record.shared_test_accuracy ? json(*record.shared_test_accuracy) : json()}};
  if (!record.depths.empty()) object["depths"] = as_json(record.depths);
  return object;
}

RetrainRecord read_retrain_record(const json& object, const std::string& source) {
  if (!object.is_object() || object.value("format", json()) != kFormat) {
    throw Error(ErrorKind::Data, source + ": not a result of a retraining");
  }
  try {
    JsonReader reader(object, "", ErrorKind::Data);
    const json shared = reader.required<json>("shared_test_accuracy");
    return {.name = reader.required<std::string>("name"),
            .seed = reader.required<std::uint64_t>("seed"),
            .space = reader.required<std::string>("space"),
            .arch = reader.required<std::string>("arch"),
            .layers = reader.required<std::string>("layers"),
            .macs = reader.required<std::int64_t>("macs"),
            .parameters = reader.required<std::int64_t>("parameters"),
            .epochs = reader.required<double>("epochs"),
            .steps = reader.required<std::int64_t>("steps"),
            .test_images = reader.required<std::int64_t>("test_images"),
            .test_accuracy = reader.required<double>("test_accuracy"),
            .test_top5 = reader.required<double>("test_top5"),
            .shared_test_accuracy =
                shared.is_null() ? std::nullopt
                                 : std::optional(reader.required<double>("shared_test_accuracy")),
            .depths = read_depths(reader)};
  } catch (const Error& error) {
    throw Error(ErrorKind::Data, fmt::format("{}: {}", source, error.what()));
  }
}

std::string format_retrain_record(const RetrainRecord& record) {
  std::string text = fmt::format(
      "\n{}\n  {}\n{:.2f} M multiply-adds, {:.3f} M parameters, {:g} epochs\n\n"
      "test accuracy {:.2f} %, top-5 {:.2f} %, on {} images",
      record.arch, record.layers, static_cast<double>(record.macs) / 1e6,
      static_cast<double>(record.parameters) / 1e6, record.epochs, 100.0 * record.test_accuracy,
      100.0 * record.test_top5, record.test_images);
  if (record.shared_test_accuracy) {
    text += fmt::format("; with the supernet's weights it was {:.2f} %",
                        100.0 * *record.shared_test_accuracy);
  }
  text += "\n";
  for (const DepthRecord& depth : record.depths) {
    text += fmt::format("{}: {:.2f} M multiply-adds, {:.3f} M parameters, test accuracy {:.2f} %\n",
                        depth.folder, static_cast<double>(depth.macs) / 1e6,
                        static_cast<double>(depth.parameters) / 1e6, 100.0 * depth.test_accuracy);
  }
  return text;
}

}  // namespace hsconas
